"""What agents may not do on a server that they share, told by the words of a statement."""

import re
from collections.abc import Iterator, Sequence

from envs.intercode.sql.rules_syntax import syntax_error
from envs.intercode.sql.tokens import Token, tokens
from slinvit.errors import InputError

UNAVAILABLE = (
    # Outlasts its connection, or reads past its transaction.
    ("XA",),
    ("HANDLER",),
    # Would hide a statement from these checks.
    ("PREPARE",),
    ("EXECUTE",),
    # Concerns an account that others use.
    ("SET", "PASSWORD"),
    ("ALTER", "USER"),
    ("KILL", "USER"),
    # Writes statistics, by which plans for everybody are made.
    ("ANALYZE", "TABLE"),
    ("ANALYZE", "TABLES"),
    ("OPTIMIZE",),
    ("REPAIR",),
)
FILLERS = ("NO_WRITE_TO_BINLOG", "LOCAL", "HARD", "SOFT")

COMPOUND = (
    ("BEGIN", "NOT"),
    ("SET", "STATEMENT"),
    *((word,) for word in ("IF", "WHILE", "LOOP", "REPEAT", "FOR", "CASE", "DECLARE")),
)
"""How MariaDB begins statements around others; MySQL has none of them outside of routines."""

CONDITIONAL = re.compile(r"/\*M?!.*?\*/", re.DOTALL)


def refused(statement: str) -> str | None:
    """Return why ``statement`` is not sent to the server, or ``None``.

    A statement is read with and without its conditional comments, and with backslashes as escapes and as letters:
    which of these the server does depends on its version and on the session's mode.
    """
    for text in dict.fromkeys(_readings(statement)):
        try:
            words = list(tokens(text))
        except InputError:
            continue
        head = tuple(word.upper for word in words[:4] if word.upper not in FILLERS)
        if first := next((each for each in UNAVAILABLE if head[: len(each)] == each), None):
            return f"{' '.join(first)} is not available here"
        if any(head[: len(each)] == each for each in COMPOUND) or ":" in head[1:2]:
            return syntax_error(statement, 0)
        if _names_folder(words):
            return "DATA DIRECTORY and INDEX DIRECTORY are not available here"
    return None


def _readings(statement: str) -> Iterator[str]:
    for text in (statement, CONDITIONAL.sub(" ", statement)):
        yield text
        # As with NO_BACKSLASH_ESCAPES, and as with ANSI_QUOTES.
        yield text.replace("\\", "_")
        yield text.replace('\\"', '_"')


def _names_folder(words: Sequence[Token]) -> bool:
    for i, word in enumerate(words[1:], 1):
        if word.upper == "DIRECTORY" and words[i - 1].upper in ("DATA", "INDEX"):
            following = [each for each in words[i + 1 : i + 3] if each.text != "="]
            if following and following[0].kind == "string":
                return True
    return False


__all__ = ["refused"]
