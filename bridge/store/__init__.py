"""The books: calls, rings, the numbers' bindings over time, and reading marks, on SQLite or PostgreSQL."""

from bridge.store import visit_schema as _visit_schema  # noqa: F401 - all tables are in the metadata, whoever asks for them
