"""InterCode-SQL: questions to databases, on SQLite or on a server that speaks the MySQL protocol."""
