"""A plug-in for the command line: corridors of rooms, with a slow and a broken variant."""

import os
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from envs.toy import GraphSimulator, GraphWorld
from slinvit.budget import Budget
from slinvit.errors import EnvironmentFailure, InputError
from slinvit.registry import Spec
from slinvit.types import Action, ActionDistribution, State, Task, Transition, Usage


@dataclass(frozen=True)
class Corridor:
    """Rooms 0 to ``length``; the goal is the last one."""

    length: int
    horizon: int
    number: int

    @property
    def edges(self) -> dict[str, dict[str, tuple[str, float]]]:
        rooms = range(self.length)
        return {
            f"room {i}": {
                "left": (f"room {max(i - 1, 0)}", 0.0),
                "right": (f"room {i + 1}", float(i + 1 == self.length)),
            }
            for i in rooms
        }

    @property
    def world(self) -> GraphWorld:
        goals = frozenset({f"room {self.length}"})
        return GraphWorld(self.edges, "room 0", goals, self.horizon, name=f"corridor-{self.number}")

    @property
    def task(self) -> Task:
        return self.world.reset().task

    @property
    def report(self) -> Mapping[str, Any]:
        return {"optimal": self.length}


class Toyland:
    """Tasks ``N``: corridors of 1 to N rooms."""

    name = "toyland"

    def load(
        self, tasks: str, *, instances: Path | None, seed: int, limit: int | None, horizon: str
    ) -> Sequence[Corridor]:
        if not tasks.isdecimal():
            raise InputError(f"toyland: tasks must be a number, not {tasks!r}")
        factor = int(horizon.removesuffix("x"))
        found = [Corridor(n, factor * n if horizon.endswith("x") else factor, n) for n in range(1, int(tasks) + 1)]
        return found[:limit]

    def environment(self, instance: Corridor) -> GraphWorld:
        return instance.world

    def simulator(self, instance: Corridor) -> GraphSimulator:
        return GraphSimulator()

    def provenance(self) -> Mapping[str, Any]:
        return {"rules": 1}


class SlowWorld(GraphWorld):
    def step(self, action: Action) -> Transition:
        time.sleep(0.05)
        return super().step(action)


class SlowToyland(Toyland):
    """The same, with slow steps."""

    def environment(self, instance: Corridor) -> GraphWorld:
        goals = frozenset({f"room {instance.length}"})
        return SlowWorld(instance.edges, "room 0", goals, instance.horizon, name=f"corridor-{instance.number}")


class BrokenWorld(GraphWorld):
    def step(self, action: Action) -> Transition:
        raise EnvironmentFailure("the lights went out")


class BrokenToyland(Toyland):
    """The same, but the second corridor fails as long as a file ``broken`` is there."""

    def environment(self, instance: Corridor) -> GraphWorld:
        goals = frozenset({f"room {instance.length}"})
        broken = instance.number == 2 and Path("broken").exists()
        kind = BrokenWorld if broken else GraphWorld
        return kind(instance.edges, "room 0", goals, instance.horizon, name=f"corridor-{instance.number}")


class DyingWorld(GraphWorld):
    def step(self, action: Action) -> Transition:
        os._exit(9)


class DyingToyland(Toyland):
    """The same, but the process does not survive the fifth corridor."""

    def environment(self, instance: Corridor) -> GraphWorld:
        goals = frozenset({f"room {instance.length}"})
        kind = DyingWorld if instance.number == 5 else SlowWorld
        return kind(instance.edges, "room 0", goals, instance.horizon, name=f"corridor-{instance.number}")


@dataclass(frozen=True)
class Keen:
    """A prior that goes right, says that batches help it, and notes the size of each in a file."""

    number: int = 0
    deterministic = True
    batched = True

    def propose(
        self, states: Sequence[State], *, k: int | None = None, budget: Budget, rng: np.random.Generator
    ) -> list[ActionDistribution]:
        budget.spend(llm_calls=len(states))
        with Path("batches").open("a") as file:
            file.write(f"{self.number} {len(states)}\n")
        return [
            ActionDistribution.normalised(
                actions, [float(each == "right") for each in actions], usage=Usage(llm_calls=1)
            )
            for actions in (state.actions or () for state in states)
        ]

    def fresh(self) -> "Keen":
        return Keen(self.number + 1)


def keen(spec: Spec) -> Keen:
    """A prior that gains from batches."""
    return Keen()
