"""The tables of the desk: people, their sessions, what they say of calls, and the trace of it all."""

from __future__ import annotations

from sqlalchemy import Boolean, Column, ForeignKey, Index, Integer, Table, Text, and_, false, literal_column, text

from bridge.store.schema import IdText, Instant, Json, calls, metadata

users = Table(
    "users",
    metadata,
    Column("name", IdText, primary_key=True),
    Column("role", Text, nullable=False),
    Column("line", Text),  # an operator sees the calls of this line only
    Column("password", Text),  # argon2; NULL: signs in elsewhere (OIDC) only
    Column("email", Text),
    Column("oidc_subject", Text),
    Column("created_at", Instant, nullable=False),
    Column("disabled_at", Instant),
    Column("failures", Integer, nullable=False, server_default="0"),  # wrong passwords in a row
    Column("locked_until", Instant),
)
_oidc = users.c.oidc_subject.is_not(None)
Index("users_by_subject", users.c.oidc_subject, unique=True, sqlite_where=_oidc, postgresql_where=_oidc)

#: Tokens of sessions and links are kept as SHA-256: who reads the books cannot sign in with them.
sessions = Table(
    "sessions",
    metadata,
    Column("token", IdText, primary_key=True),
    Column("user", IdText, ForeignKey("users.name", ondelete="CASCADE"), nullable=False),
    Column("began_at", Instant, nullable=False),
    Column("seen_at", Instant, nullable=False),
    Column("expires_at", Instant, nullable=False),
    Column("address", Text, nullable=False),
    Column("agent", Text, nullable=False),
)
Index("sessions_by_user", sessions.c.user)

#: Whoever has the link reads reports until it expires.
links = Table(
    "links",
    metadata,
    Column("token", IdText, primary_key=True),
    Column("title", Text, nullable=False),
    Column("made_by", IdText, nullable=False),
    Column("made_at", Instant, nullable=False),
    Column("expires_at", Instant, nullable=False),
    Column("revoked_at", Instant),
    Column("scope", Text, nullable=False),  # a filter as in the calls' URL: nothing beyond it is shown
)

#: What people say of a call, beside the columns of `calls`: `class`, `value`, `comment`, `score`.
tags = Table(
    "tags",
    metadata,
    Column("call_id", IdText, ForeignKey("calls.id", ondelete="CASCADE"), primary_key=True),
    Column("tag", Text, primary_key=True),
    Column("started_at", Instant, nullable=False),  # the call's
    sqlite_with_rowid=False,
)
Index("tags_by_tag", tags.c.tag, tags.c.started_at, tags.c.call_id)

checks = Table(
    "checks",
    metadata,
    Column("call_id", IdText, ForeignKey("calls.id", ondelete="CASCADE"), primary_key=True),
    Column("item", Text, primary_key=True),
    Column("passed", Boolean, nullable=False),
    sqlite_with_rowid=False,
)

#: The words of comments, stemmed: what the search looks into.
words = Table(
    "words",
    metadata,
    Column("word", IdText, primary_key=True),
    Column("started_at", Instant, primary_key=True),
    Column("call_id", IdText, ForeignKey("calls.id", ondelete="CASCADE"), primary_key=True),
    sqlite_with_rowid=False,
)
Index("words_by_call", words.c.call_id)

#: Every change a person made to a call. `batch`: changes made together, and undone together.
changes = Table(
    "changes",
    metadata,
    Column("call_id", IdText, ForeignKey("calls.id", ondelete="CASCADE"), primary_key=True),
    Column("seq", Integer, primary_key=True, autoincrement=False),
    Column("at", Instant, nullable=False),
    Column("by", IdText, nullable=False),
    Column("what", Text, nullable=False),  # class, tags, comment, value, checklist, attribution, called-back
    Column("before", Json),
    Column("after", Json),
    Column("batch", IdText, nullable=False),
    sqlite_with_rowid=False,
)
Index("changes_by_batch", changes.c.batch)

views = Table(
    "views",
    metadata,
    Column("user", IdText, primary_key=True),
    Column("name", Text, primary_key=True),
    Column("query", Text, nullable=False),
    Column("shared", Boolean, nullable=False, server_default=false()),
    sqlite_with_rowid=False,
)

#: Who listened to what, signed in, changed users, exported. Nobody can change it from the desk.
audit = Table(
    "audit",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("at", Instant, nullable=False),
    Column("by", IdText, nullable=False),
    Column("action", Text, nullable=False),
    Column("call_id", IdText),
    Column("detail", Text, nullable=False),
    Column("address", Text, nullable=False),
)
Index("audit_by_time", audit.c.at, audit.c.id)
_of_call = audit.c.call_id.is_not(None)
Index("audit_by_call", audit.c.call_id, audit.c.at, sqlite_where=_of_call, postgresql_where=_of_call)

#: Mails and webhooks about missed calls, until they are delivered or given up.
alerts = Table(
    "alerts",
    metadata,
    Column("call_id", IdText, ForeignKey("calls.id", ondelete="CASCADE"), primary_key=True),
    Column("target", Text, primary_key=True),
    Column("due_at", Instant),  # NULL: delivered, given up, or no longer needed
    Column("attempts", Integer, nullable=False, server_default="0"),
    Column("done_at", Instant),
    Column("problem", Text),
    sqlite_with_rowid=False,
)
_due = alerts.c.due_at.is_not(None)
Index("alerts_due", alerts.c.due_at, sqlite_where=_due, postgresql_where=_due)

#: The calls drawn for listening to, by week (its Monday, ISO 8601).
samples = Table(
    "samples",
    metadata,
    Column("week", IdText, primary_key=True),
    Column("call_id", IdText, ForeignKey("calls.id", ondelete="CASCADE"), primary_key=True),
    Column("place", Integer, nullable=False),
    sqlite_with_rowid=False,
)

Index("calls_by_class", calls.c["class"], calls.c.started_at, calls.c.id)
Index("calls_by_campaign", calls.c.campaign, calls.c.started_at, calls.c.id)
Index("calls_by_answerer", calls.c.answered_by, calls.c.started_at, calls.c.id)

_waiting = calls.c.wants_callback.is_(True)
Index("calls_wanting_callback", calls.c.started_at, calls.c.id, sqlite_where=_waiting, postgresql_where=_waiting)
# by caller too: without it SQLite takes the index of all callers
Index(
    "calls_wanting_by_caller",
    calls.c.caller,
    calls.c.started_at,
    calls.c.id,
    sqlite_where=_waiting,
    postgresql_where=_waiting,
)

Index("calls_by_keyword", calls.c.keyword, calls.c.started_at, calls.c.id)
Index("calls_by_landing", calls.c.landing, calls.c.started_at, calls.c.id)
Index("calls_by_kind", calls.c.attribution_kind, calls.c.started_at, calls.c.id)
#: The last four digits of callers; both databases read this alike.
Index("calls_by_ending", text("substr(caller, length(caller) - 3)"), calls.c.started_at, calls.c.id)
for _name, _which in (
    ("spam", calls.c.spam.is_(True)),
    ("called_back", calls.c.called_back_at.is_not(None)),
    (
        "not_called_back",
        and_(
            calls.c.wants_callback.is_(False),
            calls.c.called_back_at.is_(None),
            calls.c.outcome != literal_column("'answered'"),
        ),
    ),
    ("recording_kept", calls.c.recording_status == literal_column("'kept'")),
):
    Index(f"calls_{_name}", calls.c.started_at, calls.c.id, sqlite_where=_which, postgresql_where=_which)
