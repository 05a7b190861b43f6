"""Pools of numbers: who holds which number, until when, and how many numbers a site needs. Times are epoch seconds (float)."""
