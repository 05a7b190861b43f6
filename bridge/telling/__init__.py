"""Telling people and programs outside of what happened: mail and webhooks."""
