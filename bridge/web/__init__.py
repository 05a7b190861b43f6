"""What the daemon serves over HTTP to people and pages."""
