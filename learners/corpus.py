"""Synthetic BlocksWorld text: statements with noisy optimal plans, made on the fly and never stored."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from envs.blocksworld.core import HAND, Fact, Move, Support
from envs.blocksworld.text import COLOURS, render_facts, render_move, render_state
from learners.problems import ProblemSampler, SampledProblem
from priors.templates import BLOCKSWORLD, PLAN_END


@dataclass(frozen=True)
class CorpusConfig:
    """What the documents are drawn from."""

    blocks: tuple[int, ...] = (3, 4, 5, 6)
    block_weights: tuple[float, ...] = (0.15, 0.3, 0.25, 0.3)
    curriculum: tuple[tuple[float, int], ...] = ((0.12, 4), (0.3, 5))
    """(share of the training, most blocks until then): few blocks first teach what a plan is for sooner."""
    max_actions: int = 6
    noise: float = 0.1
    """Share of actions drawn uniformly from all applicable ones instead of the optimal ones."""
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


class BlocksWorldCorpus:
    """Documents and decisions, each a pure function of the generator handed in.

    Args:
        config: what to draw from.
        held_out: classes of problems that no start and no later statement belongs to.
    """

    def __init__(self, config: CorpusConfig, held_out: frozenset[str] = frozenset()) -> None:
        self.config = config
        self._sampler = ProblemSampler(config.blocks, config.block_weights, held_out)

    def documents(self, rng: np.random.Generator, count: int, *, progress: float = 1.0) -> list[Document]:
        """Return ``count`` training documents.

        Args:
            rng: decides everything.
            count: of documents.
            progress: share of the training that is over, for the curriculum.
        """
        largest = next((blocks for share, blocks in self.config.curriculum if progress < share), None)
        made: list[Document] = []
        while len(made) < count:
            problem = self._sampler.problem(rng, largest)
            for _ in range(self.config.starts_per_goal):
                start = self._sampler.start(problem, rng)
                if start is not None:
                    made.append(self._document(problem, start, rng))
        return made[:count]

    def decisions(self, rng: np.random.Generator, count: int) -> list[Decision]:
        """Return ``count`` states of unsolved problems with their optimal actions."""
        made: list[Decision] = []
        while len(made) < count:
            problem = self._sampler.problem(rng)
            number = self._sampler.start(problem, rng)
            if number is not None:
                made.append(self._decision(problem, number, rng))
        return made

    def _decision(self, problem: SampledProblem, number: int, rng: np.random.Generator) -> Decision:
        state = problem.space.states[number]
        names = _names(len(state), rng)
        moves = problem.space.moves[number]
        after = problem.distance[problem.space.targets[number, : len(moves)]]
        return Decision(
            prompt=_prompt(state, problem.goal, names),
            actions=tuple(render_move(move, names) for move in moves),
            optimal=tuple(bool(d < problem.distance[number]) for d in after),
            distance=int(problem.distance[number]),
            holding=HAND in state,
            blocks=len(names),
        )

    def _document(self, problem: SampledProblem, number: int, rng: np.random.Generator) -> Document:
        names = _names(len(problem.space.states[0]), rng)
        prompt = _prompt(problem.space.states[number], problem.goal, names)
        lines: list[str] = []
        while len(lines) < self.config.max_actions and problem.distance[number] > 0:
            move, number = self._step(problem, number, rng)
            lines.append(render_move(move, names) + "\n")
            if self._sampler.is_held_out(problem, number):
                break
        if problem.distance[number] == 0:
            lines.append(PLAN_END)
        return Document(prompt, "".join(lines))

    def _step(self, problem: SampledProblem, number: int, rng: np.random.Generator) -> tuple[Move, int]:
        moves = problem.space.moves[number]
        targets = problem.space.targets[number, : len(moves)]
        choices = np.arange(len(moves))
        if rng.random() >= self.config.noise:
            choices = np.flatnonzero(problem.distance[targets] < problem.distance[number])
        chosen = int(rng.choice(choices))
        return moves[chosen], int(targets[chosen])


def _prompt(state: Support, goal: Sequence[Fact], names: Sequence[str]) -> str:
    return BLOCKSWORLD.format(observation=render_state(state, names), goal=render_facts(goal, names))


def _names(count: int, rng: np.random.Generator) -> list[str]:
    return [COLOURS[i] for i in rng.permutation(len(COLOURS))[:count]]
