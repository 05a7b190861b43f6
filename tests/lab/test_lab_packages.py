import os
from pathlib import Path

import pytest
from lab import apt_sources, packages
from lab.apt_sources import NoArchiveError, Source, archive, read_sources

DEB822 = """# made by the installer
Types: deb
URIs: http://mirror.example/debian
Suites: bookworm bookworm-updates
Components: main
Signed-By: /usr/share/keyrings/debian-archive-keyring.gpg

Types: deb
URIs: http://mirror.example/debian-security
Suites: bookworm-security
Components: main
Signed-By: /usr/share/keyrings/debian-archive-keyring.gpg

Types: deb
URIs: http://off.example/debian
Suites: bookworm
Enabled: no
"""


def _apt(folder: Path, **files: str) -> Path:
    (folder / "sources.list.d").mkdir(parents=True)
    for name, text in files.items():
        (folder / "sources.list.d" / name.replace("__", ".")).write_text(text)
    return folder


def test_the_archive_is_found_among_vendors_and_security(tmp_path: Path):
    apt = _apt(
        tmp_path / "apt",
        a_node__sources="Types: deb\nURIs: https://node.example/20\nSuites: nodistro\nSigned-By: /usr/share/keyrings/node.gpg\n",
        b_cloud__list="deb [signed-by=/usr/share/keyrings/cloud.gpg] https://cloud.example/apt cloud-bookworm main\n",
        debian__sources=DEB822,
    )
    assert archive(read_sources(apt), "debian", "bookworm").uri == "http://mirror.example/debian"


def test_one_line_sources_with_and_without_options(tmp_path: Path):
    apt = _apt(tmp_path / "apt")
    (apt / "sources.list").write_text(
        "deb-src http://src.example/debian bookworm main\n"
        "# deb http://commented.example/debian bookworm main\n"
        "deb cdrom:[Debian GNU/Linux 12]/ bookworm main\n"
        "deb http://security.example/debian-security bookworm-security main\n"
        "deb [arch=amd64 trusted=yes] http://mirror.example/debian/ bookworm main contrib # here\n"
    )
    found = archive(read_sources(apt), "debian", "bookworm")
    assert (found.uri, found.trusted) == ("http://mirror.example/debian/", True)


def test_a_mirror_list_and_several_addresses(tmp_path: Path):
    apt = _apt(
        tmp_path / "apt",
        debian__sources="Types: deb deb-src\nURIs:\n mirror+file:///etc/apt/mirrors/debian.list\n http://two.example\nSuites: trixie\n",
    )
    assert [x.uri for x in read_sources(apt)] == ["mirror+file:///etc/apt/mirrors/debian.list", "http://two.example"]
    assert archive(read_sources(apt), "debian", "trixie").uri.startswith("mirror+file:")


def test_no_archive_says_what_to_do():
    with pytest.raises(NoArchiveError, match=r"archive of debian bookworm: add it to /etc/apt/sources\.list"):
        archive([Source("https://vendor.example", ("stable",))], "debian", "bookworm")


def test_a_key_written_into_the_source_gives_way_to_the_installed_keyring(tmp_path: Path):
    apt = _apt(
        tmp_path / "apt",
        debian__sources="Types: deb\nURIs: http://m.example/debian\nSuites: bookworm\nSigned-By:\n -----BEGIN PGP-----\n .\n abc\n",
    )
    assert read_sources(apt)[0].keyring is None
    assert archive(read_sources(apt), "debian", "bookworm").keyring == apt_sources._keyring("debian")


def test_another_distribution_is_told_plainly(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    monkeypatch.setattr(packages, "_os_release", lambda: {"ID": "fedora", "PRETTY_NAME": "Fedora 43"})
    with pytest.raises(
        packages.PackagesError, match=r"this is Fedora 43, not Debian or Ubuntu: put an Asterisk >= 18 .* on PATH"
    ):
        packages.fetch(["asterisk"], tmp_path / "root", suite=None)


def test_without_apt_get_its_package_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    monkeypatch.setattr(packages, "_os_release", lambda: {"ID": "debian", "VERSION_CODENAME": "bookworm"})
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(packages.PackagesError, match="apt-get is missing: install the package apt"):
        packages.fetch(["asterisk"], tmp_path / "root", suite=None)


@pytest.fixture
def offline(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """A Debian whose apt-get logs its arguments and does as the file `does` beside it says, and whose dpkg makes a file."""
    programs = tmp_path / "bin"
    programs.mkdir()
    (programs / "apt-get").write_text(f'#!/bin/sh\necho "$@" >> {tmp_path}/asked\n. {tmp_path}/does\n')
    (programs / "dpkg").write_text('#!/bin/sh\ntouch "$3/unpacked"\n')
    for program in programs.iterdir():
        program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{programs}:{os.environ['PATH']}")
    monkeypatch.setattr(
        packages, "_source", lambda: (Source("http://mirror.example/debian", ("bookworm",)), "bookworm")
    )
    return tmp_path


def test_an_unreachable_mirror_is_named_with_the_command_to_try(offline: Path):
    (offline / "does").write_text("echo 'E: Could not resolve mirror.example' >&2; exit 100\n")
    with pytest.raises(packages.PackagesError) as told:
        packages.fetch(["asterisk"], offline / "root", suite="forky", say=lambda _: None)
    assert "apt-get update from http://mirror.example/debian failed: E: Could not resolve mirror.example" in str(
        told.value
    )
    assert str(told.value).endswith("apt-get update")


def test_a_second_run_asks_nobody_and_an_interrupted_one_begins_again(offline: Path):
    (offline / "does").write_text(
        f"mkdir -p {offline}/root.apt/cache/archives; touch {offline}/root.apt/cache/archives/a_1_all.deb\n"
    )

    def fetch() -> None:
        packages.fetch(["asterisk"], offline / "root", suite="forky", say=lambda _: None)

    (offline / "root.new").mkdir()
    (offline / "root.new" / "half").touch()  # cut while unpacking
    fetch()
    assert [x.name for x in (offline / "root").iterdir()] == ["unpacked"]
    asked = (offline / "asked").read_text()
    fetch()
    assert (offline / "asked").read_text() == asked
    (offline / "root.stamp").unlink()  # cut just before the end
    fetch()
    assert (offline / "asked").read_text() != asked
    assert sorted(x.name for x in offline.iterdir() if x.name.startswith("root")) == ["root", "root.stamp"]
