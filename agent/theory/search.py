"""Properties of SLINVIT where the truth can be computed: deterministic MDPs as graphs, and BlocksWorld."""

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from math import inf
from pathlib import Path
from typing import Any

import numpy as np

from agent.bench import attempt, load_instances
from agent.episode import Episode
from agent.settings import Settings
from agent.theory.record import Finding, NotHere, Property, Scale, worst
from agent.theory.worlds import random_policy
from envs.blocksworld.domain import BlocksWorldDomain
from envs.domain import Domain, Instance
from envs.tabular import TabularMDP, deep_sea, garnet
from envs.tabular.domain import TabularDomain
from envs.toy import Edges, GraphSimulator, GraphWorld
from planners import Parts, Slinvit
from planners.linvit import optimal, solve
from priors.simple import Scripted, Uniform
from slinvit.budget import Budget
from slinvit.protocols import Prior
from slinvit.types import FloatArray, State
from value_estimators.zero import Zero

# Solved shares of 57 and 114 problems by the released code's value alone, measured before our planner existed.
CONTROL: tuple[tuple[str, str, int, int, float], ...] = (
    ("step_4", "goals-met", 1, 1, 0.123),
    ("step_4", "obstacles", 1, 1, 0.912),
    ("step_4", "goals-met", 2, 2, 0.386),
    ("step_6", "obstacles", 1, 1, 0.693),
    ("step_6", "goals-met", 1, 1, 0.026),
    ("step_6", "goals-met", 2, 2, 0.167),
    ("step_6", "obstacles", 2, 2, 0.921),
    ("step_4", "goals-met", 5, 2, 0.509),
    ("step_4", "obstacles", 5, 2, 1.0),
    ("step_6", "goals-met", 5, 2, 0.254),
    ("step_6", "obstacles", 5, 2, 0.991),
)
"""Tasks, value, depth, breadth, share."""


@dataclass(frozen=True, eq=False)
class Walkable:
    """A deterministic MDP as a graph whose nodes are (step, state), with a random prior.

    Attributes:
        log_prior: ``[H, S, A]`` in nats.
    """

    mdp: TabularMDP
    log_prior: FloatArray

    def start(self) -> State:
        """Return the first state of the graph."""
        edges: Edges = {
            f"{step} {state}": {str(a): self._edge(step, state, a) for a in range(self.mdp.num_actions)}
            for step in range(self.mdp.horizon)
            for state in range(self.mdp.num_states)
        }
        return GraphWorld(edges, f"0 {self.mdp.initial_state}", frozenset(), self.mdp.horizon).reset()

    def prior(self) -> Prior:
        """Return the prior as one that answers in text."""
        return Scripted(lambda state: {str(a): p for a, p in enumerate(np.exp(self.log_prior[place(state)]))})

    def planner(self, values: FloatArray | None = None, **options: Any) -> Slinvit:
        """Return SLINVIT with the prior and ``values`` ``[H + 1, S]``, 0 without."""
        table = np.zeros((self.mdp.horizon + 1, self.mdp.num_states)) if values is None else values
        parts = Parts(self.prior(), GraphSimulator(), Table(table))
        return Slinvit(parts, **{"mask": False, "execute": "path", "depth": self.mdp.horizon, **options})

    def earned(self, actions: Sequence[str]) -> float:
        """Return the return of a sequence of actions."""
        state, total = self.mdp.initial_state, 0.0
        for step, action in enumerate(actions):
            total += float(self.mdp.r[step, state, int(action)])
            state = int(self.mdp.successors(step, state, int(action))[0][0])
        return total

    def _edge(self, step: int, state: int, action: int) -> tuple[str, float]:
        (after,), _ = self.mdp.successors(step, state, action)
        return f"{step + 1} {after}", float(self.mdp.r[step, state, action])


@dataclass(frozen=True, eq=False)
class Table:
    """Values ``[H + 1, S]`` of a graph made of a tabular MDP."""

    values: FloatArray

    def estimate(self, states: Sequence[State], *, budget: Budget, rng: np.random.Generator) -> FloatArray:
        """Return ``[B]``."""
        return np.array([self.values[place(state)] for state in states])


def place(state: State) -> tuple[int, int]:
    """Return (step, state) of a node."""
    step, here = state.observation.split()
    return int(step), int(here)


def _walkable(scale: Scale) -> Iterator[Walkable]:
    rng = scale.rng("walkable")
    mdps = [deep_sea(4), *(garnet(5, 3, 4, 1, seed=seed, stationary=False) for seed in range(scale.of(4, 20)))]
    for mdp in mdps:
        yield Walkable(mdp, np.log(random_policy(mdp, rng)))


def _plan(planner: Slinvit, state: State) -> Any:
    return planner.plan(state, budget=Budget(), rng=np.random.default_rng(0))


def full_search(scale: Scale) -> Finding:
    """Compare the return of the plan of a full search at lam = 0 with V*."""
    return worst(
        world.earned(_plan(world.planner(breadth=9, lam=0.0), world.start()).actions)
        - optimal(world.mdp).v[0, world.mdp.initial_state]
        for world in _walkable(scale)
    )


def one_step(scale: Scale) -> Finding:
    """Compare V* with the return of acting on one level of look-ahead with exact leaves."""

    def deviation(world: Walkable) -> float:
        best = optimal(world.mdp)
        planner = world.planner(best.v, breadth=9, lam=0.0, depth=1)
        state, total = world.start(), 0.0
        while not state.over:
            (move,) = GraphSimulator().step([state], [_plan(planner, state).actions[0]], budget=Budget())
            state, total = move.state, total + move.reward
        return total - float(best.v[0, world.mdp.initial_state])

    return worst(deviation(world) for world in _walkable(scale))


