"""Recordings on disk: two mono files of Asterisk in, one two-channel file and its sidecar out."""
