"""Synthetic BlocksWorld text: statements with noisy optimal plans, made on the fly and never stored."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from hashlib import blake2b

import numpy as np
import numpy.typing as npt

from envs.blocksworld.core import HAND, Fact, Move, Support, facts
from envs.blocksworld.exact import StateSpace, state_space
from envs.blocksworld.text import COLOURS, render_facts, render_move
from priors.templates import BLOCKSWORLD, PLAN_END


@dataclass(frozen=True)
class CorpusConfig:
    """What the documents are drawn from."""

    blocks: tuple[int, ...] = (3, 4, 5, 6)
    block_weights: tuple[float, ...] = (0.05, 0.25, 0.3, 0.4)
    max_actions: int = 3
    noise: float = 0.1
    """Share of actions drawn uniformly from all applicable ones instead of the optimal ones."""
    shuffle_facts: bool = False
    starts_per_goal: int = 4


@dataclass(frozen=True)
class Decision:
    """A state to decide in: the text, the applicable actions and which of them are optimal."""

    prompt: str
    actions: tuple[str, ...]
    optimal: tuple[bool, ...]
    distance: int
    holding: bool
    blocks: int


@dataclass(frozen=True)
class Document:
    """One training text: ``prompt`` (statement) and ``plan`` (the actions that follow)."""

    prompt: str
    plan: str


@dataclass(frozen=True, eq=False)
class _Problem:
    space: StateSpace
    goal: tuple[Fact, ...]
    distance: npt.NDArray[np.int16]


class BlocksWorldCorpus:
    """Documents and decisions, each a pure function of the generator handed in."""

    def __init__(self, config: CorpusConfig, held_out: frozenset[str] = frozenset()) -> None:
        self.config = config
        self.held_out = held_out

    def documents(self, rng: np.random.Generator, count: int) -> list[Document]:
        """Return ``count`` training documents; no start nor later statement is of a held-out class."""
        made: list[Document] = []
        while len(made) < count:
            problem = self._problem(rng)
            for _ in range(self.config.starts_per_goal):
                state = self._start(problem, rng)
                if state is not None:
                    made.append(self._document(problem, state, rng))
        return made[:count]

    def decisions(self, rng: np.random.Generator, count: int) -> list[Decision]:
        """Return ``count`` states of unsolved problems with their optimal actions."""
        made: list[Decision] = []
        while len(made) < count:
            problem = self._problem(rng)
            number = self._start(problem, rng)
            if number is None:
                continue
            names = self._names(len(problem.space.states[0]), rng)
            moves = problem.space.moves[number]
            after = problem.distance[problem.space.targets[number, : len(moves)]]
            made.append(
                Decision(
                    prompt=self._prompt(problem.space.states[number], problem.goal, names, rng),
                    actions=tuple(render_move(move, names) for move in moves),
                    optimal=tuple(bool(d < problem.distance[number]) for d in after),
                    distance=int(problem.distance[number]),
                    holding=HAND in problem.space.states[number],
                    blocks=len(names),
                )
            )
        return made

    def _problem(self, rng: np.random.Generator) -> _Problem:
        weights = np.asarray(self.config.block_weights)
        space = state_space(int(rng.choice(self.config.blocks, p=weights / weights.sum())))
        while True:
            target = space.states[rng.integers(len(space.states))]
            on = [fact for fact in facts(target) if fact.predicate == "on"]
            if on:
                break
        keep = len(on) if rng.random() < 0.5 else int(rng.integers(1, len(on) + 1))
        goal = tuple(on[i] for i in rng.permutation(len(on))[:keep])
        return _Problem(space, goal, space.distances(goal))

    def _start(self, problem: _Problem, rng: np.random.Generator) -> int | None:
        """Return a start whose distance to the goal is uniform: far away, where most states are, any clearing helps."""
        distance = rng.integers(1, problem.distance.max() + 1)
        number = int(rng.choice(np.flatnonzero(problem.distance == distance)))
        return None if self._is_held_out(problem, number) else number

    def _is_held_out(self, problem: _Problem, number: int) -> bool:
        return bool(self.held_out) and problem_class(problem.space.states[number], problem.goal) in self.held_out

    def _document(self, problem: _Problem, number: int, rng: np.random.Generator) -> Document:
        names = self._names(len(problem.space.states[0]), rng)
        prompt = self._prompt(problem.space.states[number], problem.goal, names, rng)
        lines: list[str] = []
        while len(lines) < self.config.max_actions and problem.distance[number] > 0:
            move, number = self._step(problem, number, rng)
            lines.append(render_move(move, names) + "\n")
            if self._is_held_out(problem, number):
                break
        if problem.distance[number] == 0:
            lines.append(PLAN_END)
        return Document(prompt, "".join(lines))

    def _step(self, problem: _Problem, number: int, rng: np.random.Generator) -> tuple[Move, int]:
        moves = problem.space.moves[number]
        targets = problem.space.targets[number, : len(moves)]
        choices = np.arange(len(moves))
        if rng.random() >= self.config.noise:
            choices = np.flatnonzero(problem.distance[targets] < problem.distance[number])
        chosen = int(rng.choice(choices))
        return moves[chosen], int(targets[chosen])

    def _names(self, count: int, rng: np.random.Generator) -> list[str]:
        return [COLOURS[i] for i in rng.permutation(len(COLOURS))[:count]]

    def _prompt(self, state: Support, goal: Sequence[Fact], names: Sequence[str], rng: np.random.Generator) -> str:
        atoms = facts(state)
        if self.config.shuffle_facts:
            atoms = [atoms[i] for i in rng.permutation(len(atoms))]
        return BLOCKSWORLD.format(observation=render_facts(atoms, names), goal=render_facts(goal, names))


@lru_cache(maxsize=200_000)
def problem_class(state: Support, goal: tuple[Fact, ...]) -> str:
    """Return a hash of (state, goal) that is invariant under renaming blocks (Weisfeiler-Leman colour refinement)."""
    blocks = range(len(state))
    above = {below: block for block, below in enumerate(state) if below >= 0}
    wanted = {fact.blocks[0]: fact.blocks[1] for fact in goal if fact.predicate == "on"}
    wanted_above = {below: block for block, below in wanted.items()}
    neighbours = (dict(enumerate(state)), above, wanted, wanted_above)
    colour = {block: str(min(state[block], 0)) for block in blocks}
    for _ in range(len(state)):
        colour = {
            block: _digest("|".join((colour[block], *(colour.get(n.get(block, -9), "") for n in neighbours))))
            for block in blocks
        }
    return _digest("|".join(sorted(colour.values())))


def _digest(text: str) -> str:
    return blake2b(text.encode(), digest_size=8).hexdigest()
