"""Prompts for language models at a SQL or shell prompt: instructions and worked examples of our own."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, TypeAlias

from slinvit.errors import InputError
from slinvit.types import State

Style: TypeAlias = Literal["direct", "react", "plan"]

LONGEST = 350
"""Characters of an observation that is no result which a prompt shows, as in the published runs."""

ROWS = 25
"""Rows of a result that a prompt shows, as there."""

WIDEST = 2_000
"""Characters of these rows; 80 each."""

_REWARD = re.compile(r"\nReward: (-?\d\.\d\d)\Z")
"""The last line of what a turn showed, where the world shows rewards."""

_FORM = "{instructions}\n\n{example}\n\nNow it is your turn.\nTask: {goal}\n{place}\nTurns: {turns}\n{steps}"
FORMS: Mapping[Style, str] = {"direct": _FORM + "Action:", "react": _FORM + "Thought:", "plan": _FORM + "Plan:"}
"""Grow at their end only, and end where the reply begins."""

_SQL = (
    "You answer a question about a database by typing MySQL statements, one per turn. What your last statement "
    "returned is your answer: exactly the columns and rows that are asked for, in the order asked for. "
    "SHOW TABLES and DESCRIBE tell you what there is. "
)
_BASH = (
    "You do what a request says by typing commands at a Linux shell, one line per turn. What counts in the end are the "
    "files as your commands leave them and what your last command printed. "
)
_WAYS: Mapping[Style, str] = {
    "direct": (
        "Reply with the {kind} alone, without explanation. Reply with the word submit when the last output is the "
        "answer."
    ),
    "react": (
        "In each turn write a line that begins with Thought: and says what you know and want next, then a line that "
        "begins with Action: and holds execute[...] with one {kind} between the brackets, or submit when the last "
        "output is the answer."
    ),
    "plan": (
        "In each turn write a line that begins with Plan: and lists in a few numbered steps what is left to be done, "
        "then a line that begins with Action: and holds the {kind} for the first of these steps, or submit when "
        "nothing is left."
    ),
}
_LAST = " After the last turn your last output is taken. A line that begins with Reward: rates the turn, 1 is right."


@dataclass(frozen=True)
class Turn:
    """One turn of a worked example."""

    thought: str
    plan: str
    action: str
    seen: str = ""


@dataclass(frozen=True)
class Example:
    """A worked example: what was asked where, and what was done."""

    task: str
    place: str
    turns: tuple[Turn, ...]


SQL_EXAMPLE = Example(
    "Which readers have borrowed more than one book? List their names.",
    "Database: lending_library",
    (
        Turn(
            "I do not know the tables of this library yet.",
            "1. See the tables. 2. See the columns of two. 3. Count loans per reader, keep those above 1.",
            "SHOW TABLES",
            "[('book',), ('loan',), ('reader',)]",
        ),
        Turn(
            "Loans probably name their reader; I need the columns of loan.",
            "1. See the columns of loan. 2. See those of reader. 3. Count loans per reader, keep those above 1.",
            "DESCRIBE loan",
            "[('loan_no', 'int', 'NO', 'PRI', None, ''), ('reader_no', 'int', 'YES', 'MUL', None, ''), "
            "('isbn', 'varchar(20)', 'YES', '', None, '')]",
        ),
        Turn(
            "A loan has a reader_no. Where is the name of a reader?",
            "1. See the columns of reader. 2. Count loans per reader_no, keep those above 1.",
            "DESCRIBE reader",
            "[('reader_no', 'int', 'NO', 'PRI', None, ''), ('full_name', 'varchar(60)', 'YES', '', None, '')]",
        ),
        Turn(
            "I join both on reader_no, group by reader, and keep groups of more than one loan.",
            "1. Count loans per reader_no, keep those above 1, and show full_name.",
            "SELECT reader.full_name FROM reader JOIN loan ON loan.reader_no = reader.reader_no "
            "GROUP BY reader.reader_no HAVING COUNT(*) > 1",
            "[('Ida Holm',), ('Tomas Reyes',)]",
        ),
        Turn("These are the names of the readers that are asked for.", "Nothing is left.", "submit"),
    ),
)
BASH_EXAMPLE = Example(
    "Make all shell scripts in /srv/tools and below executable and list them in alphabetical order",
    "Working directory: /",
    (
        Turn(
            "First I look for shell scripts there.",
            "1. See which scripts there are. 2. Make them executable. 3. List them in order.",
            "find /srv/tools -type f -name '*.sh'",
            "/srv/tools/run.sh\n/srv/tools/old/clean.sh",
        ),
        Turn(
            "I make both executable and print them sorted with the same command.",
            "1. Make the scripts executable and list them in order.",
            "find /srv/tools -type f -name '*.sh' -exec chmod +x {} + -print | sort",
            "/srv/tools/old/clean.sh\n/srv/tools/run.sh",
        ),
        Turn("The modes are set and the list is sorted.", "Nothing is left.", "submit"),
    ),
)

_WORLDS: Mapping[str, tuple[str, str, Example]] = {
    "intercode-sql": (_SQL, "SQL statement", SQL_EXAMPLE),
    "intercode-bash": (_BASH, "shell command", BASH_EXAMPLE),
}


def fields(state: State, domain: str, style: Style) -> Mapping[str, str]:
    """Return what a form of :data:`FORMS` asks for; raises ``InputError`` for a state of another domain."""
    if state.task.domain != domain:
        raise InputError(f"the template for {domain} cannot describe {state.task.domain!r}; use template=plain")
    about, kind, example = _WORLDS[domain]
    tabular = domain == "intercode-sql"
    return {
        "instructions": about + _WAYS[style].format(kind=kind) + _LAST,
        "example": written(example, style),
        "place": place(state),
        "turns": str(state.task.horizon),
        "steps": "".join(
            f"Action: {action}\nObservation: {shortened(seen, tabular=tabular)}\n" for action, seen in state.history
        ),
    }


def place(state: State) -> str:
    """Return the text that the episode began with; later states have it in the metadata of their task."""
    return str(state.task.metadata.get("start", "")) if state.history else state.observation


def written(example: Example, style: Style) -> str:
    """Return a worked example in the form that is asked of the model."""
    lines = [f"Task: {example.task}", example.place]
    for turn in example.turns:
        said = {"direct": "", "react": f"Thought: {turn.thought}\n", "plan": f"Plan: {turn.plan}\n"}[style]
        wrapped = style == "react" and turn.action != "submit"
        lines.append(said + "Action: " + (f"execute[{turn.action}]" if wrapped else turn.action))
        lines += [f"Observation: {turn.seen}"] if turn.seen else []
    return "\n".join(lines)


def shortened(seen: str, *, tabular: bool) -> str:
    """Return an observation as a prompt shows it; a reward at its end stays in sight.

    Args:
        seen: the whole observation.
        tabular: rows of a result are cut after :data:`ROWS` and :data:`WIDEST` characters; all else after
            :data:`LONGEST` characters.
    """
    seen, reward = parted(seen)
    is_result = tabular and seen.startswith("[(")
    kept = "), (".join(seen.split("), (", ROWS)[:ROWS])[:WIDEST] if is_result else seen[:LONGEST]
    return kept + (" ..." if len(kept) < len(seen) else "") + (f"\nReward: {reward}" if reward else "")


def parted(seen: str) -> tuple[str, str]:
    """Return what a command printed and the reward in the last line below it, empty where there is none."""
    found = _REWARD.search(seen)
    return (seen[: found.start()], found[1]) if found else (seen, "")


def rewarded(state: State) -> bool:
    """Say whether the world shows rewards: then every turn ends with one, and a command alone cannot feign that."""
    return bool(state.history) and all(parted(seen)[1] for _, seen in state.history)


__all__ = ["FORMS", "Example", "Style", "Turn", "fields", "parted", "place", "rewarded", "shortened", "written"]
