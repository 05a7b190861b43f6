"""Templates. Everything is escaped; what is not defined is an error; texts come in the person's language."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from jinja2 import Environment, FileSystemLoader, StrictUndefined, select_autoescape

from bridge.core.desk.access import Right, Role
from bridge.web.desk import words
from bridge.web.desk.formats import Formats
from bridge.web.desk.language import LANGUAGES, TITLES, translations
from bridge.web.desk.menu import MENU
from bridge.web.desk.static_files import StaticFiles
from bridge.web.desk.urls import query

if TYPE_CHECKING:
    from bridge.web.desk.context import Asked

_WORDS: Final[dict[str, Any]] = {
    "outcome_titles": words.OUTCOMES,
    "kind_titles": words.KINDS,
    "role_titles": words.ROLES,
    "period_titles": words.PERIODS,
    "class_title": words.class_title,
    "query": query,
    "nbsp": "\N{NO-BREAK SPACE}",
}
_TEMPLATES: Final = Path(__file__).parent / "templates"


class Renderer:
    """One environment for each language."""

    def __init__(self) -> None:
        self.static = StaticFiles()
        self._environments = {language: _environment(language) for language in LANGUAGES}

    def render(self, asked: Asked, template: str, values: dict[str, Any]) -> str:
        """`template` may name a block: ``calls.html#rows``. Templates know `asked`, `who`, `desk`, `formats`, `static`, `may`, `Right`."""
        name, _, block = template.partition("#")
        known = {
            "asked": asked,
            "who": asked.who,
            "desk": asked.desk,
            "formats": Formats(asked.language, asked.desk.zone, asked.desk.settings.currency, asked.who),
            "static": self.static.url,
            "may": asked.may,
            "Right": Right,
            "Role": Role,
            "languages": TITLES,
            "menu": MENU,
            **_WORDS,
            **values,
        }
        found = self._environments[asked.language].get_template(name)
        if not block:
            return found.render(known)
        context = found.new_context(known)
        return "".join(found.blocks[block](context))

    def text(self, asked: Asked, text: str, **values: object) -> str:
        """A text in the person's language."""
        return gettext(asked.language, text, **values)


def gettext(language: str, text: str, **values: object) -> str:
    """A text in `language`, its ``%(names)s`` filled in."""
    found = translations(language).gettext(text) if text else ""
    return found % values if values else found


@cache
def _environment(language: str) -> Environment:
    environment = Environment(
        loader=FileSystemLoader(_TEMPLATES),
        autoescape=select_autoescape(default_for_string=True, default=True),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        extensions=["jinja2.ext.i18n"],
    )
    environment.install_gettext_translations(translations(language), newstyle=True)  # type: ignore[attr-defined]
    environment.globals["language"] = language
    return environment
