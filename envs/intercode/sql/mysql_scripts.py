"""What makes a server hold the databases of a dump: the dump's own statements, but for accounts and routines."""

import logging
import re
from collections.abc import Iterator, Sequence

from envs.intercode.sql.dump import ROUTINES, Dump
from envs.intercode.sql.tokens import Token, tokens

logger = logging.getLogger(__name__)

PACKET = 500_000
"""Characters that are sent at once; servers take 16 MB or more."""

PASSED_OVER = ("SET", "LOCK", "UNLOCK", "GRANT", "FLUSH", "CHANGE", "COMMIT", "START", "BEGIN")
"""First words of what concerns the server or the session, which has settings of its own."""

PASSED_OVER_PAIRS = (
    *((verb, kind) for verb in ("CREATE", "ALTER", "DROP") for kind in ("USER", "ROLE")),
    # Who loads drops what was there.
    ("DROP", "DATABASE"),
    ("DROP", "SCHEMA"),
)
STATISTICS = " STATS_PERSISTENT=1 STATS_AUTO_RECALC=0 "
COLLATION = re.compile(r"utf8mb4_(?:\w+_)?0900_\w+", re.IGNORECASE)

Edit = tuple[int, int, str]


def scripts(dump: Dump, *, mariadb: bool, fixed: bool = False) -> dict[str, tuple[str, ...]]:
    """Return what creates each database, by lower-case name, in pieces of several statements each.

    Accounts, triggers and routines are left out: agents have no rights on them. Views run with the rights of who asks.

    Args:
        dump: as mysqldump wrote it.
        mariadb: the server is MariaDB, which lacks the collations of MySQL 8.
        fixed: tables are created so that the server never recalculates their statistics.
    """
    text, routines = ROUTINES.subn(lambda match: "\n" * match.group().count("\n"), dump.text)
    if routines:
        logger.warning("%d triggers, routines or events of the dump are left out: agents may not have any", routines)
    found: dict[str, list[str]] = {}
    current = ""
    for words, start, stop in _statements(text):
        head = words[0].upper, words[1].upper if len(words) > 1 else ""
        if head[0] in PASSED_OVER or head in PASSED_OVER_PAIRS:
            continue
        creates = head in (("CREATE", "DATABASE"), ("CREATE", "SCHEMA"))
        name = _database(words) if creates or head[0] == "USE" else current
        current = current if creates else name
        if name not in found and not creates:
            found[name] = [f"CREATE DATABASE {quoted(name)};"]
        edits = [*_definer(words), *(_statistics(words) if fixed else ()), *(_collations(words) if mariadb else ())]
        found.setdefault(name, []).append(_edited(text, start, stop, edits))
    if "" in found:
        place = quoted(name := next(name for name in dump.databases if name not in found))
        found[name] = [f"CREATE DATABASE {place};", f"USE {place};", *found.pop("")[1:]]
    return {name: tuple(_packets(found[name])) for name in dump.databases}


def quoted(name: str) -> str:
    """Return a name in back-ticks."""
    return f"`{name.replace('`', '``')}`"


def _statements(text: str) -> Iterator[tuple[list[Token], int, int]]:
    """Yield the words of each statement with the range of its text, conditional comments around it included."""
    words: list[Token] = []
    start = 0
    for token in tokens(text):
        if token.text != ";":
            words.append(token)
            continue
        if words:
            yield words, start, token.start + 1
        words, start = [], token.start + 1
    if words:
        yield words, start, len(text)


def _database(words: Sequence[Token]) -> str:
    """Return the name in USE and CREATE DATABASE."""
    names = [word for word in words[1:] if word.upper not in ("DATABASE", "SCHEMA", "IF", "NOT", "EXISTS")]
    return names[0].name.lower()


def _collations(words: Sequence[Token]) -> Iterator[Edit]:
    """MariaDB has what tells all letters apart and what ignores case and accents; nothing quite like MySQL's others."""
    for word in words:
        if word.kind == "word" and COLLATION.fullmatch(word.text):
            exact = word.text.lower().endswith(("_bin", "_cs"))
            yield _replaced(word, word, "utf8mb4_bin" if exact else "utf8mb4_general_ci")


def _definer(words: Sequence[Token]) -> Iterator[Edit]:
    """Accounts of the dump's server are not there, and nobody should read with the rights of the one who loads."""
    if words[0].upper != "CREATE" or not any(word.upper == "VIEW" for word in words[:16]):
        return
    for i, word in enumerate(words[:16]):
        if word.upper == "DEFINER" and words[i + 1].text == "=":
            yield _replaced(word, words[i + 4 if words[i + 3].text == "@" else i + 2], "")
        elif word.upper == "DEFINER" and words[i - 1].upper == "SECURITY":
            yield _replaced(word, word, "INVOKER")


def _statistics(words: Sequence[Token]) -> Iterator[Edit]:
    """Yield the place after the columns of CREATE TABLE."""
    if (words[0].upper, words[1].upper) != ("CREATE", "TABLE"):
        return
    depth = 0
    for word in words:
        depth += {"(": 1, ")": -1}.get(word.text, 0)
        if word.text == ")" and not depth:
            yield word.start + 1, word.start + 1, STATISTICS
            return


def _replaced(first: Token, last: Token, text: str) -> Edit:
    return first.start, last.start + len(last.text), text


def _edited(text: str, start: int, stop: int, edits: Sequence[Edit]) -> str:
    parts = []
    for begin, end, new in sorted(edits):
        parts += [text[start:begin], new]
        start = end
    return "".join([*parts, text[start:stop]]).strip()


def _packets(statements: Sequence[str]) -> Iterator[str]:
    """Yield the statements in groups that a server takes at once."""
    group: list[str] = []
    size = 0
    for statement in statements:
        if group and size + len(statement) > PACKET:
            yield "\n".join(group)
            group, size = [], 0
        group.append(statement)
        size += len(statement)
    yield "\n".join(group)


__all__ = ["PACKET", "quoted", "scripts"]
