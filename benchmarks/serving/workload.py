"""What clients ask: each walks an episode of its own, one node per step."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

from benchmarks.scoring.models import build_model, save, shape
from benchmarks.scoring.run import make_writer
from benchmarks.scoring.scenarios import Request
from envs.blocksworld.domain import BlocksWorldDomain
from priors.templates import template
from slinvit.rng import generator

Walk: TypeAlias = Sequence[Request]
"""The nodes of one client, in order."""

BUNDLED = "bundled"


@dataclass(frozen=True)
class Workload:
    """What is measured.

    Attributes:
        model: ``bundled``, or a shape of :mod:`benchmarks.scoring.models` with random weights.
        clients: at the same time.
        steps: nodes per client.
        tokens: of the first prompt, not for ``bundled``.
        candidates: per node, not for ``bundled``: there they are the applicable actions.
    """

    model: str
    clients: int = 64
    steps: int = 2
    tokens: int = 300
    candidates: int = 20

    def walks(self) -> list[Walk]:
        """Return one walk per client; the same every time."""
        return self._blocks() if self.model == BUNDLED else self._rooms()

    def prior(self, folder: Path) -> str:
        """Return the spec of the prior to serve; a random model is written to ``folder`` where it is not there."""
        if self.model == BUNDLED:
            return BUNDLED
        if not (folder / "config.json").is_file():
            save(build_model(shape(self.model)), make_writer()[1].tokenizer, folder)
        return f"hf:{folder}"

    def _rooms(self) -> list[Walk]:
        _, writer = make_writer()
        rng = generator(0, "walks")
        trees = (
            writer.tree(
                self.tokens, self.candidates, branching=1, depth=self.steps - 1, rng=rng, task=i % len(writer.rooms)
            )
            for i in range(self.clients)
        )
        return [[level[0] for level in tree] for tree in trees]

    def _blocks(self) -> list[Walk]:
        domain, written = BlocksWorldDomain(), template("blocksworld")
        instances = domain.load(f"random:{self.clients}", seed=0)
        rng = generator(0, "walks")
        walks: list[Walk] = []
        for instance in instances:
            world = domain.environment(instance)
            state = world.reset(seed=0)
            walk = []
            for _ in range(self.steps):
                assert state.actions is not None
                walk.append(Request(written.prompt(state), tuple(state.actions)))
                state = world.step(state.actions[int(rng.integers(len(state.actions)))]).state
                if state.terminal or state.truncated:
                    state = world.reset(seed=0)
            walks.append(walk)
        return walks
