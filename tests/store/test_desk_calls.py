"""Lists of calls and what people say of them, on both databases: every filter against plain Python, pages, search, undo, conflicts."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import event, select, update
from store_samples import NOON, a_call, answered, missed

from bridge.core.desk.access import Role, who_of
from bridge.core.desk.calls import ChangedSinceError, Listed, View
from bridge.core.desk.query import CallQuery, pairs_of, read_query
from bridge.core.desk.saying import ChangeTags, SetChecks, SetClass, SetComment, SetTags, SetValue
from bridge.core.model import Attribution, AttributionKind, Outcome, Recording, RecordingStatus
from bridge.store import words
from bridge.store.calls import CallStore
from bridge.store.desk_calls import CallLists
from bridge.store.desk_query import found_ids
from bridge.store.desk_saying import SayingStore
from bridge.store.engine import Database
from bridge.store.rollup_schema import rollup_dirty
from bridge.store.schema import calls

TODAY = date(2026, 11, 21)
LATER = NOON + timedelta(days=1)


async def _some_books(database: Database) -> None:
    """Sixty calls, of every kind that a filter tells apart."""
    made = []
    for seq in range(60):
        make = (answered, missed, a_call)[seq % 3]
        kind = AttributionKind.VISIT if seq % 2 else AttributionKind.STATIC
        source = (None, "avito", "2gis", "yandex-direct")[seq % 4]
        given: dict[str, Any] = {
            "source": source,
            "caller": (None, "+79161112233", f"+7916555{seq:04}")[seq % 5 % 3],
            "line": ("sales", "service")[seq % 2],
            "number": f"+749512345{seq % 4:02}",
            "attribution": Attribution(kind, source, "because", confidence=round(0.5 + seq / 120, 3)),
            "spam": seq % 10 == 0,
        }
        if make is answered:
            given |= {
                "talk": float(seq),
                "recording": Recording(RecordingStatus.KEPT if seq % 2 else RecordingStatus.DELETED),
            }
        elif make is missed:
            given["outcome"] = (Outcome.UNANSWERED, Outcome.BUSY)[seq % 2]
        made.append(make(seq, **given))
    await CallStore(database).save_all(made)
    saying = SayingStore(database)
    for seq, call in enumerate(made):
        if seq % 4 == 1:
            await saying.say([call.id], SetClass(("target", "spam")[seq % 8 == 1]), "anna", LATER, f"c{seq}")
        if seq % 6 == 2:
            await saying.say(
                [call.id], SetTags(("vip",) if seq % 12 == 2 else ("vip", "дорого")), "anna", LATER, f"t{seq}"
            )
        if seq % 7 == 3:
            await saying.say(
                [call.id], SetComment(f"Замеры балконов и ёлки, {seq}; called twice"), "anna", LATER, f"m{seq}"
            )
    async with database.writing() as connection:
        for seq, call in enumerate(made):
            waiting = seq % 3 == 1 and seq % 2 == 0
            values = {
                "campaign": (None, "brand", "search")[seq % 3],
                "keyword": (None, "окна")[seq % 2],
                "landing": f"/{seq % 4}",
            }
            values |= {"wants_callback": waiting, "called_back_at": LATER if seq % 9 == 1 and not waiting else None}
            await connection.execute(update(calls).where(calls.c.id == call.id).values(**values))


def _fits(call: Listed, pairs: list[tuple[str, str]]) -> bool:
    """What the documentation says of each name, in Python."""
    given: dict[str, list[str]] = {}
    for name, value in pairs:
        given.setdefault(name, []).append(value)
    return all(_fits_one(call, name, values) for name, values in given.items())


def _fits_one(call: Listed, name: str, values: list[str]) -> bool:
    one = values[0]
    plain = {
        "source": call.source, "campaign": call.campaign, "keyword": call.keyword, "landing": call.landing, "line": call.line,
        "outcome": call.outcome or "open", "class": call.said.call_class, "number": call.number, "answered_by": call.answered_by, "kind": call.kind,
    }  # fmt: skip
    if name in plain:
        return (plain[name] or "-") in values
    match name:
        case "tag":
            return bool({*values} & {*call.said.tags})
        case "caller":
            return any((call.caller or "-").endswith(value.lstrip("*")) for value in values)
        case "talk_min":
            return call.talk is not None and call.talk >= float(one)
        case "talk_max":
            return (call.talk or 0) <= float(one)
        case "confidence_min":
            return call.confidence >= float(one)
        case "confidence_max":
            return call.confidence <= float(one)
        case "first":
            return call.first_time is (one == "yes")
        case "spam":
            return call.spam is (one == "yes")
        case "recording":
            return call.recorded
        case "callback":
            gone = not call.wants_callback and call.called_back_at is None and call.outcome not in (None, "answered")
            return {"waiting": call.wants_callback, "done": call.called_back_at is not None, "never": gone}[one]
    raise AssertionError(name)


QUERIES = [
    "source=avito", "source=avito&source=-", "source=-", "campaign=brand", "campaign=-&campaign=search", "keyword=окна", "keyword=-",
    "landing=/2&landing=/3", "outcome=answered", "outcome=open", "outcome=busy&outcome=unanswered", "class=target", "class=-", "class=target&class=-",
    "tag=vip", "tag=vip&tag=дорого", "tag=дорого", "number=%2B74951234501", "number=8 495 123-45-01", "caller=%2B79161112233",
    "caller=8 (916) 111-22-33", "caller=-", "caller=*2233", "caller=0007&caller=*0002", "caller=*50007", "line=sales", "line=sales&line=service",
    "answered_by=PJSIP/101", "answered_by=-", "kind=visit", "talk_min=30", "talk_max=10", "talk_min=20&talk_max=40", "confidence_min=0.9",
    "confidence_max=0.6", "first=yes", "first=no", "spam=yes", "spam=no", "callback=waiting", "callback=done", "callback=never", "recording=kept",
    "source=avito&source=2gis&class=-&line=sales", "tag=vip&source=-&outcome=open", "caller=*2233&class=target", "",
]  # fmt: skip


async def test_every_filter_finds_what_it_says_and_nothing_else(database: Database) -> None:
    await _some_books(database)
    lists = CallLists(database)
    everything = (await lists.page(CallQuery(), UTC, 1000)).calls
    assert len(everything) == 60
    assert [call.id for call in everything] == [
        c.id for c in sorted(everything, key=lambda c: (c.started_at, c.id), reverse=True)
    ]
    for written in QUERIES:
        pairs = pairs_of(written)
        query = read_query(pairs, TODAY, "RU")
        wanted = [call.id for call in everything if _fits(call, [_as_in_books(pair) for pair in pairs])]
        assert wanted, written
        found = []
        cursor = None
        while True:  # in pages of seven
            page = await lists.page(query, UTC, 7, cursor)
            found += [call.id for call in page.calls]
            if (cursor := page.cursor) is None:
                break
        assert found == wanted, written
        assert await lists.count(query, UTC) == len(wanted), written
        assert await lists.count(query, UTC, 5) == min(5, len(wanted)), written
        assert await lists.ids_of(query, UTC, [call.id for call in everything]) == wanted, written
        assert read_query(query.pairs(), TODAY, "RU") == query, written


def _as_in_books(pair: tuple[str, str]) -> tuple[str, str]:
    usual = {"8 495 123-45-01": "+74951234501", "8 (916) 111-22-33": "+79161112233"}
    return pair[0], usual.get(pair[1], pair[1])


async def test_days_are_those_of_the_zone(database: Database) -> None:
    from zoneinfo import ZoneInfo

    await CallStore(database).save(a_call(1, minutes=11 * 60 + 30))  # 23:30 UTC: the next day in Moscow
    lists = CallLists(database)
    query = read_query(pairs_of("from=2026-11-21&to=2026-11-21"), TODAY, "RU")
    assert await lists.count(query, ZoneInfo("Europe/Moscow")) == 1
    assert await lists.count(query, UTC) == 0


async def test_the_same_caller_by_a_call_of_his(database: Database) -> None:
    await _some_books(database)
    lists = CallLists(database)
    his = (await lists.page(CallQuery(callers=("+79161112233",)), UTC)).calls
    found = (await lists.page(CallQuery(callers_of=(his[3].id,)), UTC)).calls
    assert [call.id for call in found] == [call.id for call in his]
    withheld = (await lists.page(CallQuery(callers=(None,)), UTC)).calls[0]
    assert await lists.count(CallQuery(callers_of=(withheld.id,)), UTC) == 0


@pytest.mark.parametrize(
    ("typed", "found"),
    [
        ("замер", True), ("ЗАМЕР", True), ("замеры балкона", True), ("балк", True), ("замер бал", True), ("елка", True), ("ЁЛКОЙ", True),
        ("calling", True), ("twic", True), ("балк замеры", False), ("окно", False), ("замеры окно", False), ("%", False), ("'; DROP TABLE", False),
    ],
)  # fmt: skip
async def test_search_knows_forms_of_words_and_the_beginning_of_the_last(
    database: Database, typed: str, found: bool
) -> None:
    await _some_books(database)
    lists = CallLists(database)
    query = read_query([("q", typed)], TODAY, "RU")
    wanted = [call.id for call in (await lists.page(CallQuery(), UTC, 100)).calls if found and call.said.comment]
    assert [call.id for call in (await lists.page(query, UTC, 100)).calls] == wanted
    assert await lists.count(query, UTC) == len(wanted)


async def test_a_comment_changed_is_found_by_its_new_words_only(database: Database) -> None:
    await CallStore(database).save(a_call(1))
    lists, saying = CallLists(database), SayingStore(database)
    call = a_call(1).id
    await saying.say([call], SetComment("договор подписан"), "anna", LATER, "b1")
    await saying.say([call], SetComment("договор отменён"), "anna", LATER, "b2")
    assert await lists.count(CallQuery(text="подписать"), UTC) == 0
    assert await lists.count(CallQuery(text="отменен"), UTC) == 1
    await saying.undo("b2", "anna", LATER, "b3")
    assert await lists.count(CallQuery(text="подписан"), UTC) == 1
    assert await words.index_all_comments(database) == 1
    assert await lists.count(CallQuery(text="подписан"), UTC) == 1


async def test_what_is_said_leaves_a_trace_and_marks_the_day(database: Database) -> None:
    await CallStore(database).save(a_call(1))
    saying, call = SayingStore(database), a_call(1).id
    async with database.writing() as connection:
        await connection.execute(rollup_dirty.delete())
    await saying.say([call], SetComment("hello"), "anna", LATER, "b0")
    assert await _marked(database) == 0
    await saying.say([call], SetClass("target"), "anna", LATER, "b1")
    await saying.say([call], SetValue(1250050), "boris", LATER, "b2")
    await saying.say([call], SetChecks({"offer": True, "introduced": False}), "boris", LATER, "b3")
    assert await _marked(database) == 3
    assert (await saying.say([call], SetClass("target"), "boris", LATER, "b4")).calls == ()
    said = (await saying.said([call]))[call]
    assert (said.call_class, said.value, said.comment, said.score) == ("target", 1250050, "hello", 0.5)
    history = [(e.by, e.what, e.before, e.after, e.batch) for e in await saying.history(call)]
    assert history == [
        ("boris", "checklist", {}, {"introduced": False, "offer": True}, "b3"),
        ("boris", "value", None, 1250050, "b2"),
        ("anna", "class", None, "target", "b1"),
        ("anna", "comment", None, "hello", "b0"),
    ]
    async with database.reading() as connection:
        row = (await connection.execute(select(calls).where(calls.c.id == call))).mappings().one()
    assert (row["class"], row["score"], row["value"]) == ("target", 0.5, 1250050)
    assert row["revision"] == 5


async def _marked(database: Database) -> int:
    async with database.reading() as connection:
        return len((await connection.execute(select(rollup_dirty))).all())


async def test_two_at_once_the_last_one_has_it_and_both_stand_in_the_history(database: Database) -> None:
    await CallStore(database).save(a_call(1))
    saying, call = SayingStore(database), a_call(1).id
    await saying.say([call], SetClass("target"), "anna", LATER, "b1")
    await saying.say([call], SetClass("spam"), "boris", LATER, "b2")
    assert (await saying.said([call]))[call].call_class == "spam"
    assert [(e.by, e.before, e.after) for e in await saying.history(call)] == [
        ("boris", "target", "spam"),
        ("anna", None, "target"),
    ]
    with pytest.raises(ChangedSinceError, match="boris"):
        await saying.undo("b1", "anna", LATER, "b3")
    assert (await saying.said([call]))[call].call_class == "spam"
    await saying.undo("b2", "boris", LATER, "b4")
    assert (await saying.said([call]))[call].call_class == "target"


async def test_a_batch_is_undone_whole_or_not_at_all(database: Database) -> None:
    await CallStore(database).save_all([a_call(seq) for seq in range(5)])
    saying, ids = SayingStore(database), [a_call(seq).id for seq in range(5)]
    await saying.say(ids[:1], SetClass("spam"), "anna", LATER, "b0")
    done = await saying.say([*ids, ids[0], "20261120-120000-9-000000"], SetClass("target"), "anna", LATER, "b1")
    assert (sorted(done.calls), done.missing) == (ids, 1)
    await saying.say([ids[4]], SetClass("spam"), "boris", LATER, "b2")
    with pytest.raises(ChangedSinceError):
        await saying.undo("b1", "anna", LATER, "b3")
    assert {c: s.call_class for c, s in (await saying.said(ids)).items()} == dict(
        zip(ids, ["target"] * 4 + ["spam"], strict=True)
    )
    await saying.undo("b2", "boris", LATER, "b4")
    await saying.undo("b1", "anna", LATER, "b5")
    assert [(await saying.said(ids))[c].call_class for c in ids] == ["spam", None, None, None, None]
    await saying.undo("b5", "anna", LATER, "b6")  # and again
    assert {s.call_class for s in (await saying.said(ids)).values()} == {"target"}
    with pytest.raises(LookupError):
        await saying.undo("nothing", "anna", LATER, "b7")


async def test_tags_of_many_and_what_it_would_do(database: Database) -> None:
    await CallStore(database).save_all([a_call(seq) for seq in range(4)])
    saying, ids = SayingStore(database), [a_call(seq).id for seq in range(4)]
    await saying.say(ids[:2], SetTags(("vip",)), "anna", LATER, "b0")
    preview = await saying.preview(ids, ChangeTags(add=("vip",)))
    assert (preview.total, preview.same, dict(preview.before)) == (4, 2, {"": 2})
    await saying.say(ids, ChangeTags(add=("vip", "new")), "anna", LATER, "b1")
    await saying.say(ids, ChangeTags(remove=("vip",)), "anna", LATER, "b2")
    assert {s.tags for s in (await saying.said(ids)).values()} == {("new",)}
    await saying.undo("b2", "anna", LATER, "b3")
    assert {s.tags for s in (await saying.said(ids)).values()} == {("new", "vip")}
    with pytest.raises(ValueError, match="20 tags"):
        await saying.say(ids, ChangeTags(add=tuple(f"t{n}" for n in range(20))), "anna", LATER, "b4")
    assert await CallLists(database).known_tags() == ["new", "vip"]


async def test_ten_thousand_at_once(sqlite: Database) -> None:
    made = [a_call(seq, minutes=seq) for seq in range(3000)]
    await CallStore(sqlite).save_all(made)
    saying, ids = SayingStore(sqlite), [call.id for call in made]
    assert len((await saying.say(ids, SetClass("target"), "anna", LATER, "all")).calls) == 3000
    assert await CallLists(sqlite).count(CallQuery(classes=("target",)), UTC) == 3000
    assert len((await saying.undo("all", "anna", LATER, "back")).calls) == 3000
    assert await CallLists(sqlite).count(CallQuery(classes=(None,)), UTC) == 3000


async def test_views(database: Database) -> None:
    lists = CallLists(database)
    await lists.keep_view(View("anna", "Mine", "class=-", shared=False))
    await lists.keep_view(View("boris", "His", "class=target", shared=True))
    await lists.keep_view(View("boris", "Secret", "", shared=False))
    await lists.keep_view(View("anna", "Mine", "class=spam", shared=False))
    assert [(v.user, v.name, v.query) for v in await lists.views("anna")] == [
        ("anna", "Mine", "class=spam"),
        ("boris", "His", "class=target"),
    ]
    assert not await lists.drop_view("anna", "His")
    assert await lists.drop_view("anna", "Mine")
    assert [v.name for v in await lists.views("anna")] == ["His"]


async def test_nobody_sees_beyond_his_bounds_whatever_he_asks(database: Database) -> None:
    await _some_books(database)
    lists = CallLists(database)
    everything = {call.id: call for call in (await lists.page(CallQuery(), UTC, 100)).calls}
    operator = who_of("o", Role.OPERATOR, "sales")
    nobody = who_of("n", Role.OPERATOR, None)
    guest = who_of("link:x", Role.GUEST, None, scope="source=avito&spam=no")
    for written in [*QUERIES, "line=service", "line=", "source=2gis", "q=замер", "spam=yes"]:
        query = read_query(pairs_of(written), TODAY, "RU")
        mine = (await lists.page(query.narrowed(operator, TODAY, "RU"), UTC, 100)).calls
        assert {call.line for call in mine} <= {"sales"}, written
        assert await lists.count(query.narrowed(nobody, TODAY, "RU"), UTC) == 0
        if query.endings:
            continue
        narrowed = query.narrowed(guest, TODAY, "RU")
        seen = (await lists.page(narrowed, UTC, 100)).calls
        assert all(call.source == "avito" and not call.spam for call in seen), written
        assert set(await lists.ids_of(narrowed, UTC, list(everything))) == {call.id for call in seen}
        assert await lists.count(narrowed, UTC) == len(seen)


#: Of these a database must sort what it found; what is found is few, or in parts that are in order.
_SORTED = ("q=замер",)


async def test_every_filter_is_answered_by_an_index_in_the_order_of_the_list(sqlite: Database) -> None:
    asked: list[tuple[str, Any]] = []
    async with sqlite.reading() as connection:
        event.listen(
            connection.sync_connection, "before_cursor_execute", lambda *given: asked.append((given[2], given[3]))
        )
        for written in [*QUERIES, "q=замер", "q=замеры балкон", "period=7d", "caller=@20261120-120100-1-000001"]:
            query = read_query(pairs_of(written), TODAY, "RU")
            await connection.execute(found_ids(query, UTC, 51, (datetime(2026, 11, 20, tzinfo=UTC), "x")))
            sql, values = asked[-1]
            plan = [row[-1] for row in await connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {sql}", values)]
            assert not [step for step in plan if step.startswith("SCAN calls") and "INDEX" not in step], (written, plan)
            if "UNION" not in sql and written not in _SORTED:
                assert not [step for step in plan if "ORDER BY" in step], (written, plan)
