from __future__ import annotations

from bridge.core.directory import NO_NOTICE, Directory, Line, NoticeSpec, Number, Source
from bridge.core.model import Binding, BindingKind
from bridge.core.plan import Leg

RING = (Leg("PJSIP/101"),)
LINES = {
    "sales": Line("sales", "Sales", RING, 40),
    "support": Line("support", "Support", RING, 40, notice="short", whisper=False),
    "night": Line("night", "Night", RING, 40),
}
SOURCES = {
    "radio": Source("radio", "Radio", whisper="radio"),
    "direct": Source("direct", "Direct", line="support", whisper="direct"),
    "quiet": Source("quiet", "Quiet", notice=NO_NOTICE),
}
NOTICES = {name: NoticeSpec(name, f"/sounds/{name}") for name in ("standard", "short", "own")}


def bound(number: str, source: str, line: str | None = None, notice: str | None = None) -> Number:
    return Number(Binding(number, BindingKind.STATIC, source), line=line, notice=notice)


DIRECTORY = Directory(
    fallback="night",
    lines=LINES,
    sources=SOURCES,
    numbers={
        "+74951110001": bound("+74951110001", "radio"),
        "+74951110002": bound("+74951110002", "direct"),
        "+74951110003": bound("+74951110003", "direct", line="sales", notice="own"),
        "+74951110004": bound("+74951110004", "quiet"),
    },
    notices=NOTICES,
    default_line="sales",
    default_notice="standard",
)


def routed(dialled: str) -> tuple[str, str | None, str]:
    number = DIRECTORY.number_of(dialled)
    line = DIRECTORY.line_of(number)
    notice = DIRECTORY.notice_of(number, line)
    return line.name, notice.name if notice else None, DIRECTORY.whisper_of(number, line)


def test_a_number_is_found_in_any_writing() -> None:
    for dialled in ("+74951110001", "84951110001", "4951110001", "74951110001"):
        binding = DIRECTORY.binding_of(dialled)
        assert binding is not None
        assert binding.number == "+74951110001"


def test_what_is_not_ours() -> None:
    for dialled in ("+74951119999", "101", "", "s", "bridge-inbound"):
        assert DIRECTORY.number_of(dialled) is None
        assert DIRECTORY.binding_of(dialled) is None


def test_the_nearer_word_holds() -> None:
    assert routed("+74951110001") == ("sales", "standard", "radio")  # the defaults
    assert routed("+74951110002") == ("support", "short", "")  # the source's line, the line's notice, no whisper there
    assert routed("+74951110003") == ("sales", "own", "direct")  # the number's own
    assert routed("+74951110004") == ("sales", None, "")  # the source wants no notice
    assert routed("unknown") == ("night", "standard", "")  # nobody bound it


def test_without_defaults() -> None:
    bare = Directory("night", LINES, SOURCES, DIRECTORY.numbers)
    number = bare.number_of("+74951110001")
    assert bare.line_of(number).name == "night"
    assert bare.notice_of(number, bare.line_of(number)) is None
