"""Standard tabular worlds of the literature on exploration. States and actions count from 0."""

import math
from collections.abc import Sequence

import numpy as np

from envs.tabular.checks import check_room, check_whole
from envs.tabular.mdp import TabularMDP
from slinvit.errors import InputError
from slinvit.types import FloatArray


def river_swim(num_states: int = 6, horizon: int = 12) -> TabularMDP:
    """Return RiverSwim: swimming up (action 1) is hard and pays at the far end, drifting down (0) pays a little.

    After Strehl and Littman (2008), with the probabilities below.

    Action 0: s to max(s - 1, 0). Action 1: at the lower end stay .4, up .6; in between stay .6, up .35, down .05; at
    the upper end stay .6, down .4. r(0, 0) = .005, r(S - 1, 1) = 1. Starts at the lower end.
    """
    check_whole("river_swim", "num_states", num_states, 2)
    check_room("river_swim", f"num_states {num_states}", num_states, 2, num_states)
    last = num_states - 1
    p = np.zeros((num_states, 2, num_states))
    for s in range(num_states):
        p[s, 0, max(s - 1, 0)] = 1.0
        p[s, 1, s] = 0.4 if s == 0 else 0.6
        if s < last:
            p[s, 1, s + 1] = 0.6 if s == 0 else 0.35
        if s > 0:
            p[s, 1, s - 1] = 0.4 if s == last else 0.05
    r = np.zeros((num_states, 2))
    r[0, 0], r[last, 1] = 0.005, 1.0
    return TabularMDP.stationary(
        p,
        r,
        horizon,
        name="river_swim",
        state_names=tuple(f"place {s + 1} of {num_states}" for s in range(num_states)),
        action_names=("drift down the river", "swim up the river"),
        goal=f"collect reward: 0.005 for drifting down at place 1, 1 for swimming up at place {num_states}; "
        "swimming up often fails",
    )


def deep_sea(size: int = 6) -> TabularMDP:
    """Return DeepSea: one of 2^N paths pays 1. H = N steps, N * N cells and a sink; the best return is 1.

    After Osband and others, "Deep Exploration via Randomized Value Functions".

    From cell (row, column), ``row * N + column``, each step leads to the next row: action 1 one column to the right,
    action 0 one to the left, both stopped by the walls. Action 0 pays .01 / N, action 1 pays 1 in the last cell. From
    the last row every step leads to the sink.
    """
    check_whole("deep_sea", "size", size, 1)
    sink = size * size
    check_room("deep_sea", f"size {size}", sink + 1, 2, sink + 1)
    p, r = np.zeros((sink + 1, 2, sink + 1)), np.zeros((sink + 1, 2))
    p[sink, :, sink] = 1.0
    for cell in range(sink):
        row, column = divmod(cell, size)
        for action, there in enumerate((max(column - 1, 0), min(column + 1, size - 1))):
            p[cell, action, (row + 1) * size + there if row + 1 < size else sink] = 1.0
    r[:sink, 0] = 0.01 / size
    r[sink - 1, 1] = 1.0
    return TabularMDP.stationary(
        p,
        r,
        size,
        name="deep_sea",
        state_names=(*(f"depth {c // size + 1}, column {c % size + 1}" for c in range(sink)), "the sea floor"),
        action_names=("left", "right"),
        goal=f"find the treasure at depth {size}, column {size}, by going right there; it pays 1, "
        f"each step to the left {0.01 / size:.3g}",
    )


def chain(num_states: int = 5, horizon: int = 20, slip: float = 0.2, small: float = 0.2) -> TabularMDP:
    """Return the chain of Strens: forward (action 0) pays 1 at the end, back to the start (action 1) pays ``small``.

    As in "A Bayesian Framework for Reinforcement Learning" (2000), with a horizon and other rewards.

    What is done is the other action with probability ``slip``. Done forward: s to min(s + 1, S - 1), reward 1 at S - 1,
    else 0. Done back: to 0, reward ``small``. r(s, a) is the mean over what is done.
    """
    check_whole("chain", "num_states", num_states, 2)
    check_room("chain", f"num_states {num_states}", num_states, 2, num_states)
    _share("chain", "slip", slip)
    _share("chain", "small", small)
    p, r = np.zeros((num_states, 2, num_states)), np.zeros((num_states, 2))
    last = num_states - 1
    for s in range(num_states):
        for action, forward in enumerate((1.0 - slip, slip)):
            p[s, action, min(s + 1, last)] += forward
            p[s, action, 0] += 1.0 - forward
            r[s, action] = forward * (s == last) + (1.0 - forward) * small
    return TabularMDP.stationary(
        p,
        r,
        horizon,
        name="chain",
        state_names=tuple(f"link {s + 1} of {num_states}" for s in range(num_states)),
        action_names=("forward", "back to the start"),
        goal=f"collect reward: {small:g} for going back to the start, 1 for going forward at link {num_states}",
    )


