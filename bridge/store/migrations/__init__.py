"""Alembic's steps from any older database to `bridge.store.schema`, inside the package so that an installed bridge has them.

A new step is a new module in `versions`, numbered on; a test compares the outcome of all steps with the schema.
"""
