"""Exact KL-regularised planning in a known tabular MDP.

Axes: ``H`` steps, ``S`` states, ``A`` actions; log-probabilities in nats, values in units of undiscounted return.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from envs.tabular import TabularMDP
from planners.linvit.core import backward_induction, finite_rewards
from slinvit.errors import InputError
from slinvit.kl import gibbs_policy, kl_divergence
from slinvit.types import FloatArray

ROUNDING = 1e-9
"""Most that probabilities may miss 1 by."""


@dataclass(frozen=True, eq=False, repr=False)
class RegularizedSolution:
    """The optimum of E[sum r - lam KL(pi || prior)].

    Attributes:
        q: ``[H, S, A]``; what it says of illegal actions means nothing.
        v: ``[H + 1, S]``, regularised values; the last row is 0.
        policy: ``[H, S, A]`` probabilities; 0 for illegal actions.
        log_policy: ``[H, S, A]`` in nats.
    """

    q: FloatArray
    v: FloatArray
    policy: FloatArray
    log_policy: FloatArray

    def __repr__(self) -> str:
        return f"RegularizedSolution(H, S, A = {self.q.shape}, v at the first step {_range(self.v[0])})"


@dataclass(frozen=True, eq=False, repr=False)
class Evaluation:
    """What a policy is worth.

    Attributes:
        v: ``[H + 1, S]`` expected return from each step on.
        kl: ``[H + 1, S]`` expected sum of KL(policy || reference) from each step on, in nats; 0 without a reference.
    """

    v: FloatArray
    kl: FloatArray

    def __repr__(self) -> str:
        return f"Evaluation(H, S = {self.kl[1:].shape}, v at the first step {_range(self.v[0])})"


def solve(mdp: TabularMDP, log_prior: npt.ArrayLike, lam: float) -> RegularizedSolution:
    """Return the optimal regularised values and the policy that has them.

    Args:
        mdp: the world.
        log_prior: ``[H, S, A]`` or ``[S, A]`` in nats; illegal actions have ``-inf``.
        lam: KL-regularisation weight, 0 or more, ``inf`` allowed, units of return per nat. ``0``: the best value in the
            prior's support, the prior decides between equally good actions. ``inf``: the prior's own value.

    Raises:
        InputError: a prior that is not one distribution over legal actions per state, or a negative ``lam``.

    Source: derived: docs/theory.md §3
    """
    if not isinstance(lam, float | int | np.number) or not lam >= 0:
        raise InputError(f"{mdp.name}: lam must be 0 or more, not {lam!r}")
    prior = checked_prior(mdp, log_prior)
    q, v = backward_induction(mdp.expected, finite_rewards(mdp), prior, lam)
    log_policy = gibbs_policy(q, prior, lam)
    return RegularizedSolution(q, v, np.exp(log_policy), log_policy)


def optimal(mdp: TabularMDP) -> RegularizedSolution:
    """Return the unregularised optimum; of equally good actions the first is taken.

    Source: derived: docs/theory.md §3
    """
    solution = solve(mdp, uniform(mdp), 0.0)
    best = np.where(mdp.legal_actions, solution.q, -np.inf).argmax(axis=-1)
    policy = np.eye(mdp.num_actions)[best]
    with np.errstate(divide="ignore"):
        return RegularizedSolution(solution.q, solution.v, policy, np.log(policy))


def evaluate(mdp: TabularMDP, policy: npt.ArrayLike, log_reference: npt.ArrayLike | None = None) -> Evaluation:
    """Return the value of ``policy`` and its KL from a reference, both along its own trajectories.

    The regularised value is ``v - lam * kl``.

    Args:
        mdp: the world.
        policy: ``[H, S, A]`` probabilities.
        log_reference: ``[H, S, A]`` or ``[S, A]`` in nats; ``inf`` results where it excludes what the policy does.

    Raises:
        InputError: a policy that is not one distribution over legal actions per step and state.

    Source: derived: docs/theory.md §3
    """
    chosen = _checked_policy(mdp, policy)
    nats = np.zeros(chosen.shape[:2])
    if log_reference is not None:
        with np.errstate(divide="ignore"):
            nats = kl_divergence(np.log(chosen), np.broadcast_to(np.asarray(log_reference), mdp.r.shape))
    v, kl = (np.zeros((mdp.horizon + 1, mdp.num_states)) for _ in range(2))
    rewards = finite_rewards(mdp)
    for step in reversed(range(mdp.horizon)):
        v[step] = _mean(chosen[step], rewards[step] + mdp.expected(step, v[step + 1]))
        kl[step] = nats[step] + _mean(chosen[step], mdp.expected(step, kl[step + 1]))
    return Evaluation(v, kl)


def trajectory_kl(mdp: TabularMDP, policy: npt.ArrayLike, log_reference: npt.ArrayLike) -> float:
    """Return E_policy[sum_h KL(policy_h || reference_h)] from the initial state, in nats.

    Source: derived: docs/theory.md §3
    """
    return float(evaluate(mdp, policy, log_reference).kl[0, mdp.initial_state])


def uniform(mdp: TabularMDP) -> FloatArray:
    """Return the log-probabilities ``[H, S, A]`` of the uniform policy over legal actions, in nats.

    Source: derived: docs/theory.md §3
    """
    count = mdp.legal_actions.sum(axis=-1, keepdims=True)
    return np.where(mdp.legal_actions, -np.log(count), -np.inf)


def checked_prior(mdp: TabularMDP, log_prior: npt.ArrayLike) -> FloatArray:
    """Return ``log_prior`` as ``[H, S, A]``.

    Raises:
        InputError: another shape, mass on illegal actions, or a state whose probabilities do not sum to 1.
    """
    given = np.asarray(log_prior, dtype=np.float64)
    if given.shape not in (mdp.r.shape, mdp.r.shape[1:]):
        raise InputError(f"{mdp.name}: the prior must be [H, S, A] = {list(mdp.r.shape)}, not {list(given.shape)}")
    prior = np.broadcast_to(given, mdp.r.shape)
    with np.errstate(over="ignore"):  # a number that large is no log-probability, which is said below
        _check_distributions(mdp, "prior", np.exp(prior), given, "probabilities, pass np.log(prior)")
    return np.asarray(prior)


def _checked_policy(mdp: TabularMDP, policy: npt.ArrayLike) -> FloatArray:
    chosen = np.asarray(policy, dtype=np.float64)
    if chosen.shape != mdp.r.shape:
        raise InputError(f"{mdp.name}: the policy must be [H, S, A] = {list(mdp.r.shape)}, not {list(chosen.shape)}")
    with np.errstate(over="ignore", invalid="ignore"):
        _check_distributions(mdp, "policy", chosen, np.exp(chosen), "log-probabilities, pass np.exp(policy)")
    return chosen


def _check_distributions(mdp: TabularMDP, kind: str, mass: FloatArray, otherwise: FloatArray, slip: str) -> None:
    """Raise ``InputError`` for the first state where ``mass`` ``[H, S, A]`` is no distribution over legal actions.

    Where ``otherwise`` holds distributions instead, the message says that they are ``slip``.
    """
    right = np.abs(mass.sum(axis=-1) - 1) <= ROUNDING  # false for NaN
    wrong = ~right[..., None] | (mass < 0) | ((mass > 0) & ~mdp.legal_actions)
    if not wrong.any():
        return
    step, state = (int(i) for i in np.argwhere(wrong)[0][:2])
    here = mass[step, state]
    where = f"{mdp.state_name(state)} at step {step}"
    if np.isnan(here).any() or (here < 0).any() or right[step, state]:
        action = int(np.flatnonzero(np.isnan(here) | (here < 0) | ((here > 0) & ~mdp.legal_actions[step, state]))[0])
        legal = ", which is not legal" if not mdp.legal_actions[step, state, action] else ""
        said = f"gives {here[action]:.3g} to {mdp.action_name(action)}{legal} in {where}"
    else:
        said = f"sums to {here.sum():.12g} instead of 1 in {where}"
    mistaken = (otherwise >= 0).all() and (np.abs(otherwise.sum(axis=-1) - 1) <= ROUNDING).all()
    raise InputError(f"{mdp.name}: the {kind} {said}" + (f"; these are {slip}" if mistaken else ""))


def _range(values: FloatArray) -> str:
    return f"{values.min():.4g} to {values.max():.4g}"


def _mean(policy: FloatArray, q: FloatArray) -> FloatArray:
    """Return the mean of ``q`` under ``policy``; what has no probability may be infinite."""
    return np.asarray(np.where(policy > 0, policy * np.where(policy > 0, q, 0.0), 0.0).sum(axis=-1))
