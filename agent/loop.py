"""One loop for every planner: plan, execute, until the episode is over."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from agent.episode import Decision, Episode, EpisodeStop, Proposals, Step
from planners import Course, drive, planning
from slinvit.budget import Budget
from slinvit.errors import EnvironmentFailure
from slinvit.protocols import Environment, Planner
from slinvit.rng import generator
from slinvit.tree import Plan
from slinvit.types import State


@dataclass(frozen=True)
class Agent:
    """Plans and acts."""

    planner: Planner

    def run(self, env: Environment, *, seed: int, budget: Budget, report: Mapping[str, Any] | None = None) -> Episode:
        """Attempt the task of ``env`` once; see :meth:`course`."""
        return drive(self.course(env, seed=seed, budget=budget, report=report))

    def course(
        self, env: Environment, *, seed: int, budget: Budget, report: Mapping[str, Any] | None = None
    ) -> Course[Episode]:
        """Attempt the task of ``env`` once, asking what the planner's searches ask: many episodes may share batches.

        Decision ``i`` draws from the generator named by (``seed``, task id, ``i``), so each can be made again alone.
        A planner that a limit cut short is asked again, because the limit may have been its own; the episode ends when
        nothing can be done with what is left.

        Args:
            env: live; it is reset first, and not closed.
            seed: of the environment and of all decisions.
            budget: for the whole episode; every decision charges it through a child of its own.
            report: what only reports may know about the task; kept in the record, never shown to the planner.

        Raises:
            SlinvitError: the environment, the model or the planner failed; there is no episode then.
        """
        start = state = env.reset(seed=seed)
        decisions: list[Decision] = []
        stopped = _over(state)
        while stopped is None:
            rng = generator(seed, state.task.id, len(decisions))
            decision, state = yield from self._decide(env, state, budget.child(), rng)
            decisions.append(decision)
            stopped = _over(state) or _given_up(decision)
        return Episode(
            task=start.task.id,
            domain=start.task.domain,
            goal=start.task.goal,
            horizon=start.task.horizon,
            seed=seed,
            start=start.observation,
            decisions=tuple(decisions),
            stopped_by=stopped,
            ledger=budget.ledger(),
            report=dict(report or {}),
        )

    def _decide(
        self, env: Environment, state: State, budget: Budget, rng: np.random.Generator
    ) -> Course[tuple[Decision, State]]:
        plan = yield from planning(self.planner, state, budget=budget, rng=rng)
        steps, after, surprised = _execute(env, state, plan, budget)
        decision = Decision(
            observation=state.observation,
            prior=None if plan.prior is None else Proposals.of(plan.prior),
            path=plan.path,
            target=plan.target,
            score=float(plan.score),
            stopped_by=plan.stopped_by,
            tree=plan.tree,
            steps=steps,
            surprised=surprised,
            ledger=budget.ledger(),
        )
        return decision, after


def replay(env: Environment, episode: Episode) -> State:
    """Execute the recorded actions in ``env`` and return the last state.

    Raises:
        EnvironmentFailure: the world answers otherwise than the record says.
    """
    state = env.reset(seed=episode.seed)
    seen = [state.observation]
    for step in episode.steps:
        state = env.step(step.action).state
        seen.append(state.observation)
    for number, (said, recorded) in enumerate(
        zip(seen, [episode.start, *(step.observation for step in episode.steps)], strict=True)
    ):
        if said != recorded:
            raise EnvironmentFailure(
                f"task {episode.task!r}, step {number}: recorded {recorded!r}, the world says {said!r}"
            )
    return state


def _execute(env: Environment, state: State, plan: Plan, budget: Budget) -> tuple[tuple[Step, ...], State, bool]:
    """Execute the plan until it ends, the episode is over, no step may be spent, or the world surprises."""
    expected = _expected_observations(plan)
    steps: list[Step] = []
    for number, action in enumerate(plan.actions):
        # A plan made with the last of the budget is still worth executing: only a limit on env_steps stops it.
        if state.over or budget.remaining("env_steps") < 1:
            break
        budget.charge(env_steps=1)
        transition = env.step(action)
        state = transition.state
        done = Step(action, state.observation, float(transition.reward), transition.valid, dict(transition.details))
        steps.append(done)
        if number < len(expected) and state.observation != expected[number]:
            return tuple(steps), state, True
    return tuple(steps), state, False


def _expected_observations(plan: Plan) -> tuple[str, ...]:
    """Return what the simulator saw along the path; nothing where the planner did not simulate it."""
    if plan.tree.actions(plan.target) != plan.path:
        return ()
    return tuple(plan.tree.nodes[index].observation for index in plan.tree.path(plan.target)[1:])


def _over(state: State) -> EpisodeStop | None:
    if state.solved:
        return "solved"
    if state.terminal:
        return "terminal"
    return "horizon" if state.truncated else None


def _given_up(decision: Decision) -> EpisodeStop | None:
    if decision.steps:
        return None
    return "budget" if decision.path or decision.stopped_by == "budget" else "no-plan"
