"""Putting the bridge beside an Asterisk: what `callbridge init` writes, how it changes Asterisk's files, and how that is undone.

``bridge.conf`` and the sounds in this folder are links to ``dialplan/``: there is one copy, and an installed package carries it.
"""

from importlib import resources
from pathlib import Path
from typing import Final

DIALPLAN: Final = "bridge.conf"
LANGUAGES: Final = ("en", "ru")  #: notices are shipped in these


def shipped(name: str) -> bytes:
    """The content of a file that comes with the package: ``bridge.conf``, ``notice-ru.wav``."""
    return resources.files(__name__).joinpath(name).read_bytes()


def shipped_dialplan() -> str:
    """The dialplan of this version."""
    return shipped(DIALPLAN).decode()


def backup_of(path: Path, stamp: str) -> Path:
    """Where the old content of a changed file is kept."""
    return path.with_name(f"{path.name}.bak-{stamp}")
