"""Every text of the desk has its Russian, written once, with the same places to fill in."""

from __future__ import annotations

import ast
import re
from collections import defaultdict
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

from babel.messages.extract import extract_from_dir
from babel.messages.pofile import read_po
from lab.asterisk import CHECKOUT

DESK = CHECKOUT / "bridge/web/desk"
RUSSIAN = DESK / "locale/ru"
PLACE = re.compile(r"%\((\w+)\)[sd]")
OPTIONS = {"**.html": {"newstyle_gettext": "true", "silent": "false"}}
#: Functions of Python that take a text, and which argument it is.
TAKERS = {"_": 0, "gettext": 1, "text": 1, "Problem": 1}
#: Names and figures that read alike in both languages.
ALIKE = frozenset({"CSV", "XLSX", "MOS", "OK"})


@cache
def texts() -> dict[str | tuple[str, ...], list[str]]:
    """Every text in code and templates, and where it stands."""
    found: dict[str | tuple[str, ...], list[str]] = defaultdict(list)
    keywords = {"_": None, "ngettext": (1, 2)}
    for name, line, message, _, _ in extract_from_dir(DESK / "templates", [("**.html", "jinja2")], OPTIONS, keywords):
        found[message].append(f"templates/{name}:{line}")
    for path in sorted(DESK.glob("*.py")):
        for call in ast.walk(ast.parse(path.read_text())):
            if isinstance(call, ast.Call):
                for text in _given(call):
                    found[text].append(f"{path.name}:{call.lineno}")
    return dict(found)


def _given(call: ast.Call) -> Iterator[str]:
    """The texts a call is given: one, or one of two."""
    name = call.func.attr if isinstance(call.func, ast.Attribute) else getattr(call.func, "id", "")
    place = TAKERS.get(name)
    if place is None or len(call.args) <= place:
        return
    given = call.args[place]
    for one in (given.body, given.orelse) if isinstance(given, ast.IfExp) else (given,):
        if isinstance(one, ast.Constant) and isinstance(one.value, str):
            yield one.value


def messages() -> Iterator[tuple[Path, Any]]:
    for path in sorted(RUSSIAN.glob("*.po")):
        with path.open("rb") as opened:
            for message in read_po(opened, locale="ru", abort_invalid=True):
                if message.id:
                    yield path, message


def _alone(id_: Any) -> str:
    return id_ if isinstance(id_, str) else id_[0]


def test_texts_are_found_in_code_and_in_templates() -> None:
    found = texts()
    assert any(place.startswith("words.py") for place in found["answered"])
    assert any(place.startswith("signing_in.py") for place in found["There is no such language."])
    assert any(place.startswith("templates/") for place in found["Sign in"])
    assert any(place.startswith("export.py") for place in found["yes"])
    assert ("Last day", "Last %(num)d days") in found


def test_every_text_has_its_russian() -> None:
    known = {_alone(message.id) for _, message in messages() if message.string and all(_forms(message))}
    wanted = {
        id_: places
        for id_, places in texts().items()
        if _alone(id_) not in ALIKE and re.search(r"[^\W\d_]{2}", PLACE.sub("", _alone(id_)))
    }
    missing = [f"{places[0]}: {_alone(id_)}" for id_, places in wanted.items() if _alone(id_) not in known]
    assert sorted(missing) == []


def test_no_translation_is_of_a_text_that_is_gone() -> None:
    known = {_alone(id_) for id_ in texts()}
    # what comes to the translator by a variable stands in code as a plain string
    sources = "".join(path.read_text() for path in DESK.parent.parent.rglob("*.py"))
    gone = [
        f"{path.name}: {_alone(message.id)}"
        for path, message in messages()
        if _alone(message.id) not in known and not _stands_in(_alone(message.id), sources)
    ]
    assert gone == []


def _stands_in(text: str, sources: str) -> bool:
    return f'"{text}"' in sources or text.replace("%%", "%") in sources


def test_no_text_is_translated_in_two_ways() -> None:
    found: dict[str, dict[Any, list[str]]] = defaultdict(lambda: defaultdict(list))
    for path, message in messages():
        found[_alone(message.id)][_frozen(message.string)].append(path.name)
    assert [f"{text}: {dict(ways)}" for text, ways in found.items() if len(ways) > 1] == []


def test_the_places_to_fill_in_are_the_same() -> None:
    wrong = []
    for path, message in messages():
        ids = [message.id] if isinstance(message.id, str) else list(message.id)
        wanted = set(PLACE.findall(ids[-1]))
        for form in _forms(message):
            had = set(PLACE.findall(form))
            # one may leave the number out where it is said in words, as in English
            if had != wanted and not (len(ids) > 1 and had == wanted - {"num"}):
                wrong.append(f"{path.name}: {ids[0]}: {form}")
            if form.count("%") - 2 * form.count("%%") != len(PLACE.findall(form)) and PLACE.search(ids[0]):
                wrong.append(f"{path.name}: {ids[0]}: a lonely %")
    assert wrong == []


def test_plurals_have_all_three_forms() -> None:
    short = [
        f"{path.name}: {message.id[0]}"
        for path, message in messages()
        if not isinstance(message.id, str) and len(message.string) != 3
    ]
    assert short == []


def _forms(message: Any) -> list[str]:
    return [message.string] if isinstance(message.string, str) else list(message.string)


def _frozen(string: Any) -> Any:
    return string if isinstance(string, str) else tuple(string)
