"""Calls while everything breaks: real calls at a steady rate, faults from a seeded schedule, and the books compared with the wire."""
