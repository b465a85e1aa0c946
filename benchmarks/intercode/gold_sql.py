"""Gold statements of InterCode-SQL: they must work, earn 1, and give what another engine gave; wrong ones must not.

    python -m benchmarks.intercode.gold_sql --engine sqlite --expected tests/envs/intercode/sql/gold_results.json
    python -m benchmarks.intercode.gold_sql --engine mariadb --store tests/envs/intercode/sql/gold_results.json

That a statement earns 1 against itself says little: two equal failures agree too. So results are compared with stored
ones, made by an engine that shares nothing with the one under test, apart from how numbers are written.
"""

import argparse
import json
import os
import sys
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

from benchmarks.intercode.replay import machine
from envs.intercode.answer import Answer, answer_of
from envs.intercode.sql.domain import SqlDomain
from envs.intercode.task import InterCodeTask
from slinvit.errors import SlinvitError

WRONG = ("SELECT 1", "SHOW TABLES", "SELECT nothing FROM nowhere", "SELECT 'no such answer', 2, 3")
"""Answers to nothing, beside the gold statement of the next task of the same database."""


@dataclass(frozen=True, slots=True)
class Checked:
    """What became of one gold statement.

    Attributes:
        task: its id.
        name: which statement on which database; the same wherever the task stands in a list.
        error: of the server.
        rows: how many.
        digest: of the rows, whatever their order and however numbers are written.
        reward: that it earns.
        wrong: the highest reward of a wrong answer; of those that give the very same rows, none.
    """

    task: str
    name: str
    error: str
    rows: int
    digest: str
    reward: float
    wrong: float


def check(domain: SqlDomain, task: InterCodeTask, neighbour: InterCodeTask) -> Checked:
    """Run the gold statement of ``task``, and wrong answers, that of ``neighbour`` among them."""
    env = domain.world(task)
    grade = domain.grader(task)
    try:
        env.reset()
        right = env.step(task.gold).state
        answer = answer_of(right)
        assert answer is not None
        others = []
        for statement in (*WRONG, neighbour.gold):
            env.reset()
            state = env.step(statement).state
            found = answer_of(state)
            if found is not None and found.rows is not None and digest(found) != digest(answer):
                others.append(grade(state).reward)
        name = sha256(f"{task.place}\0{task.gold}".encode()).hexdigest()[:16]
        error = "" if answer.ok else answer.text
        rows = len(answer.rows or ())
        return Checked(task.id, name, error, rows, digest(answer), grade(right).reward, max(others, default=0.0))
    finally:
        env.close()


def digest(answer: Answer) -> str:
    """Return a digest of the rows as a multiset, numbers to nine digits, whatever type an engine gives them."""
    rows = Counter(tuple(map(_cell, row)) for row in answer.rows or ())
    return sha256(repr(sorted(map(repr, rows.items()))).encode()).hexdigest()[:16]


def check_all(domain: SqlDomain, tasks: Sequence[InterCodeTask]) -> list[Checked]:
    """Return what became of each gold statement."""
    places: dict[str, list[InterCodeTask]] = {}
    for task in tasks:
        places.setdefault(task.place, []).append(task)
    following = {task.id: others[(i + 1) % len(others)] for others in places.values() for i, task in enumerate(others)}
    return [check(domain, task, following[task.id]) for task in tasks]


def summary(found: Sequence[Checked], expected: Mapping[str, Sequence[Any]]) -> dict[str, Any]:
    """Return counts; ``expected`` has number of rows and digest by name."""
    ran = [each for each in found if not each.error]
    known = [each for each in ran if each.name in expected]
    same = [each for each in known if [each.rows, each.digest] == list(expected[each.name])]
    return {
        "tasks": len(found),
        "executed": len(ran),
        "reward 1": sum(each.reward == 1 for each in ran),
        "empty": sum(not each.rows for each in ran),
        "compared": len(known),
        "as expected": len(same),
        "wrong answers below 1": sum(each.wrong < 1 for each in ran if each.rows),
        "refused": [[each.task, each.error] for each in found if each.error],
        "otherwise": [each.task for each in known if each not in same],
    }


def main(arguments: Sequence[str] | None = None) -> int:
    """Check all gold statements and print counts."""
    options = _parser().parse_args(arguments)
    try:
        domain = SqlDomain(options.engine)
        found = check_all(domain, domain.load(str(options.data)))
        engine = dict(domain.provenance())
        domain.close()
    except SlinvitError as error:
        print(error, file=sys.stderr)
        return 2
    expected = json.loads(options.expected.read_text()) if options.expected else {}
    counts = summary(found, expected)
    print(json.dumps({"engine": engine, "machine": machine(), **counts}, indent=1, default=str))
    if options.store:
        results = {each.name: [each.rows, each.digest] for each in found if not each.error}
        text = ",\n".join(f'"{name}": {json.dumps(result)}' for name, result in sorted(results.items()))
        options.store.write_text(f"{{\n{text}\n}}\n")
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.intercode.gold_sql", description=__doc__)
    data = Path(os.environ.get("SLINVIT_DATA", ".")) / "intercode"
    parser.add_argument("--data", type=Path, default=data, help="folder with sql/")
    parser.add_argument("--engine", default="sqlite")
    parser.add_argument("--expected", type=Path, help="stored results to compare with")
    parser.add_argument("--store", type=Path, help="where to store results")
    return parser


def _cell(value: Any) -> str:
    try:
        return f"{float(value):.9g}"
    except (TypeError, ValueError):
        return str(value)


if __name__ == "__main__":
    sys.exit(main())
