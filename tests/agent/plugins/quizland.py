"""A plug-in for the command line: an open-ended world with a grader, and a prior that guesses in it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from envs.simulator import RestoringSimulator
from slinvit.budget import Budget
from slinvit.registry import Spec
from slinvit.types import Action, ActionDistribution, FloatArray, Snapshot, State, Task, Transition, Usage


@dataclass(frozen=True)
class Sum:
    """Which number is ``number`` + 1? Right within 2 earns half."""

    number: int

    @property
    def task(self) -> Task:
        return Task(f"sum-{self.number}", "quizland", f"{self.number} + 1?", 3)

    @property
    def report(self) -> Mapping[str, Any]:
        return {"gold": self.number + 1}

    def reward(self, state: State) -> float:
        said = int(state.history[0][0])
        return 1.0 if said == self.number + 1 else 0.5 if abs(said - self.number - 1) <= 2 else 0.0


class Quiz:
    """The live world: the first line typed is the answer, ``submit`` hands it in."""

    snapshots: ClassVar[str] = "native"

    def __init__(self, instance: Sum, *, graded: bool) -> None:
        self.instance, self.graded = instance, graded
        self.state = self.reset()

    def reset(self, *, seed: int | None = None) -> State:
        self.state = State(self.instance.task, "go on", snapshot=Snapshot("start"))
        return self.state

    def step(self, action: Action) -> Transition:
        history = (*self.state.history, (action, "noted"))
        self.state = replace(
            self.state,
            observation="noted",
            history=history,
            snapshot=Snapshot(tuple(history)),
            visited=(*self.state.visited, self.state.key),
            terminal=action == "submit",
        )
        if not (self.graded and action == "submit"):
            return Transition(self.state, 0.0)
        reward = self.instance.reward(self.state)
        details = {"score": reward, "corrected": reward, "near": reward > 0, "empty_gold": self.instance.number == 0}
        self.state = replace(self.state, solved=reward == 1)
        return Transition(self.state, reward, details=details)

    def restore(self, state: State) -> State:
        self.state = state
        return state

    def close(self) -> None:
        self.state = self.reset()


class Simulated(RestoringSimulator):
    """Also a grader."""

    def __init__(self, instance: Sum) -> None:
        super().__init__(lambda: Quiz(instance, graded=False))
        self._instance = instance

    def grade(self, states: Sequence[State], *, budget: Budget) -> FloatArray:
        budget.spend(sim_steps=len(states))
        return np.array([self._instance.reward(state) if state.history else 0.0 for state in states])


class Quizland:
    """Tasks ``N``: sums of 0 to N - 1."""

    name = "quizland"
    usual: ClassVar[Mapping[str, str]] = {"prior": "quizland:guesses", "value": "zero", "tasks": "3"}

    def __init__(self, feedback: str = "none", mood: str = "good") -> None:
        self.feedback, self.mood = feedback, mood

    @property
    def oracle(self) -> bool:
        return self.feedback == "reward"

    def load(self, tasks: str, *, instances: Path | None, seed: int, limit: int | None, horizon: str) -> Sequence[Sum]:
        return [Sum(number) for number in range(int(tasks))][:limit]

    def environment(self, instance: Sum) -> Quiz:
        return Quiz(instance, graded=True)

    def simulator(self, instance: Sum) -> Simulated:
        return Simulated(instance)

    def provenance(self) -> Mapping[str, Any]:
        return {"feedback": self.feedback, "mood": self.mood}


@dataclass(frozen=True)
class Guesses:
    """Says 1 most often, then 2 and 9."""

    oracle: bool = False
    deterministic: ClassVar[bool] = True

    def propose(
        self, states: Sequence[State], *, k: int | None = None, budget: Budget, rng: np.random.Generator
    ) -> list[ActionDistribution]:
        budget.spend(llm_calls=len(states))
        return [self._answer(state) for state in states]

    def provenance(self) -> Mapping[str, Any]:
        return {"oracle": True} if self.oracle else {}

    def _answer(self, state: State) -> ActionDistribution:
        said = {"submit": 1.0} if state.history else {"1": 0.5, "2": 0.3, "9": 0.2}
        return ActionDistribution.normalised(tuple(said), np.log(list(said.values())), usage=Usage(llm_calls=1))


def guesses(spec: Spec) -> Guesses:
    """Three guesses; oracle=true says that it knows."""
    return Guesses(spec.options.get("oracle") == "true")
