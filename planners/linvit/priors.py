"""Policy priors of tabular MDPs: with a known distance from the optimal policy, spoilt ones, and language models.

All are log-probabilities ``[H, S, A]`` in nats, ``-inf`` for illegal actions. KL(pi* || prior) is along trajectories;
pi* is the policy of :func:`planners.linvit.solve.optimal`, which takes the first of equally good actions.
"""

import math

import numpy as np
import numpy.typing as npt

from envs.tabular import TabularMDP, TabularTask, state_at
from planners.linvit.solve import checked_prior, optimal, trajectory_kl, uniform
from slinvit.budget import Budget
from slinvit.errors import InputError, PriorError
from slinvit.protocols import Prior
from slinvit.types import Action, ActionDistribution, FloatArray, State

OFFERED_WEIGHT = 0.1
"""Weight of the uniform part that messages offer."""


def at_kl(mdp: TabularMDP, eps_llm: float) -> FloatArray:
    """Return a prior at KL(pi* || prior) = ``eps_llm`` nats.

    The optimal action has probability q = exp(-eps_llm / M), where M is the number of steps at which the optimal policy
    has a choice: H, whatever the dynamics, where every state has several legal actions; else the mean under P of the
    number of steps with several, which does depend on them. The others share 1 - q equally. H log A nats
    is the uniform prior, more is worse than it; 0 nats is the optimal policy itself, without full support.

    Raises:
        InputError: ``eps_llm`` negative or not finite, or positive where the optimal policy never has a choice.

    Source: derived: docs/theory.md §3
    """
    best = optimal(mdp).policy > 0
    nats = _nats_per_choice(mdp, eps_llm)
    others = mdp.legal_actions.sum(axis=-1, keepdims=True) - 1
    with np.errstate(divide="ignore"):
        rest = np.log(-np.expm1(-nats)) - np.log(np.maximum(others, 1))
    prior = np.where(best, np.where(others > 0, -nats, 0.0), rest)
    return np.where(mdp.legal_actions, prior, -np.inf)


def adversarial(mdp: TabularMDP, eps_llm: float | None = None) -> FloatArray:
    """Return a prior that prefers the worst action and is at KL(pi* || prior) = ``eps_llm`` nats.

    Every action but the worst has the probability q of the optimal one, the worst has the rest. ``None``: q = A^-3 with
    A legal actions, three times the KL of the uniform prior; else q = exp(-eps_llm / M) as in :func:`at_kl`. Of equally
    bad actions the last is taken, and never the optimal one.

    Raises:
        InputError: ``eps_llm`` not finite, or not more than that of the uniform prior in every state.

    Source: derived: docs/theory.md §3
    """
    solution, legal = optimal(mdp), mdp.legal_actions
    count = legal.sum(axis=-1, keepdims=True)
    nats = 3 * np.log(count) if eps_llm is None else np.full(count.shape, _nats_per_choice(mdp, eps_llm))
    if ((nats <= np.log(count)) & (count > 1)).any():
        raise InputError(
            f"{mdp.name}: an adversarial prior is further from the optimum than the uniform one: eps_llm must be above "
            f"{_choices(mdp) * math.log(int(count.max())):.6g} nats, not {eps_llm:g}"
        )
    worse = np.where(legal & (solution.policy == 0), -solution.q, -np.inf)
    worst = mdp.num_actions - 1 - worse[..., ::-1].argmax(axis=-1)
    preferred = np.log1p(-(count - 1) * np.exp(-nats))
    prior = np.where(np.arange(mdp.num_actions) == worst[..., None], preferred, -nats)
    return np.where(legal, np.where(count > 1, prior, 0.0), -np.inf)


def boltzmann(mdp: TabularMDP, beta: float) -> FloatArray:
    """Return softmax(``beta`` * Q*) over legal actions; ``beta`` in nats per unit of return, 0 is uniform.

    In each state the Gibbs policy of Q* with the uniform prior at lam = 1 / beta.

    Raises:
        InputError: ``beta`` negative or not finite.

    Source: derived: docs/theory.md §1
    """
    if not 0 <= beta < math.inf:
        raise InputError(f"beta must be 0 or more nats per unit of return and finite, not {beta}")
    scores = np.where(mdp.legal_actions, beta * optimal(mdp).q, -np.inf)
    return np.asarray(scores - np.logaddexp.reduce(scores, axis=-1, keepdims=True))


def permuted(mdp: TabularMDP, log_prior: npt.ArrayLike, rng: np.random.Generator) -> FloatArray:
    """Return ``log_prior`` with the labels of the legal actions of each state exchanged at random.

    As sharp as before, but about other actions. A state has the same exchange at all steps with the same legal actions.
    """
    prior = checked_prior(mdp, log_prior)
    keys = np.broadcast_to(rng.random(prior.shape[1:]), prior.shape)
    first = np.broadcast_to(np.arange(mdp.num_actions, dtype=np.float64), prior.shape)
    listed, shuffled = (np.argsort(np.where(mdp.legal_actions, order, np.inf), axis=-1) for order in (first, keys))
    exchanged = np.full(prior.shape, -np.inf)
    np.put_along_axis(exchanged, shuffled, np.take_along_axis(prior, listed, axis=-1), axis=-1)
    return np.where(mdp.legal_actions, exchanged, -np.inf)


