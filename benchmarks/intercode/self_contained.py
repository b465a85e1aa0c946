"""Which Bash turns can be repeated elsewhere at another time: the filter, written down before any replay was looked at.

A turn is self-contained when neither the action nor the gold command, as texts, match any expression of these classes:

* ``network``: speaks to other machines, or asks for this one's name or addresses;
* ``date``: reads the clock, or reads, prints or compares times of files;
* ``processes``: lists or addresses processes;
* ``disk``: reads sizes of allocated blocks or of whole disks;
* ``root``: searches the whole file system, from ``/`` or, where the command runs in ``/``, from there relatively.

One expression was added after the first replay, and is listed apart: :data:`UNSET`.

Programs count where a command can begin: at the start, after ``| ; & ( { ```, ``$(``, ``sudo``, ``xargs``, ``-exec``,
``do``, ``then``, ``else``, ``time``, ``nohup``, and after the fences that some models wrote around their commands.
"""

import re
from collections.abc import Mapping, Sequence

BEGIN = r"(?:^|[|;&({`\n]|\b(?:sudo|xargs(?:\s+-\S+)*|do|then|else|time|nohup)\s|-(?:exec|ok)(?:dir)?\s)\s*(?:/\S*/)?"
"""Where a program is named."""

PATTERNS: Mapping[str, Sequence[str]] = {
    "network": (
        BEGIN + r"(?:curl|wget|ping6?|ssh|scp|sftp|rsync|ftp|telnet|nc|ncat|netcat|netstat|ss|ifconfig|ip|iptables|"
        r"route|traceroute|arp|dig|nslookup|host|hostname|getent|whois|apt|apt-get|pip3?|npm|dnsdomainname)\b",
        r"\b(?:https?|ftp)://|/dev/(?:tcp|udp)/|/etc/(?:hosts|hostname|resolv\.conf|network)",
    ),
    "date": (
        BEGIN + r"(?:date|cal|ncal|uptime|who|w|last|lastlog|finger|stat|ll|sleep|watch|timeout)\b",
        BEGIN + r"ls\b[^|;&]*\s(?:-[a-zA-Z]*[ltcu]|--full-time|--time)",
        r"\s-(?:newer\w*|[acm]time|[acm]min|daystart|used|ls|fls)\b",
        r"-printf\s[^|;&]*%[tTcCaAbkS]",
        BEGIN + r"tar\s+(?:-?[a-zA-Z]*t[a-zA-Z]*v|-?[a-zA-Z]*v[a-zA-Z]*t)",
    ),
    "processes": (
        BEGIN + r"(?:ps|pstree|top|htop|pgrep|pkill|pidof|jobs|kill|killall|lsof|fuser|vmstat)\b",
        r"/proc\b|\$\$|\$!",
    ),
    "disk": (
        BEGIN + r"(?:du|df|free|mount|umount|lsblk|findmnt|fdisk|quota|blkid)\b",
        BEGIN + r"ls\b[^|;&]*\s(?:-[a-zA-Z]*s|--size)",
    ),
    "root": (
        BEGIN + r"find\s+(?:-[HLP]\s+|[^\s(!|;&-]\S*\s+)*['\"]?/[*.]?['\"]?(?=[\s|;&)`]|$)",
        BEGIN
        + r"(?:[efr]?grep|tree|ls|chmod|chown|cp|tar)\b(?=[^|;&]*\s-\w*[rR])[^|;&]*\s['\"]?/\*?['\"]?(?=[\s|;&)`]|$)",
        BEGIN + r"tree\b[^|;&]*\s/(?=[\s|;&)`]|$)",
        BEGIN + r"(?:locate|updatedb|whereis)\b",
        r"(?:^|\s)/\*\*?(?=[\s/|;&)`]|$)",
    ),
}
"""Expressions by class; they are searched for, not matched as a whole."""

RELATIVE: Sequence[str] = (
    BEGIN
    + r"find(?:\s+(?:-[HLP]|\.|\./)(?=\s))*(?:\s*(?:$|[|;&)`])|\s+(?:\.(?:\s|$)|\./(?:\s|\*|$)|\*|-[a-z]|[(!\\]))",
    BEGIN + r"(?:[ef]?grep)\b(?=[^|;&]*\s(?:-\w*[rR]|--recursive))(?![^|;&]*\s['\"]?\.?/\w)",
    BEGIN + r"rgrep\b(?![^|;&]*\s['\"]?\.?/\w)",
    BEGIN + r"(?:tree|ls\s+(?:-\w*R|--recursive))(?:\s+-\S+)*\s*(?:$|[|;&)`]|\s\.?/?(?:\s|$))",
    r"\*\*",
)
"""Further expressions of class ``root`` for a command that runs in ``/``."""

UNSET = BEGIN + r"find\s+['\"]?\$\{?\w+\}?(?=['\"\s|;&)`]|$)"
"""A search that begins at a variable, which no session ever set: also of class ``root``. Task bash-1-0031 only."""

_PATTERNS = {name: [re.compile(text, re.MULTILINE) for text in texts] for name, texts in PATTERNS.items()}
_RELATIVE = [re.compile(text, re.MULTILINE) for text in (*RELATIVE, UNSET)]


def classes(command: str, directory: str = "/") -> tuple[str, ...]:
    """Return the classes that ``command`` belongs to when it runs in ``directory``; none: it is self-contained."""
    found = [name for name, patterns in _PATTERNS.items() if any(pattern.search(command) for pattern in patterns)]
    if directory == "/" and "root" not in found and any(pattern.search(command) for pattern in _RELATIVE):
        found.append("root")
    return tuple(found)


def of_turn(action: str, directory: str, gold: str) -> tuple[str, ...]:
    """Return the classes of an action and of the gold command beside it, which always runs in ``/``."""
    return tuple(sorted({*classes(action, directory), *classes(gold)}))
