"""One test per kind of mistake, with the exact message."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest
from config_texts import MINIMAL

from bridge.config import ConfigError, load

Complains = Callable[..., list[str]]

#: What is added to the right configuration (from line 6 on), and what is said of it.
ADDED = {
    "unknown key": ("regoin: RU\n", "6:1: regoin: unknown key, did you mean `region`?"),
    "unknown key, nothing near": (
        "monitor: {xyzzy: 1}\n",
        "6:11: monitor.xyzzy: unknown key: here may stand listen",
    ),
    "unknown key, deep": (
        "sources:\n  radio: {titel: Radio}\n",
        "7:11: sources.radio.titel: unknown key, did you mean `title`?",
    ),
    "duplicate key": ("fallback: {line: sales}\n", "6:1: fallback: given twice, first in bridge.yaml:3:1"),
    "empty value": (
        "log: {level: }\n",
        "6:13: log.level: expected `debug`, `info`, `warning` or `error`, found nothing",
    ),
    "wrong choice": (
        "log: {level: warn}\n",
        "6:14: log.level: expected `debug`, `info`, `warning` or `error`, found `warn`, did you mean `warning`?",
    ),
    "text for a list": ("include: x.yaml\n", "6:10: include: expected a list, found `x.yaml`"),
    "list for a text": ("sources: {a: {title: [x]}}\n", "6:22: sources.a.title: expected text, found a list"),
    "text for keys": ("log: json\n", "6:6: log: expected keys with values, found `json`"),
    "yes for true": (
        "recordings: {enabled: yes}\n",
        "6:23: recordings.enabled: expected `true` or `false`, found `yes`",
    ),
    "region": ("region: Russia\n", "6:9: region: `Russia` is not a country: write its two letters, like `RU`"),
    "time zone": (
        "timezone: Europe/Moskow\n",
        "6:11: timezone: `Europe/Moskow` is not a time zone, did you mean `Europe/Moscow`?",
    ),
    "language": (
        "language: russian\n",
        "6:11: language: `russian` is not a language: write it like `en`, `ru` or `en_GB`",
    ),
    "store's scheme": (
        "store: {url: 'postgresql://u@h/d'}\n",
        "6:14: store.url: `postgresql` is not known here: write a path, or `postgresql+asyncpg://user@host/database`",
    ),
    "password in the URL": (
        "store: {url: 'postgresql+asyncpg://u:geheim@h/d'}\n",
        "6:14: store.url: a password does not stand in the URL: put it into `store.password`",
    ),
    "password in the open": (
        "store: {url: 'postgresql+asyncpg://u@h/d', password: geheim}\n",
        "6:54: store.password: a secret does not stand in this file: write `{file: /path/of/a/file}` or `{env: NAME}`",
    ),
    "password without a user": (
        "store: {password: {env: SECRET}}\n",
        "6:1: store: `password` needs a URL with a user: `postgresql+asyncpg://user@host/database`",
    ),
    "address": (
        "monitor: {listen: 9473}\n",
        "6:19: monitor.listen: `9473` is not an address: write it like `127.0.0.1:4573`",
    ),
    "notice without anything": ("notices: {a: {play: early}}\n", "6:11: notices.a: expected `file`, `text` or both"),
    "notice called none": (
        "notices: {none: {text: x}}\n",
        "6:11: notices.none: `none` means that there is no notice: give this one another name",
    ),
    "decline key": (
        "notices: {a: {text: x, decline_key: 12}}\n",
        '6:37: notices.a.decline_key: `12` is not a key: write `none` or one of 0 to 9, `"*"`, `"#"`',
    ),
    "sound's extension": (
        "notices: {a: {file: x.mp3}}\n",
        "6:21: notices.a.file: `x.mp3` is not a telephone sound: a `.wav` (8 kHz) or `.wav16` (16 kHz) file is needed",
    ),
    "sound's path": (
        "notices: {a: {file: '/x y.wav'}}\n",
        "6:21: notices.a.file: `/x y.wav` cannot be handed to Asterisk: the whole path may hold only latin letters, digits"
        " and `_ . / -`, at most 195 in all",
    ),
    "name": (
        "sources: {Радио: {}}\n",
        "6:11: sources.Радио: `Радио` cannot be a name: use small latin letters, digits, `-` and `_` (at most 64)",
    ),
    "prefix": (
        "sources: {a: {prefix: 'a${x}'}}\n",
        "6:23: sources.a.prefix: `a${x}` cannot be shown on a phone: letters, digits, spaces and `. : / + № -` may be used,"
        " at most 40 in all",
    ),
    "whisper of nothing": (
        "sources: {a: {whisper: {}}}\n",
        "6:15: sources.a.whisper: expected one of `file`, `text` and `sound`",
    ),
    "sound and text": (
        "sources: {a: {whisper: {sound: beep, text: x}}}\n",
        "6:15: sources.a.whisper: `sound` goes alone, without `file` and `text`",
    ),
    "sound's name": (
        "sources: {a: {whisper: {sound: beep.wav}}}\n",
        "6:32: sources.a.whisper.sound: `beep.wav` is not the name of an Asterisk sound: write it like `ss-noservice`,"
        " without extension",
    ),
    "unknown source": (
        "sources: {radio: {}}\nnumbers: {+74951110001: {source: rado}}\n",
        "7:34: numbers.+74951110001.source: there is no source `rado`, did you mean `radio`?",
    ),
    "unknown line": ("defaults: {line: sale}\n", "6:18: defaults.line: there is no line `sale`, did you mean `sales`?"),
    "unknown notice": ("defaults: {notice: n}\n", "6:20: defaults.notice: there is no notice `n`"),
    "unknown pool": (
        "numbers: {+74951110001: {pool: p}}\n",
        "6:32: numbers.+74951110001.pool: there is no pool `p`",
    ),
    "not a number": (
        "sources: {a: {}}\nnumbers: {495111: {source: a}}\n",
        "7:11: numbers.495111: `495111` is not a telephone number of RU, nor an international one",
    ),
    "a number twice, written in two ways": (
        "sources: {a: {}}\nnumbers:\n  +74951110001: {source: a}\n  8 (495) 111-00-01: {source: a}\n",
        "9:3: numbers.8 (495) 111-00-01: `8 (495) 111-00-01` is +74951110001, which stands already in bridge.yaml:8:3:"
        " one number has one place",
    ),
    "a number bound and in a pool": (
        "sources: {a: {}}\nnumbers: {+74951110001: {source: a}}\npools: {p: {source: a, numbers: [+74951110001]}}\n",
        "8:34: pools.p.numbers[0]: `+74951110001` stands already in bridge.yaml:7:11: one number has one place",
    ),
    "a number bound twice": (
        "sources: {a: {}}\nnumbers: {+74951110001: {source: a, default_of: a}}\n",
        "7:11: numbers.+74951110001: expected exactly one of `source`, `default_of`, `pool` and `retiring`",
    ),
    "since without retiring": (
        "sources: {a: {}}\nnumbers: {+74951110001: {source: a, since: 2026-11-01}}\n",
        "7:11: numbers.+74951110001: `since` goes with `retiring`",
    ),
    "date": (
        "sources: {a: {}}\nnumbers: {+74951110001: {retiring: a, since: 01.11.2026}}\n",
        "7:46: numbers.+74951110001.since: `01.11.2026` is not a date: write it like `2026-11-01`",
    ),
    "pool without a source": ("pools: {p: {numbers: []}}\n", "6:9: pools.p.source: is missing"),
    "hold": (
        "sources: {a: {}}\npools: {p: {source: a, hold: 20}}\n",
        "7:30: pools.p.hold: `20` is not a hold time: write `auto` or a duration like `20m`",
    ),
    "included file missing": ("include: [numbers.yaml]\n", "6:11: include[0]: there is no file `numbers.yaml`"),
    "tag": ("log: {level: !x info}\n", "6:14: log.level: tags (`!…`) are not used here"),
}

#: What the line `a` says, and what is said of it. Its text begins at 6:6.
LINES = {
    "no phones": ("{ring: []}", "6:13: lines.a.ring: is empty"),
    "no ring": ("{title: x}", "6:3: lines.a.ring: is missing"),
    "phone": (
        "{ring: [{phone: 101}]}",
        "6:22: lines.a.ring[0].phone: `101` is not a phone Asterisk can dial: write it like `PJSIP/101`",
    ),
    "phone and phones": (
        "{ring: [{phone: PJSIP/1, phones: [PJSIP/2]}]}",
        "6:14: lines.a.ring[0]: expected one of `phone` and `phones`",
    ),
    "duration": (
        "{ring: [{phone: PJSIP/1}], timeout: 40}",
        "6:42: lines.a.timeout: `40` is not a duration: write it like `40s`, `2m` or `1h30m`",
    ),
    "too long": (
        "{ring: [{phone: PJSIP/1}], timeout: 1h}",
        "6:3: lines.a: `timeout` must be between 1s and 10m",
    ),
    "rings after the timeout": (
        "{ring: [{phone: PJSIP/1}, {phone: PJSIP/2, after: 40s}]}",
        "6:3: lines.a: `PJSIP/2` would begin to ring after 40s, when the line's timeout of 40s is over",
    ),
    "nobody rings at once": (
        "{ring: [{phone: PJSIP/1, after: 5s}]}",
        "6:3: lines.a: no phone rings at once: one entry of `ring` must be without `after`",
    ),
    "for nothing": (
        "{ring: [{phone: PJSIP/1, for: 0s}]}",
        "6:14: lines.a.ring[0]: `for` must be at least 1s",
    ),
    "a phone twice": (
        "{ring: [{phones: [PJSIP/1, PJSIP/1]}]}",
        "6:3: lines.a: `PJSIP/1` is named twice",
    ),
    "sequential without each": (
        "{ring: [{phone: PJSIP/1}], order: sequential}",
        "6:3: lines.a: `order: sequential` needs `each`, such as `each: 15s`",
    ),
    "sequential with after": (
        "{ring: [{phone: PJSIP/1, after: 5s}], order: sequential, each: 15s}",
        "6:3: lines.a: `after` and `for` do not go with `order: sequential`; `each` says how long every entry rings",
    ),
    "each without sequential": (
        "{ring: [{phone: PJSIP/1}], each: 15s}",
        "6:3: lines.a: `each` goes with `order: sequential`",
    ),
    "two targets": (
        "{ring: [{phone: PJSIP/1}], when_busy: {line: sales, hangup: busy}}",
        "6:33: lines.a.when_busy: expected exactly one of `line`, `voicemail`, `announcement` and `hangup`",
    ),
    "mailbox": (
        "{ring: [{phone: PJSIP/1}], when_busy: {voicemail: 'a b'}}",
        "6:56: lines.a.when_busy.voicemail: `a b` is not a mailbox: write it like `100@default`",
    ),
    "hours without when_closed": (
        "{ring: [{phone: PJSIP/1}], hours: {open: {}}}",
        "6:3: lines.a: `hours` needs `when_closed`: another line, voicemail, an announcement or hangup",
    ),
    "when_closed without hours": (
        "{ring: [{phone: PJSIP/1}], when_closed: {hangup: busy}}",
        "6:3: lines.a: `when_closed` needs `hours`",
    ),
    "a line that busy calls come back to": (
        "{ring: [{phone: PJSIP/1}], when_busy: {line: a}}",
        "6:51: lines.a.when_busy.line: calls go round in a circle: a -> a",
    ),
}

#: What the opening hours say, and what is said of them. Their text begins at 7:12.
HOURS = {
    "day": (
        "{open: {mon-fry: 09:00-18:00}}",
        "7:20: lines.a.hours.open.mon-fry: `fry` is not a day, did you mean `fri`?",
    ),
    "time": (
        "{open: {mon: 9-18}}",
        "7:25: lines.a.hours.open.mon: `9-18` is not a time of opening: write it like `09:00-18:00`",
    ),
    "time beyond the day": (
        "{open: {mon: [09:00-24:30]}}",
        "7:26: lines.a.hours.open.mon[0]: `09:00-24:30` is not a time of opening: a day ends at 24:00 and begins at 00:00",
    ),
    "no time at all": (
        "{open: {mon: [09:00-09:00]}}",
        "7:26: lines.a.hours.open.mon[0]: `09:00-09:00` begins and ends at once: all day is `00:00-24:00`",
    ),
    "overlap": (
        "{open: {mon: [09:00-13:00, 12:00-18:00]}}",
        "7:25: lines.a.hours.open.mon: two times of opening overlap at 12:00",
    ),
    "a day twice": (
        "{open: {mon-fri: 09:00-18:00, fri: 09:00-17:00}}",
        "7:5: lines.a.hours: fri is named by `mon-fri` and by `fri`",
    ),
    "holiday": (
        "{open: {}, holidays: [31.12.2026]}",
        "7:34: lines.a.hours.holidays[0]: `31.12.2026` is not a day: write it like `2026-12-31`, or `12-31` for every year",
    ),
    "no such day": (
        "{open: {}, holidays: [02-30]}",
        "7:34: lines.a.hours.holidays[0]: `02-30` is not a day: write it like `2026-12-31`, or `12-31` for every year",
    ),
    "zone": (
        "{open: {}, timezone: MSK+3}",
        "7:33: lines.a.hours.timezone: `MSK+3` is not a time zone: write it like `Europe/Moscow`",
    ),
}

#: Whole files, and what is said of them.
WHOLE = {
    "empty": ("", "bridge.yaml: the file is empty"),
    "only a comment": ("# nothing\n", "bridge.yaml: the file is empty"),
    "a list": ("- a\n", "bridge.yaml:1:1: expected keys with values, found a list"),
    "a text": ("hello\n", "bridge.yaml:1:1: expected keys with values, found `hello`"),
    "tab": ("lines:\n\tsales: x\n", "bridge.yaml:2:1: a tab character: indent with spaces"),
    "not UTF-8": ("a: 1\nb: Ж".encode("cp1251"), "bridge.yaml:2:4: not UTF-8 text: save the file as UTF-8"),
    "UTF-16": ("a: 1".encode("utf-16"), "bridge.yaml:1:1: not UTF-8 text: save the file as UTF-8"),
    "control character": ("a: b\x01", "bridge.yaml:1:5: a control character"),
    "colon": (
        "a: b: c\n",
        "bridge.yaml:1:5: a `:` where none may be: put the text in quotes, or check the indentation",
    ),
    "star": (
        "a: *\n",
        "bridge.yaml:1:5: `*` and `&` at the beginning of a text are references: put it in quotes",
    ),
    "unknown reference": (
        "a: *b\n",
        "bridge.yaml:1:4: a reference (`*name`) to something that is not there: put the text in quotes if none is meant",
    ),
    "open quote": ("a: 'b\n", "bridge.yaml:2:1: the file ends inside a quoted text"),
    "indentation": (
        "a:\n  b: 1\n c: 2\n",
        "bridge.yaml:3:2: wrong indentation, or a key or list item where none may be",
    ),
    "two documents": (
        "a: 1\n---\nb: 2\n",
        "bridge.yaml:2:1: a second document begins (`---`): one file holds one document",
    ),
    "a list as a key": ("? [a]\n: b\n", "bridge.yaml:1:3: a key that is not text"),
    "deep": ("[" * 100_000, "bridge.yaml: nested too deep"),
    "a reference to itself": ("a: &x [*x]\n", "bridge.yaml:1:1: nested too deep: does a reference contain itself?"),
}


@pytest.mark.parametrize("kind", ADDED)
def test_one_mistake_one_message(kind: str, complains: Complains) -> None:
    text, said = ADDED[kind]
    assert complains(MINIMAL + text) == [f"bridge.yaml:{said}"]


@pytest.mark.parametrize("kind", LINES)
def test_a_wrong_line(kind: str, complains: Complains) -> None:
    text, said = LINES[kind]
    assert complains(f"{MINIMAL}  a: {text}\n") == [f"bridge.yaml:{said}"]


@pytest.mark.parametrize("kind", HOURS)
def test_wrong_hours(kind: str, complains: Complains) -> None:
    text, said = HOURS[kind]
    line = f"  a:\n    hours: {text}\n    ring: [{{phone: PJSIP/1}}]\n    when_closed: {{hangup: busy}}\n"
    assert complains(MINIMAL + line) == [f"bridge.yaml:{said}"]


@pytest.mark.parametrize("kind", WHOLE)
def test_a_file_that_is_not_a_configuration(kind: str, complains: Complains) -> None:
    text, said = WHOLE[kind]
    assert said in complains(text)


def test_a_bomb_of_references_is_refused_in_bounded_work(complains: Complains) -> None:
    levels = [f"a{i}: &a{i} [{','.join([f'*a{i - 1}'] * 9)}]" for i in range(1, 12)]
    said = "bridge.yaml:1:1: too many values: are there references to references?"
    assert complains("\n".join(["a0: &a0 [x,x,x,x,x,x,x,x,x]", *levels])) == [said]


def test_what_must_be_there(complains: Complains) -> None:
    assert complains("region: RU\n") == [
        "bridge.yaml: asterisk: is missing",
        "bridge.yaml: fallback: is missing",
        "bridge.yaml: lines: is missing",
    ]


def test_a_missing_file(folder: Path) -> None:
    with pytest.raises(ConfigError) as caught:
        load(folder / "bridge.yaml", {})
    assert str(caught.value) == f"{folder}/bridge.yaml: cannot be read: no such file or directory"


def test_every_mistake_at_once_in_the_order_of_the_file(complains: Complains) -> None:
    text = (
        MINIMAL.replace("line: sales", "line: sale") + "timezone: Moscow\nnumbers: {12: {source: x}}\nlog: {levl: x}\n"
    )
    assert complains(text) == [
        "bridge.yaml:3:18: fallback.line: there is no line `sale`, did you mean `sales`?",
        "bridge.yaml:6:11: timezone: `Moscow` is not a time zone, did you mean `Europe/Moscow`?",
        "bridge.yaml:7:11: numbers.12: `12` is not a telephone number of RU, nor an international one",
        "bridge.yaml:7:24: numbers.12.source: there is no source `x`",
        "bridge.yaml:8:7: log.levl: unknown key, did you mean `level`?",
    ]


def test_ports_out_of_range_and_agi_open_to_everybody(complains: Complains) -> None:
    text = MINIMAL.replace("  ami: {", "  agi: {listen: 0.0.0.0:4573}\n  ami: {port: 99999, ")
    assert complains(text) == [
        "bridge.yaml:2:3: asterisk.agi: `0.0.0.0:4573` can be reached from outside: name the Asterisk machines in `allow`,"
        " or use 127.0.0.1",
        "bridge.yaml:3:15: asterisk.ami.port: must be at most 65535, found `99999`",
    ]


def test_lines_that_send_calls_round_in_a_circle(complains: Complains) -> None:
    lines = "".join(
        f"  {a}: {{ring: [{{phone: PJSIP/1}}], when_unanswered: {{line: {b}}}}}\n" for a, b in ("ab", "bc", "ca")
    )
    assert complains(MINIMAL + lines) == [
        "bridge.yaml:8:57: lines.c.when_unanswered.line: calls go round in a circle: a -> b -> c -> a"
    ]


def test_a_ring_plan_that_does_not_fit(complains: Complains) -> None:
    phones = ", ".join(f"PJSIP/a-rather-long-name-of-a-phone-{n}" for n in range(50))
    (said,) = complains(f"{MINIMAL}  many: {{ring: [{{phones: [{phones}]}}]}}\n".replace("line: sales", "line: many"))
    assert said.startswith("bridge.yaml:6:3: lines.many: the ring plan of line many takes ")


def test_a_plan_that_does_not_fit_only_when_closed(complains: Complains) -> None:
    phones = ", ".join(f"PJSIP/a-rather-long-name-of-a-phone-{n}" for n in range(50))
    text = MINIMAL.replace("line: sales", "line: day") + (
        f"  many: {{ring: [{{phones: [{phones}]}}]}}\n"
        "  day: {ring: [{phone: PJSIP/1}], hours: {open: {mon: 09:00-10:00}}, when_closed: {line: many}}\n"
    )
    (said,) = complains(text)
    assert said.startswith("bridge.yaml:7:3: lines.day: the ring plan of line ")


SECRET_MISTAKES = {
    "not set": ({}, "is not set"),
    "empty": ({"SECRET": ""}, "is empty"),
    "line break": ({"SECRET": "a\r\nAction: Originate"}, "holds a line break or another control character"),
}


@pytest.mark.parametrize("kind", SECRET_MISTAKES)
def test_a_secret_in_the_environment(kind: str, complains: Complains) -> None:
    env, said = SECRET_MISTAKES[kind]
    assert complains(MINIMAL, env=env) == [
        f"bridge.yaml:2:27: asterisk.ami.secret: the environment variable SECRET {said}"
    ]


def test_a_secret_in_a_file(complains: Complains, folder: Path) -> None:
    text = MINIMAL.replace("env: SECRET", "file: ami.secret")
    where = "bridge.yaml:2:27: asterisk.ami.secret:"
    assert complains(text) == [f"{where} cannot read ami.secret: no such file or directory"]
    secret = folder / "ami.secret"
    secret.write_text("geheim\n")
    secret.chmod(0o644)
    assert complains(text) == [
        f"{where} everybody on this machine may read ami.secret: run `chmod o-rwx ami.secret`",
    ]
    secret.chmod(0o640)
    assert complains(text) == []
    secret.write_bytes(b"\xff\n")
    assert complains(text) == [f"{where} ami.secret is not UTF-8 text"]


def test_a_secret_said_in_two_ways(complains: Complains) -> None:
    text = MINIMAL.replace("{env: SECRET}", "{env: SECRET, file: x}")
    assert complains(text) == ["bridge.yaml:2:27: asterisk.ami.secret: expected one of `file` and `env`"]


def test_no_message_holds_a_secret(complains: Complains) -> None:
    text = (
        MINIMAL.replace("{env: SECRET}", "geheim")
        + "store: {url: 'postgresql+asyncpg://u:geheim@h/d', password: [geheim]}\n"
    )
    said = complains(text)
    assert len(said) == 3
    assert "geheim" not in "\n".join(said)


def test_a_holidays_file(complains: Complains) -> None:
    text = MINIMAL.replace("{ring:", "{hours: {open: {}, holidays_file: days.txt}, when_closed: {hangup: busy}, ring:")
    where = "bridge.yaml:5:44: lines.sales.hours.holidays_file: days.txt"
    assert complains(text) == [f"{where} cannot be read: no such file or directory"]
    assert complains(text, {"days.txt": "# state holidays\n01-01\n2026-13-01\n"}) == [
        f"{where}, line 3: `2026-13-01` is not a day: write it like `2026-12-31`, or `12-31` for every year"
    ]


class TestIncluded:
    def test_each_error_names_its_own_file(self, complains: Complains) -> None:
        files = {"pools/a.yaml": "sources: {a: {}}\n", "pools/b.yaml": "sources:\n  b: {lien: sales}\n"}
        assert complains(MINIMAL + "include: [pools/*.yaml]\n", files) == [
            "pools/b.yaml:2:7: sources.b.lien: unknown key, did you mean `line`?"
        ]

    def test_a_name_in_two_files(self, complains: Complains) -> None:
        files = {"a.yaml": "sources: {radio: {}}\n", "b.yaml": "\nsources: {radio: {}}\n"}
        assert complains(MINIMAL + "include: [a.yaml, b.yaml]\n", files) == [
            "b.yaml:2:11: sources.radio: given twice, first in a.yaml:1:11"
        ]

    def test_a_number_in_two_files(self, complains: Complains) -> None:
        files = {
            "a.yaml": "sources: {radio: {}}\nnumbers: {+74951110001: {source: radio}}\n",
            "b.yaml": "pools: {p: {source: radio, numbers: [84951110001]}}\n",
        }
        assert complains(MINIMAL + "include: [a.yaml, b.yaml]\n", files) == [
            "b.yaml:1:38: pools.p.numbers[0]: `84951110001` is +74951110001, which stands already in a.yaml:2:11:"
            " one number has one place"
        ]

    def test_what_has_no_place_there(self, complains: Complains) -> None:
        files = {"a.yaml": "log: {}\npool: {}\nnumbers: 5\n"}
        assert complains(MINIMAL + "include: [a.yaml]\n", files) == [
            "a.yaml:1:1: log: this key has no place here: an included file holds `lines`, `numbers`, `pools` or `sources`",
            "a.yaml:2:1: pool: this key has no place here, did you mean `pools`?",
            "a.yaml:3:1: numbers: expected keys with values, found `5`",
        ]

    def test_a_broken_file_does_not_make_its_names_unknown(self, complains: Complains) -> None:
        text = MINIMAL + "include: [a.yaml]\nnumbers: {+74951110001: {source: radio}}\n"
        assert complains(text, {"a.yaml": "sources: {radio: {}\n"}) == [
            "a.yaml:2:1: not YAML: while parsing a flow mapping expected ',' or '}', but got '<stream end>'"
        ]

    def test_the_same_file_twice(self, complains: Complains) -> None:
        text = MINIMAL + "include: [a.yaml, '*.yaml']\n"
        assert complains(text, {"a.yaml": "sources: {radio: {}}\n"}) == [
            "bridge.yaml:6:19: include[1]: a.yaml is read already",
            "bridge.yaml:6:19: include[1]: bridge.yaml is read already",
        ]

    @pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
    def test_a_file_that_may_not_be_read(self, complains: Complains, folder: Path) -> None:
        (folder / "a.yaml").touch(0o000)
        assert complains(MINIMAL + "include: [a.yaml]\n") == ["a.yaml: cannot be read: permission denied"]
