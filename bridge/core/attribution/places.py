"""Where a caller's number is from and where a visit was made, in one notation, so that they can be compared where they can be.

A place is an ISO 3166 country (``RU``) or a subdivision of it (``RU-MOW``). Area codes are those of the Russian numbering plan; mobile
numbers tell the country only. Cities with their surroundings are one place: neither numbers nor addresses tell them apart.
"""

from __future__ import annotations

import re
from functools import lru_cache

import phonenumbers

#: ISO 3166-2:RU codes that are one place, their area codes, and how their names begin in English and Russian, the longer names first
_RUSSIA = """
AD 877 adyge адыге
AL,ALT 385,388 altai,altay,barnaul алтай,барнаул,горно
AMU 416 amur,blagoveshch амурск,благовещ
ARK,NEN 818 arkhangelsk,nenets архангельск,ненец
AST 851 astrakhan астрахан
BA 347 bashk,ufa башк,уфа
BEL 472 belgorod белгород
BRY 483 bryansk брянск
BU 301 buryat,ulan бурят,улан
CE 871 chech,grozny чеч,грозн
CHE 351 chelyab,magnitogorsk челяб,магнитогорск
CHU 427 chukot,anadyr чукот,анадыр
CU 835 chuvash,cheboks чуваш,чебокс
DA 872 dagest,daghest,makhach дагест,махач
IN 873 ingush,magas ингуш,магас
IRK 395 irkutsk,bratsk иркутск,братск
IVA 493 ivanov иванов
KAM 415 kamchat камчат
KB 866 kabard,nalchik кабард,нальчик
KC 878 karach,cherkes карач,черкес
KDA 861,862 krasnodar,sochi краснодар,сочи
KEM 384 kemerov,kuzbass,novokuzn кемеров,кузбас,новокузн
KGD 401 kalining калининг
KGN 352 kurgan курган
KHA 421 khabar хабар
KHM 346 khanty,yugra,surgut ханты,югра,сургут
KIR 833 kirov киров
KK 390 khakas,abakan хакас,абакан
KL 847 kalmyk,elista калмык,элист
KLU 484 kaluga калуг,калуж
KO 821 komi,syktyv коми,сыктыв
KOS 494 kostrom костром
KR 814 kareli,petrozav карел,петрозав
KRS 471 kursk курск
KYA 391 krasnoyar краснояр
LIP 474 lipetsk липецк
MAG 413 magadan магадан
ME 836 mari,marij,yoshkar марий,йошкар
MO 834 mordov,saransk мордов,саранск
MOW,MOS 495,496,498,499 moscow,moskva,moskov москва,москов
MUR 815 murman мурман
NGR 816 veliky,novgorod великий,новгород
NIZ 831 nizhn,nizhegorod нижн,нижегород
NVS 383 novosib новосиб
OMS 381 omsk омск
ORE 353 orenb оренб
ORL 486 orel,oryol,orlov орел,орёл,орлов
PER 342 perm перм
PNZ 841 penza,penzen пенз
PRI 423 primor,vladivost примор,владивост
PSK 811 pskov псков
ROS 863 rostov рост
RYA 491 ryazan рязан
SA 411 sakha,yakut саха,якут
SAK 424 sakhalin,yuzhno сахалин,южно
SAM 846,848 samara,tolyat,togliat самар,тольят
SAR 845 sarat сарат
SE 867 ossetia,alania,vladikav осет,алани,владикав
SMO 481 smolen смолен
SPE,LEN 812,813 peterburg,petersburg,leningrad петербург,ленинград
STA 865 stavrop,pyatig ставроп,пятиг
SVE 343 sverdl,yekaterin,ekaterin свердл,екатеринб
TA 843,855 tatar,kazan,naberez татар,казан,набереж
TAM 475 tambov тамбов
TOM 382 tomsk томск
TUL 487 tula,tulsk тула,тульск
TVE 482 tver твер
TY 394 tuva,tyva,kyzyl тыва,тува,кызыл
TYU 345 tyumen тюмен
UD 341 udmurt,izhevsk удмурт,ижевск
ULY 842 ulyan ульян
VGG 844 volgogr волгогр
VLA 492 vladimir владимир
VLG 817,820 vologd,cherep волог,волож,черепов
VOR 473 voron ворон
YAN 349 yamal,salekh ямал,салех
YAR 485 yarosl яросл
YEV 426 jewish,birobid еврейск,биробид
ZAB 302 zabaik,zabayk,transbaik,chita забайк,чита
"""


def _table() -> tuple[dict[str, str], dict[str, str], list[tuple[str, str]]]:
    codes, areas, names = {}, {}, []
    for line in _RUSSIA.split("\n")[1:-1]:
        iso, area, english, russian = line.split(" ")
        place = f"RU-{iso.split(',')[0]}"
        codes.update(dict.fromkeys(iso.split(","), place))
        areas.update(dict.fromkeys(area.split(","), place))
        names += [(name, place) for name in f"{english},{russian}".split(",")]
    return codes, areas, sorted(names, key=lambda pair: -len(pair[0]))


_CODES, _AREAS, _NAMES = _table()
_COUNTRIES = {"russia": "RU", "россия": "RU", "russian federation": "RU", "российская федерация": "RU"}


@lru_cache(maxsize=32_768)
def place_of_number(e164: str) -> str | None:
    """The place a number (E.164) was given out in: a subdivision for Russian landlines, else the country; None if that is not known."""
    try:
        number = phonenumbers.parse(e164, None)
    except phonenumbers.NumberParseException:
        return None
    country = phonenumbers.region_code_for_number(number)
    if country is None or country == "001":
        return None
    return _AREAS.get(e164[2:5], "RU") if country == "RU" else str(country)


@lru_cache(maxsize=8_192)
def place_of_name(name: str) -> str | None:
    """The place that a web server names so: an ISO code (``RU-MOW``, ``RU``, ``MOW``), or a Russian region or city in English or Russian.

    None if it is none of these. A code of two letters alone is a country.
    """
    text = name.strip().casefold()
    if text in _COUNTRIES:
        return _COUNTRIES[text]
    code = re.fullmatch(r"([a-z]{2})[-_]([a-z0-9]{1,3})", text, re.ASCII)
    if code is not None:
        country, part = code[1].upper(), code[2].upper()
        return _CODES.get(part, "RU") if country == "RU" else f"{country}-{part}"
    if text.upper() in phonenumbers.SUPPORTED_REGIONS:
        return text.upper()
    if len(text) == 3 and text.upper() in _CODES:
        return _CODES[text.upper()]
    words = re.findall(r"\w+", text)  # the first one that tells decides: Nizhny Novgorod, Veliky Novgorod
    return next((place for word in words for begin, place in _NAMES if word.startswith(begin)), None)


def same_place(caller: str, visit: str) -> bool | None:
    """Whether a caller's region is a visit's; None where that cannot be told, as when one names a country and the other a part of it.

    Words that mean no known place are compared as they are if neither does: somebody's own names of regions.
    """
    one, other = place_of_name(caller), place_of_name(visit)
    if one is None and other is None:
        return caller.strip().casefold() == visit.strip().casefold()
    if one is None or other is None:
        return None
    if one[:2] != other[:2]:
        return False
    return one == other if "-" in one and "-" in other else None