def mixed_with_uniform(mdp: TabularMDP, log_prior: npt.ArrayLike, weight: float) -> FloatArray:
    """Return (1 - weight) prior + weight uniform: full support, KL(pi || mixed) <= H log(A / weight) for every pi.

    Raises:
        InputError: ``weight`` not in (0, 1].

    Source: derived: docs/theory.md §3
    """
    if not 0 < weight <= 1:
        raise InputError(f"the weight of the uniform part must be above 0 and at most 1, not {weight}")
    prior = checked_prior(mdp, log_prior)
    kept = math.log1p(-weight) if weight < 1 else -math.inf
    return np.where(mdp.legal_actions, np.logaddexp(prior + kept, uniform(mdp) + math.log(weight)), -np.inf)


def full_support(mdp: TabularMDP, log_prior: npt.ArrayLike) -> FloatArray:
    """Return ``log_prior`` as ``[H, S, A]``, every legal action possible.

    Raises:
        InputError: as :func:`planners.linvit.solve.checked_prior`, and for a legal action without probability; the
            message says what mixing with the uniform prior would cost.
    """
    prior = checked_prior(mdp, log_prior)
    missing = np.argwhere(mdp.legal_actions & np.isneginf(prior))
    if len(missing):
        step, state, action = (int(i) for i in missing[0])
        count = mdp.legal_actions.sum(axis=-1).max(axis=-1)
        cost = float(np.log(count / OFFERED_WEIGHT).sum())
        raise InputError(
            f"{mdp.name}: the prior gives no probability to {mdp.action_name(action)}, which is legal in "
            f"{mdp.state_name(state)} at step {step} (and {len(missing) - 1} more); "
            f"mixed_with_uniform(mdp, log_prior, {OFFERED_WEIGHT:g}) does, at a KL of at most {cost:.3g} nats from any "
            "policy over the horizon"
        )
    return prior


def tabulate(mdp: TabularMDP, prior: Prior, *, budget: Budget, rng: np.random.Generator) -> FloatArray:
    """Return what ``prior`` says in every state, asked once per distinct text, all in one batch.

    States are put to it without a history. Where the episode is over nothing is decided: uniform.

    Raises:
        PriorError: an answer about other actions than those of the state.
        BudgetExceeded: nothing was asked.
    """
    instance = TabularTask(mdp)
    table = uniform(mdp)
    places = [(step, int(state)) for step in range(mdp.horizon) for state in np.flatnonzero(~mdp.terminal_states)]
    asked: dict[tuple[str, tuple[Action, ...]], State] = {}
    texts = []
    for step, number in places:
        state = state_at(instance, step, number)
        texts.append((state.observation, state.actions or ()))
        asked.setdefault(texts[-1], state)
    answers = prior.propose(list(asked.values()), budget=budget, rng=rng)
    rows = {text: _row(mdp, asked[text], answer) for text, answer in zip(asked, answers, strict=True)}
    for place, text in zip(places, texts, strict=True):
        table[place] = rows[text]
    return table


def _row(mdp: TabularMDP, state: State, answer: ActionDistribution) -> FloatArray:
    """Return ``[A]`` log-probabilities."""
    if set(answer.actions) != set(state.actions or ()):
        raise PriorError(
            f"{mdp.name}: asked about {list(state.actions or ())} in {state.observation!r}, the prior answered about "
            f"{list(answer.actions)}"
        )
    said = dict(zip(answer.actions, answer.log_probs, strict=True))
    row = np.array([said.get(mdp.action_name(action), -np.inf) for action in range(mdp.num_actions)])
    return np.asarray(row - np.logaddexp.reduce(row))


def _nats_per_choice(mdp: TabularMDP, eps_llm: float) -> float:
    if not 0 <= eps_llm < math.inf:
        raise InputError(f"{mdp.name}: eps_llm must be 0 or more nats and finite, not {eps_llm}")
    choices = _choices(mdp)
    if eps_llm and not choices:
        raise InputError(f"{mdp.name}: the optimal policy never has a choice: every prior is at KL 0, not {eps_llm:g}")
    return eps_llm / choices if choices else 0.0


def _choices(mdp: TabularMDP) -> float:
    """Return the expected number of steps at which the optimal policy has more than one legal action."""
    several = mdp.legal_actions.sum(axis=-1, keepdims=True) > 1
    one_nat = np.where(mdp.legal_actions, np.where(several, -1.0, 0.0), -np.inf)
    return trajectory_kl(mdp, optimal(mdp).policy, one_nat)
