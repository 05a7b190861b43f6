from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.core.phone import is_region, is_valid, is_withheld, normalise


@pytest.mark.parametrize(
    "text",
    [
        "+74951110001",
        "84951110001",
        "74951110001",
        "4951110001",
        "0074951110001",
        "+7 (495) 111-00-01",
        "8 495 111 00 01",
        "8(495)111-00-01",
        "+7\u00a0495\u00a0111\u201100\u201101",
        " 84951110001 ",
    ],
)
def test_one_russian_number_in_every_writing(text: str) -> None:
    assert normalise(text, "RU") == "+74951110001"


@pytest.mark.parametrize(
    ("text", "region", "e164"),
    [
        ("491711234567", "RU", "+491711234567"),  # a foreign caller without the plus
        ("81049171 1234567", "RU", "+491711234567"),
        ("8-800-555-35-35", "RU", "+78005553535"),
        ("020 7946 0018", "GB", "+442079460018"),
        ("(212) 555-0123", "US", "+12125550123"),
    ],
)
def test_other_numbers(text: str, region: str, e164: str) -> None:
    assert normalise(text, region) == e164


@pytest.mark.parametrize(
    "text",
    [
        "",
        "101",
        "495111",
        "+7495111000",
        "+749511100011",
        "1-800-FLOWERS",
        "84951110001;ext=5",
        "84951110001 x12",
        "tel:+74951110001",
        "+7495+1110001",
        "anonymous",
        "٨٤٩٥١١١٠٠٠١",
        "8" * 41,
        "8495\n1110001",
        "${EXTEN}",
    ],
)
def test_what_is_no_number(text: str) -> None:
    assert normalise(text, "RU") is None


@given(st.text(max_size=60))
def test_any_text_is_a_number_or_none(text: str) -> None:
    found = normalise(text, "RU")
    assert found is None or (found[0] == "+" and found[1:].isascii() and found[1:].isdigit())


@given(st.from_regex(r"\+?[0-9]{5,15}", fullmatch=True), st.sampled_from(["RU", "US", "DE", "GB", "KZ"]))
def test_what_was_read_is_read_as_itself(text: str, region: str) -> None:
    found = normalise(text, region)
    assert found is None or normalise(found, region) == found


@pytest.mark.parametrize("text", [None, "", " ", "anonymous", "Anonymous", '"Restricted"', "unknown", "unavailable"])
def test_withheld(text: str | None) -> None:
    assert is_withheld(text)


@pytest.mark.parametrize("text", ["+74951110001", "101", "0"])
def test_not_withheld(text: str) -> None:
    assert not is_withheld(text)


def test_ranges_and_regions() -> None:
    assert is_valid("+74951110001")
    assert not is_valid("+70001110001")
    assert not is_valid("nonsense")
    assert is_region("RU")
    assert not is_region("ru")
