"""MySQL's statements in SQLite's words."""
