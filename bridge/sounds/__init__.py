"""Telephone sounds: what fits Asterisk, and making it from texts or from other sound files."""