def combination_lock(length: int = 5, num_actions: int = 3, horizon: int | None = None, *, seed: int = 0) -> TabularMDP:
    """Return a lock with a secret combination: state s < L, the number of right digits so far; L is open.

    The right digit of each position, drawn from ``seed``, leads from s to s + 1, every other one back to 0. Opening
    pays 1, and an open lock stays open. The uniform policy opens it in L steps with probability A^-L.

    Args:
        length: L, number of digits.
        num_actions: A, digits to choose from.
        horizon: default L: no digit may be wrong.
        seed: of the combination.
    """
    check_whole("combination_lock", "length", length, 1)
    check_whole("combination_lock", "num_actions", num_actions, 1)
    check_room("combination_lock", f"length {length}", length + 1, num_actions, length + 1)
    right = _generator("combination_lock", seed).integers(num_actions, size=length)
    p, r = np.zeros((length + 1, num_actions, length + 1)), np.zeros((length + 1, num_actions))
    p[:length, :, 0] = 1.0
    places = np.arange(length)
    p[places, right] = np.eye(length + 1)[1:]
    p[length, :, length] = 1.0
    r[length - 1, right[-1]] = 1.0
    return TabularMDP.stationary(
        p,
        r,
        length if horizon is None else horizon,
        name="combination_lock",
        state_names=(*(f"{s} of {length} digits are right" for s in range(length)), "the lock is open"),
        action_names=tuple(f"dial {digit}" for digit in range(num_actions)),
        goal=f"open the lock: find the {length} digits in order; a wrong digit resets it",
        goal_states=(length,),
    )


def garnet(
    num_states: int = 5,
    num_actions: int = 3,
    horizon: int = 4,
    branching: int = 2,
    *,
    seed: int = 0,
    stationary: bool = True,
) -> TabularMDP:
    """Return a random MDP: ``branching`` distinct successors of each action, Dirichlet(1) probabilities, r ~ U[0, 1].

    A garnet in the sense of Archibald, McKinnon and Thomas (1995). Starts in state 0. With ``stationary=False``
    transitions and rewards are drawn anew for each step.
    """
    sizes = {"num_states": num_states, "num_actions": num_actions, "horizon": horizon, "branching": branching}
    for name, value in sizes.items():
        check_whole("garnet", name, value, 1)
    if branching > num_states:
        raise InputError(f"garnet: branching {branching} needs as many states, there are {num_states}")
    rng = _generator("garnet", seed)
    lead = (num_states, num_actions) if stationary else (horizon, num_states, num_actions)
    check_room("garnet", f"num_states {num_states}", *lead, num_states)
    p, r = _random_rows(lead, num_states, branching, rng), rng.random(lead)
    if stationary:
        return TabularMDP.stationary(p, r, horizon, name="garnet")
    return TabularMDP(p, r, name="garnet")


def _random_rows(lead: Sequence[int], num_states: int, branching: int, rng: np.random.Generator) -> FloatArray:
    rows = np.zeros((math.prod(lead), num_states))
    for row in rows:
        row[rng.choice(num_states, branching, replace=False)] = rng.dirichlet(np.ones(branching))
    return rows.reshape(*lead, num_states)


def _generator(world: str, seed: int) -> np.random.Generator:
    check_whole(world, "seed", seed, 0)
    return np.random.default_rng(seed)


def _share(world: str, name: str, value: float) -> None:
    if not 0 <= value <= 1:
        raise InputError(f"{world}: {name} must be between 0 and 1, not {value}")
