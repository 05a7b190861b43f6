"""Tests of flows that need a database make one as the store's tests do."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.append(str(Path(__file__).parents[1] / "store"))  # databases.py
