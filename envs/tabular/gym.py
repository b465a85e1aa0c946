"""Toy-text environments of Gymnasium, and everything else with a table ``P``, as tabular MDPs."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from envs.tabular.checks import check_room
from envs.tabular.mdp import BoolArray, TabularMDP, unit_rewards
from slinvit.errors import InputError
from slinvit.types import FloatArray

Outcome = tuple[float, int, float, bool]
Table = Mapping[int, Mapping[int, Sequence[Outcome]]]
"""``P[state][action]``: (probability, next state, reward, whether the episode is over) of each outcome."""


def from_gymnasium(
    env: Any, horizon: int | None = None, *, scale_rewards: bool = False, initial_state: int | None = None
) -> TabularMDP:
    """Return the model of ``env``: its table ``env.unwrapped.P`` over ``horizon`` steps.

    r(s, a) is the mean reward over outcomes. A state that ends the episode keeps whoever enters it and pays nothing (a
    state that is also entered without ending the episode gets a copy that does). Actions without outcomes are illegal.

    Args:
        env: anything whose ``unwrapped`` (or itself) has ``P``; nothing of it is changed.
        horizon: steps per episode; by default the time limit of ``env``, ``env.spec.max_episode_steps``.
        scale_rewards: shift and scale rewards to [0, 1]; ``original_return`` of the MDP takes values back. Being over
            is then worth what reward 0 is scaled to at each step, so that policies keep their order.
        initial_state: where episodes start; by default where all episodes of ``env`` do, else where ``env`` is now.

    Raises:
        InputError: no table, rewards outside [0, 1] without ``scale_rewards``, several possible first states in an
            environment that was not reset, neither a horizon nor a time limit, or a table that is no MDP.
    """
    model, name = getattr(env, "unwrapped", env), _name(env)
    table: Table | None = getattr(model, "P", None)
    if not isinstance(table, Mapping) or not table:
        raise InputError(
            f"the environment {name} has no model: {type(model).__name__} has no attribute P with the outcomes of each "
            "state and action; tabular planning needs one (FrozenLake-v1, CliffWalking-v1 and Taxi have it)"
        )
    if set(table) != set(range(len(table))):
        raise InputError(f"the environment {name}: P must have the states 0 to {len(table) - 1} as keys")
    steps = _time_limit(env, name) if horizon is None else horizon
    start = _start(model, name) if initial_state is None else initial_state
    check_room(name, f"a model of {len(table)} states", len(table), len(table))
    p, r, legal = _arrays(table, name)
    scale, offset = 1.0, 0.0
    if scale_rewards:
        scaled = unit_rewards(r)
        r, scale, offset = scaled.r, scaled.scale, scaled.offset
    elif r.min() < 0 or r.max() > 1:
        raise InputError(
            f"the environment {name} has rewards from {r.min():g} to {r.max():g}, they must be between 0 and 1; "
            "from_gymnasium(..., scale_rewards=True) scales them"
        )
    return TabularMDP.stationary(
        p, r, steps, initial_state=start, legal=legal, name=name, reward_scale=scale, reward_offset=offset
    )


def _arrays(table: Table, name: str) -> tuple[FloatArray, FloatArray, BoolArray]:
    """Return p ``[S, A, S]``, r ``[S, A]`` and legal ``[S, A]``; copies of ends come after the states of the table."""
    ends = _ends(table)
    copies = {end: len(table) + number for number, end in enumerate(sorted(ends & _passed(table, ends)))}
    absorbing = {*copies.values(), *(ends - copies.keys())}
    num_states = len(table) + len(copies)
    num_actions = 1 + max((max(actions, default=-1) for actions in table.values()), default=-1)
    p, r = np.zeros((num_states, num_actions, num_states)), np.zeros((num_states, num_actions))
    legal = np.zeros((num_states, num_actions), dtype=bool)
    for state in absorbing:
        p[state, :, state], legal[state] = 1.0, True
    for state in table.keys() - absorbing:
        for action, outcomes in table[state].items():
            legal[state, action] = bool(outcomes)
            for probability, after, reward, over in outcomes:
                if not 0 <= after < len(table):
                    raise InputError(f"the environment {name}: state {state} leads to {after}, which is not in P")
                p[state, action, copies.get(int(after), after) if over else after] += probability
                r[state, action] += probability * reward
    return p, r, legal


def _ends(table: Table) -> set[int]:
    """Return the states that some outcome ends in."""
    return {
        int(after) for actions in table.values() for every in actions.values() for _, after, _, over in every if over
    }


def _passed(table: Table, ends: set[int]) -> set[int]:
    """Return the states that some outcome of a state that is no end enters without ending the episode."""
    going = (every for state, actions in table.items() if state not in ends for every in actions.values())
    return {int(after) for every in going for _, after, _, over in every if not over}


def _start(model: Any, name: str) -> int:
    distribution = getattr(model, "initial_state_distrib", None)
    first = np.flatnonzero(np.asarray([] if distribution is None else distribution, dtype=np.float64))
    if len(first) == 1:
        return int(first[0])
    here = getattr(model, "s", None)
    if here is None:
        many = f"one of {len(first)} states" if len(first) else "a state it does not tell"
        raise InputError(
            f"the environment {name} starts in {many}; call env.reset(seed=...) first, or give initial_state="
        )
    return int(here)


def _time_limit(env: Any, name: str) -> int:
    limit = getattr(getattr(env, "spec", None), "max_episode_steps", None)
    if limit is None:
        raise InputError(f"the environment {name} has no time limit; give from_gymnasium(env, horizon=...)")
    return int(limit)


def _name(env: Any) -> str:
    spec = getattr(env, "spec", None)
    return str(getattr(spec, "id", None) or type(getattr(env, "unwrapped", env)).__name__)
