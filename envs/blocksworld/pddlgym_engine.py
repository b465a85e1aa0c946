"""BlocksWorld on PDDLGym: its parser reads the problem, its successor function moves the blocks.

States and texts are those of the native world, so both are interchangeable; what is possible, where it leads and
whether the goal holds comes from PDDLGym. It is about a hundred times slower and meant as the independent second
opinion.
"""

import contextlib
import io
import tempfile
import warnings
from collections.abc import Iterable, Mapping
from functools import lru_cache
from pathlib import Path
from types import ModuleType
from typing import Any

from envs.blocksworld.core import PICK_UP, PUT_DOWN, STACK, TABLE, UNSTACK, Fact, Move, Support, facts, from_facts
from envs.blocksworld.pddl import DOMAIN_PDDL, to_pddl
from envs.blocksworld.problem import Problem, View
from envs.blocksworld.text import render_move, render_state

_ORDER = (PUT_DOWN, STACK, PICK_UP, UNSTACK)


class PddlGym:
    """One domain and problem as PDDLGym reads them.

    The action space is the one that enumerates applicable actions; that of ``PDDLEnvBlocks-v0`` lists every action
    whose types fit.

    Args:
        domain: text of a 4-operator domain with the standard names.
        problem: text of a problem in which block ``i`` is called ``b<i>``.
    """

    def __init__(self, domain: str, problem: str) -> None:
        self._core = pddlgym_core()
        with tempfile.TemporaryDirectory() as folder:
            paths = [Path(folder, name) for name in ("domain.pddl", "problem.pddl")]
            for path, text in zip(paths, (domain, problem), strict=True):
                path.write_text(text)
            self._domain = self._core.PDDLDomainParser(
                str(paths[0]), expect_action_preds=False, operators_as_actions=True
            )
            parsed = self._domain
            self._problem = self._core.PDDLProblemParser(
                str(paths[1]), parsed.domain_name, parsed.types, parsed.predicates, parsed.actions, parsed.constants
            )
        self._objects = {item.name: item for item in self._problem.objects}
        self._actions = _action_space(self._core, self._domain)
        self._start = self._state_of(self._problem.initial_state)
        self._actions.reset_initial_state(self._start)

    @property
    def start(self) -> Support:
        """Where the blocks are at first."""
        return self._support_of(self._start)

    def successors(self, support: Support) -> list[tuple[Move, Support]]:
        """Return every applicable move with the state it leads to, in the order of :func:`core.successors`."""
        state = self._literals(support)
        moves = {_move(action): action for action in self._actions.all_ground_literals(state)}
        ordered = sorted(moves, key=lambda move: (_ORDER.index(move.operator), move.block, move.other))
        return [(move, self._support_of(self._after(state, moves[move]))) for move in ordered]

    def solved(self, support: Support) -> bool:
        """Say whether the goal of the problem holds."""
        return bool(self._core.check_goal(self._literals(support), self._problem.goal))

    def _after(self, state: Any, action: Any) -> Any:
        return self._core.get_successor_state(state, action, self._domain, raise_error_on_invalid_action=True)

    def _state_of(self, literals: Iterable[Any]) -> Any:
        return self._core.State(frozenset(literals), frozenset(self._objects.values()), self._problem.goal)

    def _literals(self, support: Support) -> Any:
        predicates: Mapping[str, Any] = self._domain.predicates
        return self._state_of(
            predicates[fact.predicate](*(self._objects[f"b{block}"] for block in fact.blocks))
            for fact in facts(support)
        )

    def _support_of(self, state: Any) -> Support:
        atoms = [Fact(literal.predicate.name, _blocks(literal)) for literal in state.literals]
        return from_facts(atoms, len(self._objects))


@lru_cache(maxsize=1 << 14)
def pddlgym_view(names: tuple[str, ...], goal: tuple[Fact, ...], support: Support) -> View:
    """Return the view that PDDLGym gives; the counterpart of :func:`envs.blocksworld.problem.native_view`."""
    engine = _engine(len(names), goal)
    after = {render_move(move, names): target for move, target in engine.successors(support)}
    return View(render_state(support, names), tuple(after), after, engine.solved(support))


@lru_cache(maxsize=1)
def pddlgym_core() -> ModuleType:
    """Return the module ``pddlgym.core``, imported without the advertisement that gym prints on stderr."""
    with contextlib.redirect_stderr(io.StringIO()), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import pddlgym.core
    module: ModuleType = pddlgym.core
    return module


@lru_cache(maxsize=64)
def _engine(count: int, goal: tuple[Fact, ...]) -> PddlGym:
    names = tuple(f"b{number}" for number in range(count))
    return PddlGym(DOMAIN_PDDL, to_pddl(Problem("engine", names, (TABLE,) * count, goal, horizon=1)))


def _action_space(core: ModuleType, domain: Any) -> Any:
    """Return PDDLGym's space of applicable actions, grounded by PDDLGym's cross product.

    Its own default is the translator of Fast Downward, which leaves files open and redirects stdout while it runs.
    """
    grounding = {"_compute_all_ground_literals": core.LiteralSpace._compute_all_ground_literals}
    space = type("ApplicableActions", (core.LiteralActionSpace,), grounding)
    return space(domain, list(domain.actions), type_to_parent_types=domain.type_to_parent_types)


def _move(action: Any) -> Move:
    blocks = _blocks(action)
    return Move(action.predicate.name, blocks[0], blocks[1] if len(blocks) > 1 else TABLE)


def _blocks(literal: Any) -> tuple[int, ...]:
    return tuple(int(variable.name.removeprefix("b")) for variable in literal.variables)
