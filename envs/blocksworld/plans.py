"""Plans that come with tasks: read in either notation and naming, and validated by execution."""

from collections.abc import Sequence

from envs.blocksworld.core import TABLE, Move, apply, satisfied
from envs.blocksworld.pddl import STANDARD, Vocabulary
from envs.blocksworld.problem import Problem
from envs.blocksworld.text import parse_move, render_move
from slinvit.errors import InputError, did_you_mean
from slinvit.types import Action


def read_plan(text: str, problem: Problem, vocabulary: Vocabulary = STANDARD) -> tuple[Action, ...]:
    """Return the actions of a plan with one action per line, in the words of ``problem``.

    A line is an action text or PDDL, for example ``(stack a b)``; blocks go by their names in the text or in the file
    that the problem was read from. Empty lines and lines that start with ``;`` are skipped.

    Raises:
        InputError: a line that is no action; the message has its number among the actions, from 1.
    """
    lines = [line.strip() for line in text.splitlines()]
    actions = [line for line in lines if line and not line.startswith(";")]
    return tuple(_read(line, number, problem, vocabulary) for number, line in enumerate(actions, start=1))


def plan_length(problem: Problem, plan: Sequence[Action]) -> int:
    """Return the number of steps of ``plan``, which is executed from the start and must reach the goal.

    Raises:
        InputError: an action that cannot be read or does not apply, with its number from 1, or a goal not reached.
    """
    state = problem.start
    for number, action in enumerate(plan, start=1):
        where = f"task {problem.id!r}: action {number} of {len(plan)}"
        try:
            after = apply(state, parse_move(action, problem.names))
        except ValueError as error:
            raise InputError(f"{where}: {error}") from error
        if after is None:
            raise InputError(f"{where} does not apply: {action!r}")
        state = after
    if not satisfied(state, problem.goal):
        raise InputError(f"task {problem.id!r}: the goal does not hold after all {len(plan)} actions of the plan")
    return len(plan)


def _read(line: str, number: int, problem: Problem, vocabulary: Vocabulary) -> Action:
    try:
        move = _parenthesised(line, problem, vocabulary) if line.startswith("(") else parse_move(line, problem.names)
    except ValueError as error:
        raise InputError(f"action {number}: {error}") from error
    return render_move(move, problem.names)


def _parenthesised(line: str, problem: Problem, vocabulary: Vocabulary) -> Move:
    name, *arguments = line.strip("()").lower().split() or [""]
    meaning = vocabulary.operators.get(name)
    if meaning is None:
        known = vocabulary.operators
        raise ValueError(f"unknown operator {name!r}{did_you_mean(name, known)}; known: {', '.join(sorted(known))}")
    needed = 2 if meaning.name in ("stack", "unstack") else 1
    if len(arguments) != needed:
        raise ValueError(f"{line} has {len(arguments)} arguments, {name!r} takes {needed}")
    blocks = [_number(argument, problem) for argument in (arguments[::-1] if meaning.swapped else arguments)]
    return Move(meaning.name, blocks[0], blocks[1] if needed == 2 else TABLE)


def _number(name: str, problem: Problem) -> int:
    for names in (problem.names, problem.objects):
        if name in names:
            return names.index(name)
    known = dict.fromkeys((*problem.names, *problem.objects))
    raise ValueError(f"unknown block {name!r}; the blocks are {', '.join(known)}")
