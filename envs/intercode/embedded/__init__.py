"""A small set of our own tasks: three databases and one file system, with gold commands and their stored outcomes.

``expected.json`` beside the tasks holds what the gold commands gave outside this package (MariaDB; a plain shell), so
that an engine can be tested against something else than itself.
"""
