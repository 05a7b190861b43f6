"""The lab: a private Asterisk, SIPp callers and phones with real audio, and the daemon, all in one folder, without root.

The demo, the end-to-end tests and the benches stand on it. Several labs may run at once: every port is a free one.
"""
