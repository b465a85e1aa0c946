"""Your own MDP and your own prior: what the prior knows, and which price on leaving it would be best.

With the name of a Gymnasium environment that has a model, for example FrozenLake-v1, that world is solved instead.
"""

import sys
from collections.abc import Mapping, Sequence

import numpy as np

from envs.tabular import TabularMDP, from_gymnasium
from planners.linvit import evaluate, full_support, mixed_with_uniform, optimal, solve, tabulate, trajectory_kl
from priors import Scripted
from slinvit import Action, Budget, State

LAMS = (0.0, 0.01, 0.03, 0.1, 0.3, 1.0, float("inf"))


def coffee() -> TabularMDP:
    """Return four states and three actions as arrays: p [S, A, S], r [S, A]."""
    states = ("at the desk", "in the kitchen", "in the kitchen with coffee", "at the desk with coffee")
    actions = ("walk", "brew coffee", "wait")
    desk, kitchen, brewed, happy = range(4)
    p = np.zeros((4, 3, 4))
    p[desk, 0, kitchen], p[kitchen, 0, desk] = 1.0, 1.0
    p[brewed, 0, [happy, kitchen]] = 0.8, 0.2  # it may be spilt
    p[happy, 0, happy] = 1.0
    p[kitchen, 1, [brewed, kitchen]] = 0.7, 0.3  # the machine may be empty
    p[:, 2] = np.eye(4)
    legal = np.ones((4, 3), dtype=bool)
    legal[[desk, brewed, happy], 1] = False
    r = np.zeros((4, 3))
    r[happy, 2] = 1.0
    return TabularMDP.stationary(
        p, r, horizon=10, legal=legal, name="coffee", state_names=states, action_names=actions, goal="enjoy a coffee"
    )


def habit(state: State) -> Mapping[Action, float]:
    """Return what the prior thinks in ``state``, here a rule; a language model is `priors.build("hf:...")`."""
    actions = state.actions or ()
    eager = "brew coffee" if "brew coffee" in actions else actions[0]
    return {action: 6.0 if action == eager else 1.0 for action in actions}


def world(name: str) -> TabularMDP:
    """Return the model of a Gymnasium environment, with rewards scaled to [0, 1]."""
    import gymnasium

    env = gymnasium.make(name)
    env.reset(seed=0)
    return from_gymnasium(env, horizon=30, scale_rewards=True)


def main(argv: Sequence[str]) -> int:
    """Solve, compare the prior with the optimal policy, and try prices."""
    mdp = world(argv[0]) if argv else coffee()
    start, best = mdp.initial_state, optimal(mdp)
    asked = tabulate(mdp, Scripted(habit), budget=Budget(), rng=np.random.default_rng(0))
    prior = full_support(mdp, mixed_with_uniform(mdp, asked, 0.05))

    of_best = np.exp(prior)[best.policy > 0]
    print(f"{mdp.name}: {mdp.num_states} states, {mdp.num_actions} actions, {mdp.horizon} steps")
    print(
        f"V* = {mdp.original_return(best.v[0, start]):.4f}, prior alone "
        f"{mdp.original_return(evaluate(mdp, np.exp(prior)).v[0, start]):.4f}"
    )
    print(
        f"KL(pi* || prior) = {trajectory_kl(mdp, best.policy, prior):.3f} nats per episode, "
        f"optimal action has probability {of_best.mean():.2f} in the mean over states"
    )
    for lam in LAMS:
        solution = solve(mdp, prior, lam)
        worth = evaluate(mdp, solution.policy, prior)
        value = float(mdp.original_return(worth.v[0, start]))
        print(f"lam={lam:<5g} V = {value:8.4f}   KL from the prior = {worth.kl[0, start]:7.3f} nats")
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
