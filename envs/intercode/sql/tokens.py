"""The words of MySQL statements, with their places."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from slinvit.errors import InputError

TOKEN = re.compile(
    r"""(?P<skip>\s+|--(?=\s|$)[^\n]*|\#[^\n]*|/\*(?![!M]).*?\*/|/\*M?!\d*|\*/)
    |(?P<string>'(?:[^'\\]|\\.|'')*'|"(?:[^"\\]|\\.|"")*")
    |(?P<quoted>`(?:[^`]|``)*`)
    |(?P<hex>0x[0-9A-Fa-f]+\b|[xX]'[0-9A-Fa-f]*')
    |(?P<bits>[bB]'[01]*'|0b[01]+\b)
    |(?P<number>[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?(?![\w$]))
    |(?P<word>[\w@$]+)
    |(?P<mark>[^'"`])""",
    re.VERBOSE | re.DOTALL,
)

ESCAPE = re.compile(r"\\(.)|''|\"\"", re.DOTALL)
ESCAPED = {"0": "\0", "n": "\n", "r": "\r", "t": "\t", "b": "\b", "Z": "\x1a"}


@dataclass(frozen=True, slots=True)
class Token:
    """One word: what it is, its text, and where it begins."""

    kind: str
    text: str
    start: int

    @property
    def upper(self) -> str:
        """The keyword it may be; quoted names and strings are none."""
        return self.text.upper() if self.kind in ("word", "mark") else ""

    @property
    def name(self) -> str:
        """The identifier it spells."""
        return self.text[1:-1].replace("``", "`") if self.kind == "quoted" else self.text


def unescape(literal: str) -> str:
    """Return the text of a quoted literal, with its backslash escapes and doubled quotes resolved."""
    body = literal[1:-1]
    if "\\" not in body and literal[0] not in body:
        return body
    quote = literal[0]

    def resolve(match: re.Match[str]) -> str:
        letter = match.group(1)
        if letter is None:
            return quote if match.group() == 2 * quote else match.group()
        return ESCAPED.get(letter, letter)

    return ESCAPE.sub(resolve, body)


def tokens(text: str) -> Iterator[Token]:
    """Yield the words of ``text``; comments are left out, what is in ``/*! */`` is not.

    Raises:
        InputError: a quote is never closed.
    """
    position = 0
    while position < len(text):
        match = TOKEN.match(text, position)
        if match is None:
            raise InputError(f"line {line_of(text, position)}: the quote {text[position]} is never closed")
        position = match.end()
        if match.lastgroup != "skip":
            yield Token(str(match.lastgroup), match.group(), match.start())


def line_of(text: str, position: int) -> int:
    """Return the line, from 1, of a position."""
    return text.count("\n", 0, position) + 1


def statements(text: str) -> Iterator[list[Token]]:
    """Yield the words of each statement, without the semicolon."""
    words: list[Token] = []
    for token in tokens(text):
        if token.text == ";":
            if words:
                yield words
            words = []
        else:
            words.append(token)
    if words:
        yield words


__all__ = ["Token", "line_of", "statements", "tokens", "unescape"]
