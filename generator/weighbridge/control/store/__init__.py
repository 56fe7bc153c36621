"""What the control plane keeps: the log, what was published from it, releases, receipts. SQLite or PostgreSQL."""
