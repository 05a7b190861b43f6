"""The pure part: no I/O, no clock, no randomness. `now` and ids are always arguments."""
