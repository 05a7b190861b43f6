"""The file that is served: small, and made of the source."""

from __future__ import annotations

import base64
import gzip
import hashlib
import json
import shutil
import subprocess

import pytest
from lab.asterisk import CHECKOUT

BUILT = CHECKOUT / "bridge/web/static/s"


def test_at_most_3_kb() -> None:
    assert len(gzip.compress((BUILT / "v1.js").read_bytes(), 9)) <= 3000


def test_the_manifest_is_of_this_file() -> None:
    code = (BUILT / "v1.js").read_bytes()
    said = json.loads((BUILT / "manifest.json").read_text())
    digest = hashlib.sha384(code).digest()
    assert said["integrity"] == f"sha384-{base64.b64encode(digest).decode()}"
    assert (said["file"], said["immutable"]) == ("v1.js", f"v1.{digest.hex()[:8]}.js")
    assert (said["bytes"], said["gzip"]) == (len(code), len(gzip.compress(code, 9)))


def test_it_is_what_the_source_gives() -> None:
    if not shutil.which("npm"):
        pytest.skip("no npm: the file cannot be built here")
    done = subprocess.run([CHECKOUT / "scripts/build-snippet", "--check"], capture_output=True, text=True, check=False)
    if done.returncode == 2:
        pytest.skip(f"it cannot be built here: {done.stderr}")
    assert done.returncode == 0, done.stderr
