"""Invariances of the exact solution, brute-force ground truth, tabular priors, and numbers measured before."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from itertools import product
from math import inf, log

import numpy as np
from scipy import sparse

from agent.theory.record import Finding, Property, Scale, worst
from agent.theory.worlds import NARROW, Case, cases, configurations, random_policy
from envs.tabular import TabularMDP, deep_sea, frozen_lake, garnet, river_swim
from planners.linvit import at_kl, evaluate, mixed_with_uniform, optimal, solve, trajectory_kl, uniform
from slinvit.types import FloatArray


def _changed(mdp: TabularMDP, p: FloatArray, r: FloatArray, legal: object = None) -> TabularMDP:
    return TabularMDP(p, r, mdp.initial_state, mdp.legal_actions if legal is None else legal, mdp.name)  # type: ignore[arg-type]


def reward_shift(_: Scale) -> Finding:
    """Compare V with c added to every reward, r / 2 + c, with half of V at twice lam plus c (H-h+1)."""

    def deviation(case: Case, lam: float) -> float:
        mdp = case.mdp
        moved = _changed(mdp, mdp.dense(), mdp.r / 2 + 0.25)
        before, after = solve(mdp, case.log_prior, lam), solve(moved, case.log_prior, lam / 2)
        left = np.arange(mdp.horizon, -1, -1.0)[:, None]
        same = np.abs(after.policy - before.policy).max()
        return float(max(np.abs(after.v - before.v / 2 - 0.25 * left).max(), same))

    return worst(deviation(*each) for each in configurations(NARROW))


def action_order(scale: Scale) -> Finding:
    """Compare V and the policy with the actions renamed."""
    rng = scale.rng("order")

    def deviation(case: Case, lam: float) -> float:
        mdp, order = case.mdp, rng.permutation(case.mdp.num_actions)
        renamed = _changed(mdp, mdp.dense()[..., order, :], mdp.r[..., order], mdp.legal_actions[..., order])
        before, after = solve(mdp, case.log_prior, lam), solve(renamed, case.log_prior[..., order], lam)
        same = np.abs(after.policy - before.policy[..., order]).max()
        return float(max(np.abs(after.v - before.v).max(), same))

    return worst(deviation(*each) for each in configurations(NARROW))


def duplicate_action(_: Scale) -> Finding:
    """Compare V with action 0 doubled and its prior split 3:7."""

    def deviation(case: Case, lam: float) -> float:
        mdp = case.mdp
        twice = [0, *range(mdp.num_actions)]
        doubled = _changed(mdp, mdp.dense()[..., twice, :], mdp.r[..., twice], mdp.legal_actions[..., twice])
        shares = np.array([log(0.3), log(0.7), *[0.0] * (mdp.num_actions - 1)])
        after = solve(doubled, case.log_prior[..., twice] + shares, lam)
        return float(np.abs(after.v - solve(mdp, case.log_prior, lam).v).max())

    return worst(deviation(*each) for each in configurations(NARROW))


def sparse_agrees(_: Scale) -> Finding:
    """Compare Q from transitions kept dense with Q from CSR."""

    def deviation(case: Case, lam: float) -> float:
        mdp = case.mdp
        thin = replace(mdp, p=sparse.csr_array(mdp.dense().reshape(-1, mdp.num_states)))
        return float(np.abs(solve(thin, case.log_prior, lam).v - solve(mdp, case.log_prior, lam).v).max())

    return worst(deviation(*each) for each in configurations(NARROW))


def _tiny(scale: Scale) -> Iterator[tuple[TabularMDP, FloatArray]]:
    rng = scale.rng("tiny")
    for seed in range(scale.of(3, 10)):
        mdp = garnet(3, 2, 3, seed=seed, stationary=False)
        yield mdp, np.log(random_policy(mdp, rng))


def every_trajectory(scale: Scale) -> Finding:
    """Compare V and trajectory KL with sums over every trajectory: KL of the two distributions over trajectories."""
    rng = scale.rng("trajectories")

    def deviation(mdp: TabularMDP, log_prior: FloatArray) -> float:
        policy = random_policy(mdp, rng)
        total = nats = 0.0
        for chance, reward, ratio in _trajectories(mdp, policy, log_prior, 0, mdp.initial_state):
            total += chance * reward
            nats += chance * ratio
        found = evaluate(mdp, policy, log_prior)
        start = 0, mdp.initial_state
        return max(abs(float(found.v[start]) - total), abs(float(found.kl[start]) - nats))

    return worst(deviation(*each) for each in _tiny(scale))


def _trajectories(
    mdp: TabularMDP, policy: FloatArray, log_prior: FloatArray, step: int, state: int
) -> Iterator[tuple[float, float, float]]:
    """Yield (probability, return, log of the ratio of probabilities) of every trajectory from ``state`` on."""
    if step == mdp.horizon:
        yield 1.0, 0.0, 0.0
        return
    for action in range(mdp.num_actions):
        chance, reward = policy[step, state, action], mdp.r[step, state, action]
        ratio = log(chance) - log_prior[step, state, action]
        for after, p in zip(*mdp.successors(step, state, action), strict=True):
            for rest in _trajectories(mdp, policy, log_prior, step + 1, int(after)):
                yield chance * p * rest[0], reward + rest[1], ratio + rest[2]


def every_policy(scale: Scale) -> Finding:
    """Compare V* with the best of all deterministic policies of tiny MDPs."""

    def deviation(mdp: TabularMDP) -> float:
        cells = mdp.horizon * mdp.num_states
        values = []
        for choice in product(range(mdp.num_actions), repeat=cells):
            policy = np.eye(mdp.num_actions)[list(choice)].reshape(mdp.r.shape)
            values.append(evaluate(mdp, policy).v[0, mdp.initial_state])
        return float(optimal(mdp).v[0, mdp.initial_state] - max(values))

    return worst(deviation(garnet(2, 2, 3, seed=seed, stationary=False)) for seed in range(scale.of(2, 10)))


def prior_at_kl(_: Scale) -> Finding:
    """Compare KL(pi*||at_kl(eps)) with eps."""
    mdps = {case.mdp.name: case.mdp for case in cases()}.values()
    return worst(
        trajectory_kl(mdp, optimal(mdp).policy, at_kl(mdp, eps)) - eps for mdp in mdps for eps in (0.05, 0.2, 1.0, 3.0)
    )


def mixing_caps(_: Scale) -> Finding:
    """Measure by how much KL(pi*||prior mixed with uniform) exceeds H log(A / weight)."""

    def deviation(case: Case, weight: float) -> float:
        # A prior that excludes the optimal action: the worst there is.
        mdp, best = case.mdp, optimal(case.mdp).policy > 0
        free = mdp.legal_actions & ~best
        allowed = np.where(free.any(axis=-1, keepdims=True), free, mdp.legal_actions)
        with np.errstate(divide="ignore"):
            prior = np.log(allowed / allowed.sum(axis=-1, keepdims=True))
        nats = trajectory_kl(mdp, optimal(mdp).policy, mixed_with_uniform(mdp, prior, weight))
        return max(0.0, nats - mdp.horizon * log(mdp.num_actions / weight))

    return worst(deviation(case, weight) for case in cases() for weight in (0.01, 0.1, 0.5))


def limit_prices(_: Scale) -> Finding:
    """Compare lam = 0 with V* and lam = inf with the value of the prior."""

    def deviation(case: Case) -> float:
        zero, free = solve(case.mdp, case.log_prior, 0.0), solve(case.mdp, case.log_prior, inf)
        prior = evaluate(case.mdp, np.exp(case.log_prior)).v
        return float(max(np.abs(zero.v - optimal(case.mdp).v).max(), np.abs(free.v - prior).max()))

    return worst(deviation(case) for case in cases())


# Measured before this code existed; V*, then per prior V^prior and per lam V_lam, V^{pi_lam}, KL_traj.
Row = tuple[float, float, float, float]
REGRESSION: dict[str, tuple[Callable[[], TabularMDP], float, dict[str, tuple[float, tuple[Row, ...]]]]] = {
    "river swim": (
        lambda: river_swim(6, 12),
        0.75332894,
        {
            "uniform": (
                0.02294832,
                (
                    (0.01, 0.68118089, 0.75011335, 6.893246),
                    (0.1, 0.22146500, 0.50995617, 2.884912),
                    (1.0, 0.02652284, 0.03152564, 0.005003),
                ),
            ),
            "at KL 0.5": (
                0.55495204,
                (
                    (0.01, 0.74891298, 0.75312902, 0.421604),
                    (0.1, 0.71561003, 0.74744992, 0.318399),
                    (1.0, 0.60901160, 0.65060448, 0.041593),
                ),
            ),
        },
    ),
    "deep sea": (
        lambda: deep_sea(6),
        1.0,
        {
            "uniform": (
                0.02062500,
                (
                    (0.01, 0.95841117, 1.00000000, 4.158883),
                    (0.1, 0.58441222, 0.99701458, 4.126024),
                    (1.0, 0.03136568, 0.04603559, 0.014670),
                ),
            ),
            "at KL 0.5": (
                0.60884084,
                (
                    (0.01, 0.99500000, 1.00000000, 0.500000),
                    (0.1, 0.95000312, 0.99996894, 0.499658),
                    (1.0, 0.71515768, 0.80755229, 0.092395),
                ),
            ),
        },
    ),
    "frozen lake, slippery": (
        lambda: frozen_lake(20),
        0.19913270,
        {
            "uniform": (
                0.01244482,
                (
                    (0.01, 0.08043555, 0.13893101, 5.849545),
                    (0.1, 0.01939578, 0.02636371, 0.069679),
                    (1.0, 0.01313059, 0.01381904, 0.000688),
                ),
            ),
            "at KL 0.5": (
                0.18207098,
                (
                    (0.01, 0.19629453, 0.19855056, 0.225602),
                    (0.1, 0.18794398, 0.19181460, 0.038706),
                    (1.0, 0.18291060, 0.18371142, 0.000801),
                ),
            ),
        },
    ),
    "frozen lake": (
        lambda: frozen_lake(20, slippery=False),
        1.0,
        {
            "uniform": (0.01244482, ((0.1, 0.56171458, 0.99641024, 4.346957),)),
            "at KL 0.5": (0.86977555, ((0.1, 0.98604867, 0.99999320, 0.139445),)),
        },
    ),
}


def regression_values(_: Scale) -> Finding:
    """Compare V*, V^prior, V_lam and V^{pi_lam} with the table."""
    return worst(values for values, _ in _regression())


def regression_divergences(_: Scale) -> Finding:
    """Compare the trajectory KL of pi_lam with the table, which has six digits."""
    return worst(nats for _, nats in _regression())


def _regression() -> Iterator[tuple[float, float]]:
    """Yield the largest deviation in values and the deviation in nats, per row of the table."""
    for make, v_star, priors in REGRESSION.values():
        mdp = make()
        start = 0, mdp.initial_state
        off = float(optimal(mdp).v[start]) - v_star
        for prior, (v_prior, rows) in priors.items():
            log_prior = uniform(mdp) if prior == "uniform" else at_kl(mdp, 0.5)
            base = float(evaluate(mdp, np.exp(log_prior)).v[start]) - v_prior
            for lam, v_lam, v_policy, nats in rows:
                found = solve(mdp, log_prior, lam)
                used = evaluate(mdp, found.policy, log_prior)
                values = off, base, float(found.v[start]) - v_lam, float(used.v[start]) - v_policy
                yield max(values, key=abs), float(used.kl[start]) - nats


PROPERTIES = (
    Property(
        12, "reward shift and scale", "r -> c r + b, lam -> c lam: V -> c V + b (H-h+1), same pi", 1e-10, reward_shift
    ),
    Property(12, "order of actions", "renamed actions: same V, renamed pi", 1e-10, action_order),
    Property(12, "duplicate action", "doubled action, split prior: same V", 1e-10, duplicate_action),
    Property(38, "every trajectory", "V, KL_traj = sums over all trajectories", 1e-10, every_trajectory),
    Property(39, "every policy", "V* = max over all deterministic policies", 1e-12, every_policy),
    Property(40, "regression, values", "table of V*, V^prior, V_lam, V^{pi_lam}", 1e-7, regression_values),
    Property(40, "regression, nats", "table of KL_traj(pi_lam||prior)", 1e-6, regression_divergences),
    Property(41, "prior at KL", "KL(pi*||at_kl(eps)) = eps", 1e-9, prior_at_kl),
    Property(42, "mixing", "KL(pi*||mixed) <= H log(A/weight)", 1e-9, mixing_caps),
    Property(43, "dense = sparse", "same V from CSR", 1e-12, sparse_agrees),
    Property(44, "lam = 0 and inf", "V*_0 = V*, V*_inf = V^prior", 1e-12, limit_prices),
)
