"""``scripts/bench``: what calls cost, always against a baseline in the same run on the same machine.

The variants of a measurement take turns (A B C A B C ...), so that whatever else the machine does hits all of them alike.
"""
