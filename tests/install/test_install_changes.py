"""Files are changed at one stroke, with a copy, and put back only where nobody else has touched them."""

from __future__ import annotations

import os
from datetime import UTC, datetime
from pathlib import Path

from bridge.install.changes import apply, change, undo

NOW = datetime(2026, 11, 22, 10, 0, tzinfo=UTC)


def test_the_diff_shows_everything_but_passwords(tmp_path: Path) -> None:
    path = tmp_path / "manager.conf"
    path.write_text("[a]\nsecret = old-one\nread = all\n")
    text = change(path, "[a]\nSecret=>new-one\nread = user\n").diff()
    assert "-read = all" in text
    assert "+read = user" in text
    assert "***" in text
    assert "one" not in text.replace(str(tmp_path), "")


def test_what_cannot_be_shown_is_named(tmp_path: Path) -> None:
    assert "new file" in change(tmp_path / "x.wav", b"\xff\xfe").diff()


def test_apply_keeps_mode_and_a_copy_and_undo_puts_all_back(tmp_path: Path) -> None:
    old, new, record = tmp_path / "extensions.conf", tmp_path / "sub" / "bridge.conf", tmp_path / "record"
    old.write_text("before")
    old.chmod(0o640)
    backups = apply([change(old, "after"), change(new, "made", mode=0o600)], record, NOW)
    assert backups == [tmp_path / "extensions.conf.bak-20261122-100000"]
    assert backups[0].read_text() == "before"
    assert (old.read_text(), old.stat().st_mode & 0o777, new.stat().st_mode & 0o777) == ("after", 0o640, 0o600)
    assert record.stat().st_mode & 0o077 == 0
    done, left = undo(record)
    assert (set(done), left) == ({old, new}, [])
    assert old.read_text() == "before"
    assert not new.exists()
    assert not record.exists()


def test_two_rounds_are_taken_back_in_reverse(tmp_path: Path) -> None:
    path, record = tmp_path / "a.conf", tmp_path / "record"
    path.write_text("1")
    apply([change(path, "2")], record, NOW)
    apply([change(path, "3")], record, NOW.replace(minute=1))
    undo(record)
    assert path.read_text() == "1"


def test_what_others_changed_is_left_alone(tmp_path: Path) -> None:
    path, gone, record = tmp_path / "a.conf", tmp_path / "b.conf", tmp_path / "record"
    path.write_text("before")
    apply([change(path, "ours"), change(gone, "ours")], record, NOW)
    path.write_text("theirs")
    gone.unlink()
    done, left = undo(record)
    assert done == []
    assert len(left) == 2
    assert path.read_text() == "theirs"
    assert record.exists()


def test_a_link_in_the_way_is_replaced_and_not_followed(tmp_path: Path) -> None:
    target, path = tmp_path / "passwd", tmp_path / "bridge.conf"
    target.write_text("precious")
    os.symlink(target, tmp_path / ".bridge.conf.callbridge-new")
    apply([change(path, "ours")], tmp_path / "record", NOW)
    assert target.read_text() == "precious"
    assert path.read_text() == "ours"
