"""A task taken apart by a remote model: the subgoals on the way, in words."""

import re
from collections.abc import Sequence

from priors.remote.text import Question, TextModel
from slinvit.budget import Budget
from slinvit.types import State

AT_MOST = 12
"""More subgoals than this are taken for a plan of single actions, not a decomposition."""

PROMPT = """\
Task: {goal}
Situation: {observation}

Name the subgoals of this task in the order in which they should be reached, between 1 and {most}. A subgoal is a \
state of the world that can be checked by looking, not an action. The last one is that the task is done.
Answer with a numbered list and nothing else, one subgoal per line:
1. first subgoal
2. second subgoal"""

LINE = re.compile(r"(\d+)[.)]\s+(\S.*)")


def decompose(model: TextModel, states: Sequence[State], *, budget: Budget) -> list[tuple[str, ...]]:
    """Return the subgoals of the task of each state, first to last.

    Raises:
        PriorError: the model gave no list that can be read, asked twice.
        BudgetExceeded: nothing was asked.
    """
    questions = [
        Question(PROMPT.format(goal=state.task.goal, observation=state.observation, most=AT_MOST), read_list, lead="1.")
        for state in states
    ]
    return model.ask(questions, budget=budget)


def read_list(text: str) -> tuple[str, ...]:
    """Return the lines of a list numbered 1, 2, ...; raises ``ValueError`` for anything else."""
    lines = [line.strip() for line in text.strip().splitlines() if line.strip()]
    matches = [LINE.fullmatch(line) for line in lines]
    found = [match.group(2).strip() for match in matches if match is not None]
    odd = next((line for line, match in zip(lines, matches, strict=True) if match is None), None)
    if odd is not None:
        raise ValueError(f"the line {odd[:60]!r} is not a numbered subgoal")
    if [match.group(1) for match in matches if match is not None] != [str(i + 1) for i in range(len(found))]:
        raise ValueError("the subgoals are not numbered 1, 2, 3, ...")
    if not 1 <= len(found) <= AT_MOST:
        raise ValueError(f"{len(found)} subgoals, where 1 to {AT_MOST} are wanted")
    if len(set(found)) < len(found):
        raise ValueError("a subgoal is listed twice")
    return tuple(found)