def most_probable_path(scale: Scale) -> Finding:
    """Compare the log prior of the plan at lam = inf with the largest of any path."""

    def deviation(world: Walkable) -> float:
        plan = _plan(world.planner(breadth=9, lam=inf), world.start())
        mdp, best = world.mdp, np.zeros(world.mdp.num_states)
        for step in reversed(range(mdp.horizon)):
            best = (world.log_prior[step] + mdp.expected(step, best)).max(axis=-1)
        nats = sum(node.log_prob for node in map(plan.tree.nodes.__getitem__, plan.tree.path(plan.target)[1:]))
        return float(nats - best[mdp.initial_state])

    return worst(deviation(world) for world in _walkable(scale))


def breadth_one(scale: Scale) -> Finding:
    """Count steps at which the plan of breadth 1 leaves the prior's most probable action."""

    def wrong(world: Walkable) -> float:
        plan = _plan(world.planner(breadth=1, lam=0.0), world.start())
        state, off = world.mdp.initial_state, 0
        for step, action in enumerate(plan.path):
            greedy = int(world.log_prior[step, state].argmax())
            off += int(action) != greedy
            state = int(world.mdp.successors(step, state, greedy)[0][0])
        return float(off + (len(plan.path) != world.mdp.horizon))

    return worst(wrong(world) for world in _walkable(scale))


def soft_search(scale: Scale) -> Finding:
    """Compare the root's value under the soft backup of a full tree with V*_lam of the MDP."""

    def deviation(world: Walkable, lam: float) -> float:
        plan = _plan(world.planner(breadth=9, lam=lam, backup="soft", merge=False), world.start())
        exact = solve(world.mdp, world.log_prior, lam).v[0, world.mdp.initial_state]
        return float((plan.tree.nodes[0].value or 0.0) - exact)

    return worst(deviation(world, lam) for world in _walkable(scale) for lam in (0.1, 1.0))


def full_search_of_blocks(scale: Scale) -> Finding:
    """Compare the length of the plan of a full search with the exact distance."""
    domain = BlocksWorldDomain()
    problems = domain.load(f"random:{scale.of(4, 20)},blocks=4-4", seed=scale.seed)
    found = []
    for problem in problems:
        exact, state = problem.report["optimal"], domain.environment(problem).reset()
        parts = Parts(Uniform(), domain.simulator(problem), Zero())
        plan = _plan(Slinvit(parts, breadth=99, depth=20, lam=0.0, execute="path"), state)
        found.append(len(plan.actions) - float(exact))
    return worst(found)


def control_table(scale: Scale) -> Finding:
    """Compare solved problems with the table of the value alone; the deviation is in problems."""
    if not (Path(os.environ.get("SLINVIT_DATA", "")) / "blocksworld" / "step_4.json").is_file():
        raise NotHere("needs the environment variable SLINVIT_DATA")
    rows = CONTROL[: scale.of(3, len(CONTROL))]
    return worst((_solved(*row) for row in rows), f"{len(rows)} of {len(CONTROL)} rows")


def _solved(tasks: str, value: str, depth: int, breadth: int, share: float) -> float:
    settings = Settings(
        env="blocksworld",
        tasks=tasks,
        horizon="1x",
        prior="uniform",
        value=value,
        planner="slinvit:expand=all,scoring=paper-code,mask=false,merge=false",
        options={"depth": depth, "breadth": breadth, "lam": 0.0},
    )
    instances = load_instances(settings)
    records = [attempt(settings, instance) for instance in instances]
    return sum(isinstance(each, Episode) and each.solved for each in records) - share * len(instances)


def isolation(scale: Scale) -> Finding:
    """Count steps at which a live world that was searched answers otherwise than one that was not."""
    different = steps = 0
    for domain, instance in _live_worlds(scale):
        searched, alone = domain.environment(instance), domain.environment(instance)
        planner = Slinvit(Parts(Uniform(), domain.simulator(instance), Zero()), breadth=3, depth=3, mask=False)
        state, other = searched.reset(seed=0), alone.reset(seed=0)
        rng = scale.rng("isolation", instance.task.id)
        while not state.over:
            action = planner.plan(state, budget=Budget(), rng=rng).path[0]
            state, other = searched.step(action).state, alone.step(action).state
            different, steps = different + (state != other or state.key != other.key), steps + 1
    return Finding(steps, float(different))


def _live_worlds(scale: Scale) -> Iterator[tuple[Domain[Any], Instance]]:
    blocks = BlocksWorldDomain()
    for problem in blocks.load(f"random:{scale.of(4, 20)},blocks=4-6", seed=scale.seed):
        yield blocks, problem
    tabular = TabularDomain()
    for task in tabular.load("frozen_lake;frozen_lake:slippery=false;river_swim;deep_sea:size=4;garnet:seed=3"):
        yield tabular, task


PROPERTIES = (
    Property(30, "SLINVIT, full search", "k=A, N=H, lam=0: return of the plan = V*", 1e-12, full_search),
    Property(30, "SLINVIT, one level", "N=1, leaf V*, lam=0: return = V*", 1e-12, one_step),
    Property(30, "SLINVIT, lam=inf", "plan = path of largest prior", 1e-12, most_probable_path),
    Property(30, "SLINVIT, k=1", "plan = greedy rollout of the prior", 0.0, breadth_one),
    Property(30, "SLINVIT = LINVIT", "soft backup of the full tree = V*_lam", 1e-10, soft_search),
    Property(30, "SLINVIT, BlocksWorld", "full search: plan of optimal length", 0.0, full_search_of_blocks),
    Property(31, "BlocksWorld control", "solved by the value alone, +-1 problem", 1.0, control_table),
    Property(32, "isolation", "a searched world answers like one that was not", 0.0, isolation),
)
