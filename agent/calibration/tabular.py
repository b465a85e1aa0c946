"""Measure a prior on a tabular MDP: everything is exact, nothing is sampled."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from agent.calibration.metrics import coverage, greedy_share, is_constant, kendall, optimal_nats, somers, spearman
from agent.calibration.policies import TOP, entropy
from agent.calibration.ranking import mixes
from agent.calibration.states import OPTIMAL_WITHIN
from envs.tabular import TabularMDP
from planners.linvit import evaluate, full_support, optimal, solve, trajectory_kl, uniform
from planners.linvit.lemmas import expected_sum
from slinvit.errors import InputError, UnknownName
from slinvit.types import FloatArray

DIGITS = 9
"""Values are compared to this many decimals, so that equal ones are equal however they were summed."""

VALUES = ("zero", "rollout", "exact")
"""``zero``: the reward alone; ``rollout``: the return of the prior itself, what rollouts estimate; ``exact``: Q*."""

EPSILON_SHARE = 0.1
LARGEST_LAM, LAM_STEPS = 1e9, 60


def calibrate_mdp(
    mdp: TabularMDP,
    log_prior: FloatArray,
    *,
    lams: Sequence[float],
    values: Sequence[str] = ("zero", "rollout"),
    epsilon: float | None = None,
) -> dict[str, Any]:
    """Return everything that was measured, for the prior and for the uniform policy, as Python's own types.

    Args:
        mdp: the world.
        log_prior: ``[H, S, A]`` in nats, every legal action possible.
        lams: grid of weights.
        values: of :data:`VALUES`.
        epsilon: how far from optimal a learner may end, in units of return; by default a tenth of the optimal value.

    Raises:
        InputError: a prior that excludes a legal action, an epsilon that is not positive, an unknown value.
    """
    prior = full_support(mdp, log_prior)
    best = optimal(mdp)
    top = float(best.v[0, mdp.initial_state])
    allowed = _checked_epsilon(mdp, epsilon, top)
    q = np.where(mdp.legal_actions, np.round(best.q, DIGITS), -np.inf)
    policies = {"prior": prior, "uniform": uniform(mdp)}
    measured = {name: _measures(mdp, given, q, lams, allowed) for name, given in policies.items()}
    return {
        "world": mdp.name,
        "optimal_value": top,
        "epsilon": allowed,
        "policies": measured,
        "predicted_need": _needs(measured["prior"], measured["uniform"]),
        "ranking": [row for value in values for row in _rankings(mdp, prior, q, lams, value)],
    }


def closest_optimal(mdp: TabularMDP, log_prior: FloatArray, best: npt.NDArray[np.bool_]) -> tuple[float, FloatArray]:
    """Return the least trajectory KL of an optimal policy from the prior, in nats, and that policy ``[H, S, A]``.

    Args:
        mdp: the world.
        log_prior: ``[H, S, A]`` in nats.
        best: ``[H, S, A]``, which actions are optimal.

    Source: derived: docs/theory.md §7
    """
    policy = np.zeros(best.shape)
    nats = np.zeros(mdp.num_states)
    for step in reversed(range(mdp.horizon)):
        scores = np.where(best[step], log_prior[step] - mdp.expected(step, nats), -np.inf)
        total = np.logaddexp.reduce(scores, axis=-1)
        policy[step], nats = np.exp(scores - total[:, None]), -total
    return max(0.0, float(nats[mdp.initial_state])), policy


def largest_lam(mdp: TabularMDP, log_prior: FloatArray, loss: float) -> float:
    """Return the largest lam whose regularised optimum loses at most ``loss`` units of return; 0 or ``inf`` allowed.

    The loss grows with lam, so the place is found by bisection of log lam.

    Source: derived: docs/theory.md §7
    """
    top = float(optimal(mdp).v[0, mdp.initial_state])

    def acceptable(lam: float) -> bool:
        policy = solve(mdp, log_prior, lam).policy
        return top - float(evaluate(mdp, policy).v[0, mdp.initial_state]) <= loss

    low, high = 1 / LARGEST_LAM, LARGEST_LAM
    if acceptable(math.inf):
        return math.inf
    if not acceptable(low):
        return 0.0
    for _ in range(LAM_STEPS):
        middle = math.sqrt(low * high)
        low, high = (middle, high) if acceptable(middle) else (low, middle)
    return low


def _checked_epsilon(mdp: TabularMDP, epsilon: float | None, top: float) -> float:
    allowed = EPSILON_SHARE * top if epsilon is None else epsilon
    if not 0 < allowed < math.inf:
        why = "nothing can be earned, so a tenth of it is 0; give --epsilon" if epsilon is None else f"not {epsilon}"
        raise InputError(f"{mdp.name}: epsilon must be positive and finite; {why}")
    return allowed


def _measures(
    mdp: TabularMDP, log_prior: FloatArray, q: FloatArray, lams: Sequence[float], epsilon: float
) -> dict[str, Any]:
    """Return what one prior is worth: KL figures, coverage, and a regularised optimum per lam."""
    start = mdp.initial_state
    best = q >= q.max(axis=-1, keepdims=True) - OPTIMAL_WITHIN
    closest_kl, closest = closest_optimal(mdp, log_prior, best)
    restricted = np.where(best, np.exp(log_prior), 0.0)
    restricted /= restricted.sum(axis=-1, keepdims=True)
    states = _by_state(mdp, log_prior, q, best)
    return {
        "value": float(evaluate(mdp, np.exp(log_prior)).v[0, start]),
        "trajectory_kl": {
            "closest": closest_kl,
            "restricted": trajectory_kl(mdp, restricted, log_prior),
            "first": trajectory_kl(mdp, optimal(mdp).policy, log_prior),
        },
        "on_optimal_path": {name: _on_path(mdp, closest, *column) for name, column in states.items()},
        "all_states": {name: _plain(*column) for name, column in states.items()},
        "lams": [_at(mdp, log_prior, lam) for lam in lams],
        "theory_lam": math.inf if closest_kl == 0 else epsilon / (2 * closest_kl),
        "best_lam": largest_lam(mdp, log_prior, epsilon / 2),
    }


def _needs(mine: Mapping[str, Any], control: Mapping[str, Any]) -> dict[str, float | None]:
    """Return predicted episodes over those of the uniform prior, as episodes ~ 1 / (lam epsilon).

    ``theory`` with lam = epsilon / (2 KL) for each, ``best`` with the largest lam that loses at most epsilon / 2.
    ``None`` where the uniform prior needs none either.

    Source: derived: docs/theory.md §7
    """
    found: dict[str, float | None] = {}
    for name in ("theory", "best"):
        lam, other = mine[f"{name}_lam"], control[f"{name}_lam"]
        found[name] = None if math.isinf(other) else other / lam if lam else math.inf
    return found


def _at(mdp: TabularMDP, log_prior: FloatArray, lam: float) -> dict[str, float]:
    """Return the regularised optimum: its regularised value, what its policy earns, and how far it left the prior."""
    solution = solve(mdp, log_prior, lam)
    worth = evaluate(mdp, solution.policy, log_prior)
    start = mdp.initial_state
    return {
        "lam": lam,
        "regularised_value": float(solution.v[0, start]),
        "value": float(worth.v[0, start]),
        "kl": float(worth.kl[0, start]),
    }


def _by_state(
    mdp: TabularMDP, log_prior: FloatArray, q: FloatArray, best: npt.NDArray[np.bool_]
) -> dict[str, tuple[FloatArray, FloatArray]]:
    """Return by name what is measured in each state, ``[H, S]``, with a mask of where it means something."""
    shape = q.shape[:2]
    names = ("entropy", "kl_optimal", "greedy", *(f"top{k}" for k in TOP))
    table = {name: np.zeros(shape) for name in names}
    for place in np.ndindex(shape):
        legal = mdp.legal_actions[place]
        given, right = log_prior[place][legal], best[place][legal]
        measured = (entropy(given), optimal_nats(given, right), float(greedy_share(given, right)))
        for name, value in zip(names, (*measured, *(coverage(given, right, k) for k in TOP)), strict=True):
            table[name][place] = value
    everywhere, choices = np.ones(shape), _choices(mdp, q)
    return {name: (table[name], everywhere if name in ("entropy", "kl_optimal") else choices) for name in names}


def _choices(mdp: TabularMDP, q: FloatArray) -> FloatArray:
    """Return ``[H, S]``, 1 where the legal actions are not all equally good."""
    found = np.zeros(q.shape[:2])
    for place in np.ndindex(found.shape):
        found[place] = not is_constant(q[place][mdp.legal_actions[place]])
    return found


def _rankings(
    mdp: TabularMDP, log_prior: FloatArray, q: FloatArray, lams: Sequence[float], value: str
) -> list[dict[str, Any]]:
    """Return rank correlations of lam log pi + value with Q*, one row per kind of states and lam."""
    choices = _choices(mdp, q)
    scores = np.round(_scores(mdp, log_prior, q, value), DIGITS)
    table = np.zeros((4, len(lams), *choices.shape))
    for step, state in np.argwhere(choices):
        legal = mdp.legal_actions[step, state]
        mixed = mixes(log_prior[step, state][legal], scores[step, state][legal], lams)
        true = q[step, state][legal]
        rank = [measure(mixed, true) for measure in (spearman, kendall, somers)]
        table[:, :, step, state] = [*rank, greedy_share(mixed, true >= true.max() - OPTIMAL_WITHIN)]
    _, path = closest_optimal(mdp, log_prior, q >= q.max(axis=-1, keepdims=True) - OPTIMAL_WITHIN)
    rows: list[dict[str, Any]] = []
    for kind in ("optimal", "all"):
        means = [
            [_on_path(mdp, path, cell, choices) if kind == "optimal" else _plain(cell, choices) for cell in column]
            for column in table.transpose(1, 0, 2, 3)
        ]
        best = max((column[2] for column in means if column[2] is not None), default=None)
        rows += [
            {
                "kind": kind,
                "value": value,
                "lam": lam,
                **dict(zip(("spearman", "kendall", "ordered", "greedy"), column, strict=True)),
                "best": best is not None and column[2] is not None and column[2] >= best - 1e-12,
            }
            for lam, column in zip(lams, means, strict=True)
        ]
    return rows


def _scores(mdp: TabularMDP, log_prior: FloatArray, q: FloatArray, value: str) -> FloatArray:
    """Return ``[H, S, A]`` reward + value of the successor."""
    if value not in VALUES:
        raise UnknownName("value of a tabular world", value, VALUES)
    if value == "exact":
        return np.where(mdp.legal_actions, q, 0.0)
    rewards = np.where(mdp.legal_actions, mdp.r, 0.0)
    if value == "zero":
        return rewards
    v = evaluate(mdp, np.exp(log_prior)).v
    return np.stack([rewards[step] + mdp.expected(step, v[step + 1]) for step in range(mdp.horizon)])


def _on_path(mdp: TabularMDP, policy: FloatArray, values: FloatArray, mask: FloatArray) -> float | None:
    """Return the mean of ``values`` over the states that ``policy`` visits, where ``mask`` is 1; ``None``: nowhere."""
    visits = expected_sum(mdp, policy, mask)
    return expected_sum(mdp, policy, values * mask) / visits if visits > 0 else None


def _plain(values: FloatArray, mask: FloatArray) -> float | None:
    """Return the mean over all states and steps where ``mask`` is 1; ``None`` where there is none."""
    return float((values * mask).sum() / mask.sum()) if mask.any() else None
