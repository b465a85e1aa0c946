"""Reads CREATE TABLE: of dumps, and of agents."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from envs.intercode.sql.catalog import Column, ForeignKey, Key, Table
from envs.intercode.sql.tokens import Token, unescape
from slinvit.errors import InputError

SYNONYMS = {
    "integer": "int",
    "int4": "int",
    "int8": "bigint",
    "numeric": "decimal",
    "dec": "decimal",
    "fixed": "decimal",
    "real": "double",
    "float8": "double",
    "float4": "float",
    "bool": "tinyint(1)",
    "boolean": "tinyint(1)",
    "nvarchar": "varchar",
    "nchar": "char",
}
LENGTHS = {"decimal": "(10,0)", "char": "(1)", "binary": "(1)", "bit": "(1)"}
WIDTHLESS = ("tinyint", "smallint", "mediumint", "int", "bigint", "year")


@dataclass
class Words:
    """The words of a definition, read from the left."""

    items: Sequence[Token]
    at: int = 0
    last: str = field(default="", init=False)

    def peek(self, ahead: int = 0) -> str:
        """The keyword ahead; empty at the end and for names in quotes."""
        return self.items[self.at + ahead].upper if self.at + ahead < len(self.items) else ""

    def next(self) -> Token:
        """Take one word.

        Raises:
            InputError: there is none.
        """
        if self.at >= len(self.items):
            raise InputError("CREATE TABLE ends too early")
        self.at += 1
        return self.items[self.at - 1]

    def accept(self, *keywords: str) -> bool:
        """Take these keywords when they come next."""
        if all(self.peek(ahead) == keyword for ahead, keyword in enumerate(keywords)):
            self.at += len(keywords)
            return True
        return False

    def group(self) -> list[Token]:
        """Take a group in parentheses, and return what is in it."""
        if self.next().text != "(":
            raise InputError("CREATE TABLE: a parenthesis is missing")
        depth, start = 1, self.at
        while depth:
            depth += {"(": 1, ")": -1}.get(self.next().upper, 0)
        return list(self.items[start : self.at - 1])

    @property
    def done(self) -> bool:
        """Whether all is read."""
        return self.at >= len(self.items)


def split(words: Iterable[Token]) -> list[list[Token]]:
    """Split at the commas outside of parentheses."""
    parts: list[list[Token]] = [[]]
    depth = 0
    for word in words:
        depth += {"(": 1, ")": -1}.get(word.upper, 0)
        if word.upper == "," and not depth:
            parts.append([])
        else:
            parts[-1].append(word)
    return parts


def read_table(words: Sequence[Token]) -> tuple[str | None, Table]:
    """Read the words of ``CREATE TABLE``; return the database that is named, if any, and the table.

    Raises:
        InputError: it is no such statement, or has what is not supported (generated columns, definitions by SELECT).
    """
    left = Words(words)
    if not left.accept("CREATE"):
        raise InputError("this is not CREATE TABLE")
    left.accept("TEMPORARY")
    if not left.accept("TABLE"):
        raise InputError("this is not CREATE TABLE")
    left.accept("IF", "NOT", "EXISTS")
    database, name = None, left.next().name
    if left.accept("."):
        database, name = name, left.next().name
    body = left.group()
    options = " ".join(word.text for word in left.items[left.at :]).replace(" = ", "=")
    return database, define(name, split(body), options)


def define(name: str, items: Iterable[list[Token]], options: str = "") -> Table:
    """Return the table made of these definitions of columns, keys and constraints."""
    columns: list[Column] = []
    keys: list[Key] = []
    foreign: list[ForeignKey] = []
    for item in items:
        words = Words(item)
        symbol = None
        if words.accept("CONSTRAINT"):
            symbol = None if words.peek() in ("PRIMARY", "UNIQUE", "FOREIGN", "CHECK") else words.next().name
        kind = words.peek()
        if kind == "FOREIGN":
            foreign.append(foreign_key(words, symbol or f"{name}_ibfk_{len(foreign) + 1}"))
        elif kind in ("PRIMARY", "UNIQUE", "KEY", "INDEX", "FULLTEXT", "SPATIAL"):
            keys.append(key(words, symbol))
        elif kind != "CHECK":
            columns.append(column(words, keys))
    primary = {part.lower() for made in keys if made.primary for part in made.columns}
    columns = [required(made) if made.name.lower() in primary else made for made in columns]
    keys.sort(key=lambda made: (not made.primary, not made.unique))
    return Table(name.lower(), tuple(columns), tuple(keys), tuple(foreign), options)


def required(made: Column) -> Column:
    """Return the column as NOT NULL, which a primary key implies."""
    return Column(made.name, made.type, False, made.default, made.extra, made.collation, made.comment)


def parts(group: list[Token]) -> tuple[tuple[str, ...], tuple[int | None, ...]]:
    """Read the columns of a key, with the prefix lengths."""
    fields = split(group)
    lengths = [int(item[2].text) if len(item) > 2 and item[1].text == "(" else None for item in fields]
    return tuple(item[0].name for item in fields), tuple(lengths)


def key(words: Words, symbol: str | None) -> Key:
    """Read a key or index."""
    primary = words.accept("PRIMARY")
    unique = words.accept("UNIQUE") or primary
    for keyword in ("FULLTEXT", "SPATIAL", "KEY", "INDEX"):
        words.accept(keyword)
    name = symbol
    while words.peek() != "(":
        word = words.next()
        if word.upper == "USING":
            words.next()
        else:
            name = word.name
    columns, prefixes = parts(words.group())
    return Key("PRIMARY" if primary else name or columns[0], columns, unique, prefixes)


def foreign_key(words: Words, symbol: str) -> ForeignKey:
    """Read a foreign key."""
    words.accept("FOREIGN", "KEY")
    if words.peek() != "(":
        words.next()
    columns, _ = parts(words.group())
    if not words.accept("REFERENCES"):
        raise InputError(f"foreign key {symbol}: REFERENCES is missing")
    database, table = None, words.next().name
    if words.accept("."):
        database, table = table, words.next().name
    target, _ = parts(words.group())
    action = " ".join(word.text for word in words.items[words.at :])
    return ForeignKey(symbol, columns, table.lower(), target, database and database.lower(), action)


def column(words: Words, keys: list[Key]) -> Column:
    """Read a column; a key that it declares is added to ``keys``."""
    name = words.next().name
    kind = column_type(words)
    nullable, default, extra, collation, comment = True, None, "", None, ""
    while not words.done:
        if words.accept("NOT", "NULL"):
            nullable = False
        elif words.accept("AUTO_INCREMENT"):
            extra = "auto_increment"
        elif words.accept("PRIMARY", "KEY"):
            keys.append(Key("PRIMARY", (name,), True, (None,)))
            nullable = False
        elif words.accept("UNIQUE"):
            words.accept("KEY")
            keys.append(Key(name, (name,), True, (None,)))
        elif words.accept("DEFAULT"):
            default, generated = default_value(words)
            extra = "DEFAULT_GENERATED" if generated else extra
        elif words.accept("ON", "UPDATE"):
            default_value(words)
            extra = f"{extra} on update CURRENT_TIMESTAMP".strip()
        elif words.accept("COLLATE"):
            collation = words.next().name
        elif words.accept("COMMENT"):
            comment = unescape(words.next().text)
        elif words.peek() == "GENERATED" or words.peek() == "AS":
            raise InputError(f"column {name}: generated columns are not supported")
        else:
            words.next()
    return Column(name, kind, nullable, default, extra, collation, comment)


def column_type(words: Words) -> str:
    """Read a type, and return it as MySQL 8 shows it."""
    base = words.next().text.lower()
    if base == "double":
        words.accept("PRECISION")
    base = SYNONYMS.get(base, base)
    if words.peek() == "(":
        inside = "(" + "".join(word.text for word in words.group()) + ")"
        keep = base not in WIDTHLESS or (base == "tinyint" and inside == "(1)")
        base += inside if keep else ""
        if base.startswith("decimal(") and "," not in base:
            base = base[:-1] + ",0)"
    else:
        base += LENGTHS.get(base, "")
    for attribute in ("UNSIGNED", "ZEROFILL"):
        base += f" {attribute.lower()}" if words.accept(attribute) else ""
    return base


def default_value(words: Words) -> tuple[str | None, bool]:
    """Read a default: its text, and whether it is computed."""
    if words.peek() == "(":
        return "".join(word.text for word in words.group()), True
    word = words.next()
    if word.kind == "string":
        return unescape(word.text), False
    if word.upper == "NULL":
        return None, False
    if words.peek() == "(":
        words.group()
    if word.kind != "word" or word.upper in ("TRUE", "FALSE"):
        return {"TRUE": "1", "FALSE": "0"}.get(word.upper, word.text), False
    return word.upper, True


__all__ = ["define", "read_table", "split"]
