"""Self-hosted call tracking on Asterisk."""

__version__ = "0.1.0"
