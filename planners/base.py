"""What all planners have in common: parts, checked options, and the loop around a search."""

import math
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import Field, dataclass, field, fields
from typing import Any, Literal, get_args, get_origin, get_type_hints

import numpy as np

from planners.driver import Course, course, drive
from planners.growth import Draft, Growth, evaluate
from planners.parts import Parts
from planners.questions import Asking, Search
from slinvit.budget import Budget
from slinvit.errors import BudgetExceeded, InputError, did_you_mean
from slinvit.protocols import Planner
from slinvit.tree import Plan, StoppedBy
from slinvit.types import Action, State


@dataclass(frozen=True)
class SearchPlanner(ABC):
    """A planner made of questions; subclasses are frozen dataclasses whose further fields are its options.

    Whole-number options are 1 or more, real ones 0 or more (``inf`` allowed), words one of those their type lists.

    Raises:
        InputError: an option outside what is allowed.
    """

    parts: Parts

    def __post_init__(self) -> None:
        for name, kind in option_types(type(self)).items():
            check_option(f"{type(self).__name__}: {name}", kind, getattr(self, name))

    @abstractmethod
    def search(self, state: State, *, budget: Budget, rng: np.random.Generator) -> Search:
        """Return a search from ``state`` on that asks and is told; spends only ``nodes`` on ``budget`` itself."""

    def plan(self, state: State, *, budget: Budget, rng: np.random.Generator) -> Plan:
        """Return the best plan found; a limit that was reached is ``Plan.stopped_by``.

        Raises:
            InputError: the episode is over in ``state``.
        """
        return drive(planning(self, state, budget=budget, rng=rng))


def planning(planner: Planner, state: State, *, budget: Budget, rng: np.random.Generator) -> Course[Plan]:
    """Return a course to the plan of ``planner``; one that is no :class:`SearchPlanner` asks nobody and just plans."""
    if not isinstance(planner, SearchPlanner):
        return planner.plan(state, budget=budget, rng=rng)
    return (yield from course(planner.search(state, budget=budget, rng=rng), planner.parts, budget=budget, rng=rng))


@dataclass(frozen=True)
class TreePlanner(SearchPlanner):
    """A planner that grows a tree and then chooses a node of it.

    Args:
        parts: what answers its questions.
        max_nodes: most nodes per plan, a limit beside those of the budget.
    """

    max_nodes: float = field(default=math.inf, kw_only=True)

    def search(self, state: State, *, budget: Budget, rng: np.random.Generator) -> Search:
        """Grow until done or out of budget, then choose; without the values to choose by, the plan is empty.

        A plan made with the last of the caller's budget is to be executed whole: there will be no other.
        """
        growth = Growth(state, budget if math.isinf(self.max_nodes) else budget.child({"nodes": self.max_nodes}))
        stopped: StoppedBy
        last = False
        try:
            stopped = yield from self.grow(growth, rng)
        except BudgetExceeded as error:
            stopped = "budget"
            last = error.resource != "nodes" or budget.remaining("nodes") < math.inf
        if len(growth.nodes) == 1:
            return growth.plan(growth.root, stopped if stopped == "budget" else "dead-end")
        try:
            target = yield from self.choose(growth)
        except BudgetExceeded:
            return growth.plan(growth.root, "budget")
        return growth.plan(target, stopped, None if last else self.committed(target))

    @abstractmethod
    def grow(self, growth: Growth, rng: np.random.Generator) -> Asking[StoppedBy]:
        """Add nodes and return why it ended."""

    def choose(self, growth: Growth) -> Asking[Draft]:
        """Return the first solved node, else the one with the largest rewards + value, truncated ones last.

        Values not asked for so far are asked for in one call.
        """
        if growth.solved:
            return growth.solved[0]
        nodes = growth.nodes[1:]
        candidates = [node for node in nodes if not node.state.truncated] or nodes
        yield from evaluate(candidates)
        return max(candidates, key=expected_return)

    def committed(self, target: Draft) -> int | None:
        """Return how many actions towards ``target`` are to be executed before planning again; ``None``: all."""
        return None


def expected_return(draft: Draft) -> float:
    """Return rewards so far + value, in units of return; the node has been evaluated."""
    return draft.path_reward + (draft.value or 0.0)


def regularised(returns: float, nats: float, lam: float) -> float:
    """Return ``returns`` + lam * ``nats``; for ``lam = inf`` the nats alone, which then decide."""
    return nats if math.isinf(lam) else returns + lam * nats


def admissible(planner: SearchPlanner, state: State) -> tuple[Action, ...]:
    """Return the actions of ``state``.

    Raises:
        InputError: the state does not list them.
    """
    if state.actions is None:
        raise InputError(
            f"task {state.task.id!r} is open-ended: {type(planner).__name__} needs admissible actions, "
            "use a planner that asks the prior"
        )
    return state.actions


def option_types(planner: type[Any]) -> Mapping[str, Any]:
    """Return the type of each option by name."""
    hints = get_type_hints(planner)
    return {option.name: hints[option.name] for option in option_fields(planner)}


def option_fields(planner: type[Any]) -> list[Field[Any]]:
    """Return the dataclass fields that are options: all but the parts."""
    return [option for option in fields(planner) if option.name != "parts"]


def check_option(name: str, kind: Any, value: Any) -> None:
    """Raise ``InputError`` where ``value`` is not allowed for an option of type ``kind``."""
    number = isinstance(value, (int, float)) and not isinstance(value, bool)
    if get_origin(kind) is Literal:
        if value not in get_args(kind):
            close = did_you_mean(str(value), get_args(kind))
            raise InputError(f"{name} must be one of {', '.join(get_args(kind))}, not {value!r}{close}")
    elif kind is bool:
        if not isinstance(value, bool):
            raise InputError(f"{name} must be true or false, not {value!r}")
    elif kind is int:
        if not number or not isinstance(value, int) or value < 1:
            raise InputError(f"{name} must be a whole number, 1 or more, not {value!r}")
    elif kind is float and (not number or not value >= 0):
        raise InputError(f"{name} must be a number, 0 or more, not {value!r}")
