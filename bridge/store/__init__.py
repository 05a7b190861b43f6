"""The books: calls, rings, the numbers' bindings over time, and reading marks, on SQLite or PostgreSQL."""
