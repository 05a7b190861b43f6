"""The words of comments, stemmed, Russian and English by their script: what the search over comments looks into."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from datetime import datetime
from functools import lru_cache
from typing import Any, Final

import snowballstemmer
from sqlalchemy import delete, func, insert, select
from sqlalchemy.ext.asyncio import AsyncConnection

from bridge.store.desk_schema import words
from bridge.store.engine import Database
from bridge.store.schema import calls

MOST_WORDS: Final = 500  #: of one comment
_LONGEST: Final = 40
_WORD = re.compile(r"[^\W_]+")
_STEMMERS: Final = {"russian": snowballstemmer.stemmer("russian"), "english": snowballstemmer.stemmer("english")}


def plain_words(text: str) -> list[str]:
    """The words as they stand, in small letters, ``ё`` as ``е``."""
    folded = unicodedata.normalize("NFKC", text).lower().replace("ё", "е")
    return [word[:_LONGEST] for word in _WORD.findall(folded)]


@lru_cache(maxsize=32768)
def stem(word: str) -> str:
    """The stem of a word of `plain_words`."""
    if any("а" <= letter <= "я" for letter in word):
        return str(_STEMMERS["russian"].stemWord(word))
    return str(_STEMMERS["english"].stemWord(word)) if word.isascii() and not word.isdecimal() else word


def stems(text: str) -> list[str]:
    """The stems of a comment, each once."""
    return list(dict.fromkeys(stem(word) for word in plain_words(text)))[:MOST_WORDS]


def word_rows(call_id: str, started_at: Any, comment: str) -> list[dict[str, Any]]:
    """The rows of `words` for a call's comment."""
    return [{"word": word, "started_at": started_at, "call_id": call_id} for word in stems(comment)]


async def index_comments(connection: AsyncConnection, comments: Sequence[tuple[str, datetime, str]]) -> None:
    """Makes the index say what these comments (call, when it began, text) say now."""
    for start in range(0, len(comments), 500):
        some = comments[start : start + 500]
        await connection.execute(delete(words).where(words.c.call_id.in_([call_id for call_id, _, _ in some])))
        if rows := [row for comment in some for row in word_rows(*comment)]:
            await connection.execute(insert(words), rows)


async def index_all_comments(database: Database) -> int:
    """Makes the index anew from all comments; of how many. Raises StoreBusy or StoreUnavailable."""
    async with database.writing(durable=True) as connection:
        query = select(calls.c.id, calls.c.started_at, calls.c.comment).where(func.coalesce(calls.c.comment, "") != "")
        found = [(row.id, row.started_at, row.comment) for row in await connection.execute(query)]
        await connection.execute(delete(words))
        await index_comments(connection, found)
    return len(found)
