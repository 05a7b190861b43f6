from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.core.call_id import folder_of, is_call_id


def test_a_call_id_leads_to_its_dated_folder() -> None:
    assert is_call_id("20261122-141925-76284-978947")
    assert folder_of("20261122-141925-76284-978947") == "2026/11/22"


@pytest.mark.parametrize(
    "text",
    [
        "",
        "20261322-141925-1-978947",
        "20261122-141925-1-97894",
        "20261122-141925-1-978947\n",
        "../../etc/passwd",
        "２０261122-141925-1-978947",
        "20261122-141925-1-978947/..",
    ],
)
def test_what_is_no_call_id_leads_nowhere(text: str) -> None:
    assert not is_call_id(text)
    with pytest.raises(ValueError, match="not a call id"):
        folder_of(text)


@given(st.text(max_size=60))
def test_no_folder_leaves_the_tree(text: str) -> None:
    if is_call_id(text):
        assert ".." not in folder_of(text)
        assert folder_of(text).count("/") == 2
