"""Shell commands for what a request seems to want, by rules on its words."""

import re
from collections.abc import Callable
from dataclasses import dataclass

_PATH = re.compile(r"(?<![\w.])/[\w./~+-]*[\w~+-]|(?<![\w.])/(?=[\s\"'])")
_QUOTED = re.compile(r"\"([^\"]+)\"|(?<!\w)'([^']+)'(?!\w)")
_GLOB = re.compile(r"(?<![\w/])(?:\*[\w.*-]+|[\w-]*\*\.?\w*)")
_ENDING = re.compile(r"(?<![\w/*])\.([a-z]{1,5})\b")
_KINDS = {"php": "php", "python": "py", "c source": "c", "text": "txt", "html": "html", "json": "json", "csv": "csv"}
_NUMBER = re.compile(r"(?<![\w/.])\d+(?![\w/]|\.\d)")


@dataclass(frozen=True)
class Request:
    """What a request names.

    Attributes:
        text: the request in lower case.
        path: the first path, ``.`` where it names none.
        other: the second path; the first again where there is one only.
        name: a pattern of file names.
        word: a quoted text that is neither path nor pattern; empty where there is none.
        number: the first number, ``10`` where there is none.
    """

    text: str
    path: str
    other: str
    name: str
    word: str
    number: str


def read(request: str) -> Request:
    """Return what ``request`` names."""
    paths = list(dict.fromkeys(_PATH.findall(request))) or ["."]
    quoted = [next(filter(None, found)) for found in _QUOTED.findall(request)]
    globs = _GLOB.findall(request) + [f"*.{ending}" for ending in _ENDING.findall(request)]
    lower = request.lower()
    globs += [f"*.{ending}" for kind, ending in _KINDS.items() if f"{kind} file" in lower]
    globs += ["*.sh"] if "shell script" in lower else []
    words = [text for text in quoted if not text.startswith("/") and "*" not in text]
    name = globs[0] if globs else words[0] if words and "named" in lower else "*"
    numbers = _NUMBER.findall(request)
    other = paths[1] if len(paths) > 1 else paths[0]
    return Request(lower, paths[0], other, name, words[0] if words else "", numbers[0] if numbers else "10")


@dataclass(frozen=True)
class Rule:
    """A command for requests that have certain words; every group of alternatives must occur.

    Attributes:
        cues: regular expressions, all of which are searched for.
        command: with the fields of :class:`Request`, ``name`` and ``word`` in quotes, and with ``erase``, the script of
            sed that takes the word out.
        score: how specific the rule is.
        fits: what else must hold.
    """

    cues: tuple[str, ...]
    command: str
    score: float
    fits: Callable[[Request], bool] = lambda request: True


def _has_word(request: Request) -> bool:
    return bool(request.word)


def _has_two(request: Request) -> bool:
    return request.other != request.path


