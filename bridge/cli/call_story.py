"""Where a call came from, as far as the site knows: its visit, the pages seen, and how its attribution came about."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict
from datetime import UTC, datetime, tzinfo
from typing import TYPE_CHECKING, Any

from bridge.cli.output import plain
from bridge.cli.times import local

if TYPE_CHECKING:
    from bridge.core.site import Visit
    from bridge.core.sources.touch import Touch
    from bridge.flows.visit_ports import Note
    from bridge.store.visits import Story

_PAGES_SHOWN = 12


def story_dict(story: Story, zone: tzinfo) -> dict[str, Any]:
    """``visit`` (or null) and ``attributions``, oldest first."""
    return {
        "visit": None if story.visit is None else _visit_dict(story.visit, zone),
        "attributions": [_note_dict(note, zone) for note in story.notes],
    }


def _visit_dict(visit: Visit, zone: tzinfo) -> dict[str, Any]:
    found = asdict(visit)
    del found["told"]
    found["began"], found["active"] = _time(visit.began, zone), _time(visit.active, zone)
    found["pages"] = [{"at": _time(page.at, zone), "url": page.url} for page in visit.pages]
    return found


def _note_dict(note: Note, zone: tzinfo) -> dict[str, Any]:
    return {
        "at": note.at.astimezone(zone),
        "by": note.by,
        **asdict(note.attribution),
        "candidates": [{"visit": visit, "probability": share} for visit, share in note.candidates],
    }


def story_card(story: Story, zone: tzinfo) -> str:
    """For a person; empty where nothing is known."""
    return "\n".join(f"{name:<12}{text}".rstrip() for name, text in _lines(story, zone))


def _lines(story: Story, zone: tzinfo) -> Iterator[tuple[str, str]]:
    if story.visit is not None:
        yield from _visit(story.visit, zone)
    current = story.notes[-1] if story.notes else None
    if current is not None and len(current.candidates) > 1:
        shares = (f"{plain(visit)} {share:.1%}" for visit, share in current.candidates)
        yield "Candidates", ", ".join(shares)
    for number, note in enumerate(story.notes if len(story.notes) > 1 else ()):
        found = note.attribution
        where = plain(found.visit or found.source or "unknown")
        yield (
            "History" if number == 0 else "",
            f"{local(note.at, zone)} by {plain(note.by)}: {where}, {found.confidence:.0%} sure: {plain(found.reason)}",
        )


def _visit(visit: Visit, zone: tzinfo) -> Iterator[tuple[str, str]]:
    device = {True: ", mobile", False: ", desktop", None: ""}[visit.mobile]
    region = f", {plain(visit.region)}" if visit.region else ""
    yield (
        "Visit",
        f"{plain(visit.id)} on {plain(visit.site)} at {local(_time(visit.began, zone), zone)}{device}{region}",
    )
    yield "  came from", _touch(visit.credited)
    if visit.touch != visit.credited:
        yield "  this time", _touch(visit.touch)
    for name, value in (
        ("campaign", visit.credited.campaign),
        ("keyword", visit.credited.keyword),
        ("content", visit.credited.content),
        ("landing", visit.landing),
        ("visitor", visit.visitor),
    ):
        if value:
            yield f"  {name}", plain(value)
    if visit.ids:
        yield "  ids", ", ".join(f"{plain(name)} {plain(value)}" for name, value in sorted(visit.ids.items()))
    for number, page in enumerate(visit.pages[:_PAGES_SHOWN]):
        yield "  pages" if number == 0 else "", f"{_time(page.at, zone):%H:%M:%S} {plain(page.url)}"
    if len(visit.pages) > _PAGES_SHOWN:
        yield "", f"and {len(visit.pages) - _PAGES_SHOWN} more"


def _touch(touch: Touch) -> str:
    paid = ", paid" if touch.paid else ""
    medium = f" / {plain(touch.medium)}" if touch.medium else ""
    return f"{plain(touch.source)}{medium}  (by the rule {plain(touch.rule)}{paid})"


def _time(at: float, zone: tzinfo) -> datetime:
    return datetime.fromtimestamp(at, UTC).astimezone(zone)
