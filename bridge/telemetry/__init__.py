"""What the daemon tells the sysadmin: its log, its metrics, its health, and systemd."""