_FILES = "find {path} -type f -name {name}"
RULES = (
    Rule((), "find {path} -name {name}", 0.2),
    Rule((), "ls -la {path}", 0.0),
    Rule((r"\bfiles?\b",), _FILES, 0.8),
    Rule((r"director|folder", r"\b(?:list|find|all|show|print|display)"), "find {path} -type d", 0.7),
    Rule((r"\bls\b|long list|permissions|details",), "ls -l {path}", 0.8),
    Rule((r"\b(?:contain|search|match|occurrence|word|string|pattern)",), "grep -r {word} {path}", 1.6, _has_word),
    Rule((r"\bcontain|\bhav", r"names?|files"), "grep -rl {word} {path}", 1.8, _has_word),
    Rule((r"\bcount|number of|how many", r"\blines?"), "wc -l {path}", 1.6),
    Rule((r"\bcount|number of|how many", r"\blines?", r"\bfiles\b|recursive"), _FILES + " | xargs cat | wc -l", 1.8),
    Rule((r"\bcount|number of|how many", r"\bfiles?\b"), _FILES + " | wc -l", 1.7),
    Rule((r"\bcount|number of|how many", r"director|folder"), "find {path} -type d | wc -l", 1.9),
    Rule((r"\bcount|number of|how many", r"\bwords?\b"), "wc -w {path}", 1.8),
    Rule((r"\bcount|number of|how many", r"occurrence|\bword\b"), "grep -o {word} {path} | wc -l", 1.9, _has_word),
    Rule((r"\b(?:print|display|show|output)", r"\bcontents?\b"), "cat {path}", 1.5),
    Rule((r"\bfirst\b", r"\blines?"), "head -n {number} {path}", 1.7),
    Rule((r"\blast\b", r"\blines?"), "tail -n {number} {path}", 1.7),
    Rule((r"\bsort", r"\bfile|contents|lines"), "sort {path}", 1.2),
    Rule((r"\bunique|duplicate",), "sort {path} | uniq", 1.2),
    Rule((r"md5",), "md5sum {path}", 1.8),
    Rule((r"md5", r"\b(?:all|each|every|files|recursive)"), _FILES + " -exec md5sum {{}} +", 2.0),
    Rule((r"disk usage|disk space|\bsizes?\b",), "du -sh {path}", 1.4),
    Rule((r"disk usage|\bsizes?\b", r"\b(?:each|all|every)\b"), "du -ah {path}", 1.5),
    Rule((r"larger|bigger|greater|more than", r"\d ?(?:kb|k\b|kilo)"), _FILES + " -size +{number}k", 1.9),
    Rule((r"larger|bigger|greater|more than", r"\d ?(?:mb|m\b|mega)"), _FILES + " -size +{number}M", 1.9),
    Rule((r"modified|changed", r"\bdays?\b", r"last|less|within|past"), _FILES + " -mtime -{number}", 1.8),
    Rule((r"modified|changed", r"\bdays?\b", r"more than|older|ago|before"), _FILES + " -mtime +{number}", 1.8),
    Rule((r"\bempty\b|\bzero\b|\b0 bytes", r"\bfiles?\b"), "find {path} -type f -empty", 1.8),
    Rule((r"\bempty\b", r"director|folder"), "find {path} -type d -empty", 1.8),
    Rule((r"\bhidden\b",), "find {path} -type f -name '.*'", 1.8),
    Rule((r"symbolic|symlink",), "ln -s {path} {other}", 1.6, _has_two),
    Rule((r"\b(?:delete|remove)\b", r"\bfiles?\b"), _FILES + " -delete", 1.9),
    Rule((r"\b(?:delete|remove)\b", r"director|folder"), "rm -r {path}", 1.3),
    Rule((r"\b(?:create|make)\b", r"director|folder"), "mkdir -p {path}", 1.7),
    Rule((r"\bcreate\b", r"\bfile\b"), "touch {path}", 1.6),
    Rule((r"\bcopy\b|\bcopies\b",), "cp -r {path} {other}", 1.8, _has_two),
    Rule((r"\b(?:move|rename)\b",), "mv {path} {other}", 1.8, _has_two),
    Rule((r"permission|chmod|executable",), "chmod -R {number} {path}", 1.2),
    Rule((r"executable|\bexecut",), _FILES + " -exec chmod +x {{}} +", 1.4),
    Rule((r"replace|substitut",), "sed -i {erase} {path}", 0.9, _has_word),
    Rule((r"\b(?:archive|tar|compress)",), "tar -czf archive.tar.gz {path}", 1.3),
    Rule((r"\b(?:append|write|add)\b",), "echo {word} >> {path}", 1.5, _has_word),
    Rule((r"\bdiff|\bcompare\b",), "diff {path} {other}", 1.7, _has_two),
    Rule((r"\breverse",), "tac {path}", 1.5),
    Rule((r"\bcurrent (?:date|time)",), "date", 1.5),
    Rule((r"\b(?:user ?name|current user|who am i|whoami)\b",), "whoami", 1.5),
    Rule((r"\bhost ?name\b",), "hostname", 1.2),
)
"""Specific rules score higher than general ones; weights by eye."""


def commands(request: str) -> list[tuple[str, float]]:
    """Return distinct commands with scores, best first."""
    asked = read(request)
    erase = "s/" + asked.word.replace("\\", "\\\\").replace("/", "\\/") + "//g"
    parts = {**vars(asked), "name": quoted(asked.name), "word": quoted(asked.word), "erase": quoted(erase)}
    found: dict[str, float] = {}
    for rule in RULES:
        if all(re.search(cue, asked.text) for cue in rule.cues) and rule.fits(asked):
            command = rule.command.format(**parts)
            found[command] = max(rule.score, found.get(command, 0.0))
    return sorted(found.items(), key=lambda pair: -pair[1])


def quoted(text: str) -> str:
    """Return ``text`` as one argument of a command; the world puts the whole command between double quotes.

    There a backslash and a double quote need a backslash of their own, and :func:`shlex.quote` would end the quotes.
    """
    single = "'" + text.replace("'", "'\\''") + "'"
    return single.replace("\\", "\\\\").replace('"', '\\"')


__all__ = ["RULES", "Request", "Rule", "commands", "quoted", "read"]
