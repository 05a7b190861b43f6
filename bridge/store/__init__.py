"""The books: calls, rings, the numbers' bindings over time, and reading marks, on SQLite or PostgreSQL."""

# all tables are in the metadata, whoever asks for them
from bridge.store import callback_schema as _callback_schema  # noqa: F401
from bridge.store import desk_schema as _desk_schema  # noqa: F401
from bridge.store import rollup_schema as _rollup_schema  # noqa: F401
from bridge.store import visit_schema as _visit_schema  # noqa: F401
