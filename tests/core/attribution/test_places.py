"""Where callers and visits are from, and when that can be compared."""

from __future__ import annotations

import pytest
from phonenumbers import geocoder, parse

from bridge.core.attribution.places import _AREAS, place_of_name, place_of_number, same_place


@pytest.mark.parametrize(
    ("number", "place"),
    [
        ("+74951234567", "RU-MOW"),
        ("+78121234567", "RU-SPE"),
        ("+78432345678", "RU-TA"),
        ("+79161234567", "RU"),  # a mobile number goes with its owner
        ("+4930123456", "DE"),
        ("+77172123456", "KZ"),
        ("+1234", None),
        ("anonymous", None),
    ],
)
def test_of_numbers(number: str, place: str | None):
    assert place_of_number(number) == place


@pytest.mark.parametrize(
    ("name", "place"),
    [
        ("RU-MOW", "RU-MOW"),
        ("MOW", "RU-MOW"),
        ("Moscow", "RU-MOW"),
        (" Москва ", "RU-MOW"),
        ("Московская область", "RU-MOW"),
        ("Saint-Petersburg", "RU-SPE"),
        ("г. Санкт-Петербург", "RU-SPE"),
        ("Tomsk", "RU-TOM"),
        ("Omsk Oblast", "RU-OMS"),
        ("Нижний Новгород", "RU-NIZ"),
        ("Nizhniy Novgorod", "RU-NIZ"),
        ("Великий Новгород", "RU-NGR"),
        ("Yamalo-Nenets", "RU-YAN"),
        ("Ненецкий автономный округ", "RU-ARK"),
        ("Sakhalin", "RU-SAK"),
        ("Sakha", "RU-SA"),
        ("RU", "RU"),
        ("Россия", "RU"),
        ("US-NY", "US-NY"),
        ("DE", "DE"),
        ("48", None),
        ("msk", None),
        ("", None),
    ],
)
def test_of_names(name: str, place: str | None):
    assert place_of_name(name) == place


@pytest.mark.parametrize(
    ("caller", "visit", "same"),
    [
        ("RU-MOW", "Москва", True),
        ("RU-MOW", "Kazan", False),
        ("RU", "Москва", None),  # a mobile number says nothing of the region,
        ("RU", "DE", False),  # but of the country
        ("RU-MOW", "RU", None),
        ("RU-MOW", "48", None),
        ("RU-MOW", "nowhere known", None),
        ("msk", "MSK", True),
        ("msk", "spb", False),
    ],
)
def test_comparing(caller: str, visit: str, same: bool | None):
    assert same_place(caller, visit) is same


def test_area_codes_are_those_of_the_numbering_plan():
    told = 0
    for area, place in _AREAS.items():
        for rest in ("2222222", "3222222", "5222222"):
            name = geocoder.description_for_number(parse(f"+7{area}{rest}"), "en")
            found = place_of_name(name)
            if name and found not in (None, "RU"):
                told += 1
                assert found == place, (area, name)
    assert told > 60
