"""Which visit a call came from, how sure that is, and why. Times are epoch seconds (float)."""
