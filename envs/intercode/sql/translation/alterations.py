"""Applies the actions of ALTER TABLE to a definition."""

from dataclasses import replace

from envs.intercode.sql.catalog import Column, Key, Table
from envs.intercode.sql.tables import Words, define
from envs.intercode.sql.translation.dialect import MySQLError


def altered(table: Table, action: Words, origin: dict[str, str], statement: str) -> Table:
    """Apply one action of ALTER TABLE; ``origin`` says where the values of each column come from."""
    if action.accept("ADD"):
        action.accept("COLUMN")
        more = define(table.name, [list(action.items[action.at :])])
        return replace(table, columns=table.columns + more.columns, keys=table.keys + more.keys,
                       foreign_keys=table.foreign_keys + more.foreign_keys)  # fmt: skip
    if action.accept("RENAME", "COLUMN"):
        column, _, new = named_column(table, action), action.next(), action.next().name
        origin[new] = origin.pop(column.name)
        return exchanged(table, column.name, replace(column, name=new))
    if action.accept("RENAME"):
        if not action.accept("TO"):
            action.accept("AS")
        return replace(table, name=action.next().name.lower())
    if action.accept("DROP"):
        action.accept("COLUMN")
        column = named_column(table, action)
        origin.pop(column.name)
        return exchanged(table, column.name, None)
    renamed = action.accept("CHANGE")
    if renamed or action.accept("MODIFY"):
        action.accept("COLUMN")
        start = action.at
        column = named_column(table, action)
        new_column = define(table.name, [list(action.items[action.at if renamed else start :])]).columns[0]
        origin[new_column.name] = origin.pop(column.name)
        return exchanged(table, column.name, new_column)
    raise MySQLError(f"the SQLite engine does not know ALTER TABLE ... {action.next().text}")


def named_column(table: Table, words: Words) -> Column:
    """Read the name of a column that is there."""
    label = words.next().name
    found = table.column(label)
    if found is None:
        raise MySQLError(f"Unknown column '{label}' in '{table.name}'")
    return found


def exchanged(table: Table, old: str, new: Column | None) -> Table:
    """Return the table with one column replaced or left out, in its keys too."""
    columns = tuple(new if c.name == old else c for c in table.columns if new is not None or c.name != old)
    keys = []
    for key in table.keys:
        parts = tuple(new.name if new and part == old else part for part in key.columns if new or part != old)
        if parts:
            keys.append(Key(key.name, parts, key.unique, (None,) * len(parts)))
    foreign = tuple(key for key in table.foreign_keys if new is not None or old not in key.columns)
    return replace(table, columns=tuple(c for c in columns if c is not None), keys=tuple(keys), foreign_keys=foreign)


__all__ = ["altered"]
