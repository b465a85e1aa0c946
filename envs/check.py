"""Conformance of environments: what planners and records rely on, checked by walking.

An environment declares ``snapshots``: ``native`` (states carry snapshots, :meth:`Restorable.restore` continues from
them), ``replay`` (no snapshots, but the same actions always give the same observations) or ``none``.
"""

import pickle
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, NoReturn

import numpy as np

from envs.simulator import ReplaySimulator, RestoringSimulator
from slinvit.budget import Budget
from slinvit.errors import EnvironmentFailure, InputError, SnapshotError
from slinvit.protocols import Environment, Simulator
from slinvit.types import Action, Snapshot, State, Transition

Choose = Callable[[State, np.random.Generator], Action]

NONSENSE: Action = "hand me the moon"
"""An action that no world accepts."""


def admissible(state: State, rng: np.random.Generator) -> Action:
    """Return one of the admissible actions; raises ``InputError`` where any text may be typed."""
    if state.actions is None:
        raise InputError(f"task {state.task.id!r} lists no actions; give check_environment choose=")
    return state.actions[int(rng.integers(len(state.actions)))]


def check_environment(
    make: Callable[[], Environment],
    *,
    simulator: Simulator | None = None,
    steps: int = 200,
    seed: int = 0,
    choose: Choose = admissible,
) -> list[str]:
    """Check one environment against every law and return the names of the laws.

    Args:
        make: makes a new environment of the same task each time.
        simulator: must agree with the environment; by default one is made where the environment offers snapshots or
            replay.
        steps: most steps of a walk.
        seed: of the walks and of every reset.
        choose: which action a walk takes.

    Raises:
        LawBroken: an ``EnvironmentFailure`` that names the first law that is broken, and where.
        InputError: the environment lists no actions and ``choose`` is the default.
    """
    with _named("walking"):
        case = _Case(make, simulator, steps, seed, choose)
    laws = [_reset, _determinism, _counting, _validity, _admissibility, _keys, _pickling, _closing]
    laws += [_snapshots, _corruption] if case.native else [_refusal]
    if case.model is not None:
        laws += [_agreement, _isolation]
    names = [law.__name__.removeprefix("_") for law in laws]
    for name, law in zip(names, laws, strict=True):
        with _named(name):
            law(case)
    return names


@dataclass(frozen=True)
class _Walk:
    """States s_0 ... s_T, and the transitions that led to s_1 ... s_T."""

    states: tuple[State, ...]
    actions: tuple[Action, ...]
    transitions: tuple[Transition, ...]


class _Case:
    """One environment under examination, with a reference walk through it."""

    def __init__(
        self,
        make: Callable[[], Environment],
        simulator: Simulator | None,
        steps: int,
        seed: int,
        choose: Choose,
    ) -> None:
        self.make, self.steps, self.seed, self.choose = make, steps, seed, choose
        env = make()
        self.offer = getattr(env, "snapshots", "missing")
        if self.offer not in ("native", "replay", "none"):
            broken("declaration", f"snapshots must be native, replay or none, not {self.offer!r}")
        self.native = self.offer == "native"
        self.model = simulator or self._own_model()
        self.walk = self.walked(env)
        env.close()

    def start(self) -> tuple[Environment, State]:
        env = self.make()
        return env, env.reset(seed=self.seed)

    def walked(self, env: Environment) -> _Walk:
        rng = np.random.default_rng(self.seed)
        states, actions, transitions = [env.reset(seed=self.seed)], list[Action](), list[Transition]()
        while not states[-1].over and len(actions) < self.steps:
            actions.append(self.choose(states[-1], rng))
            transitions.append(env.step(actions[-1]))
            states.append(transitions[-1].state)
        return _Walk(tuple(states), tuple(actions), tuple(transitions))

    def at(self, number: int) -> tuple[Environment, State]:
        """Return a new environment after the first ``number`` actions of the walk."""
        env, state = self.start()
        for action in self.walk.actions[:number]:
            state = env.step(action).state
        return env, state

    def probes(self, count: int = 6) -> list[int]:
        """Return numbers of states of the walk in which something can still be done, spread over it."""
        last = len(self.walk.actions) - 1
        return sorted({round(last * i / (count - 1)) for i in range(count)}) if last >= 0 else []

    def _own_model(self) -> Simulator | None:
        if self.native:
            return RestoringSimulator(self.make)  # type: ignore[arg-type]
        return ReplaySimulator(self.make, seed=self.seed) if self.offer == "replay" else None


class LawBroken(EnvironmentFailure):
    """Raised for a law that does not hold."""


def broken(law: str, detail: str) -> NoReturn:
    """Raise :class:`LawBroken`."""
    raise LawBroken(f"the law of {law} is broken: {detail}")


@contextmanager
def _named(law: str) -> Iterator[None]:
    """Report what an environment raises under the law that was being checked."""
    try:
        yield
    except (LawBroken, InputError):
        raise
    except Exception as error:
        raise LawBroken(f"the law of {law} is broken: {type(error).__name__}: {error}") from error


def _equal(law: str, what: str, found: Any, expected: Any) -> None:
    if found != expected:
        broken(law, f"{what}: {str(found)[:200]} instead of {str(expected)[:200]}")


def _reset(case: _Case) -> None:
    env, first = case.start()
    _equal("reset", "history after a reset", (first.history, first.visited), ((), ()))
    _equal("reset", "steps before a reset count", first.truncated, False)
    for action in case.walk.actions[:3]:
        env.step(action)
    _equal("reset", "a second reset with the same seed", env.reset(seed=case.seed), first)


def _determinism(case: _Case) -> None:
    again = case.walked(case.make())
    for number, (found, expected) in enumerate(zip(again.transitions, case.walk.transitions, strict=False)):
        _equal("determinism", f"step {number + 1} of the same walk", found, expected)
    _equal("determinism", "length of the same walk", len(again.actions), len(case.walk.actions))


def _counting(case: _Case) -> None:
    horizon = case.walk.states[0].task.horizon
    for number, state in enumerate(case.walk.states):
        where = f"after {number} steps with a horizon of {horizon}"
        _equal("counting", f"length of the history {where}", len(state.history), number)
        _equal("counting", f"number of visited keys {where}", len(state.visited), number)
        _equal("counting", f"truncated {where}", state.truncated, not state.terminal and number >= horizon)
    for state, action in zip(case.walk.states[1:], case.walk.actions, strict=True):
        _equal("counting", "the last action in the history", state.history[-1][0], action)
    if case.walk.states[-1].over:
        env, _ = case.at(len(case.walk.actions))
        _must_raise("counting", "a step after the end of the episode", partial(env.step, NONSENSE), EnvironmentFailure)


def _validity(case: _Case) -> None:
    for number in case.probes():
        env, state = case.at(number)
        refused = env.step(NONSENSE)
        _equal("validity", f"valid for {NONSENSE!r}", refused.valid, False)
        _equal("validity", "steps counted for a refused action", len(refused.state.history), number + 1)
        # Where any text may be typed, what a refusal says is itself a new situation.
        if state.snapshot is not None and state.actions is not None:
            _equal("validity", "the situation after a refused action", refused.state.key, state.key)


def _admissibility(case: _Case) -> None:
    for number in case.probes():
        for action in case.walk.states[number].actions or ():
            env, _ = case.at(number)
            if not env.step(action).valid:
                broken("admissibility", f"{action!r} is listed after {number} steps, but refused")


def _keys(case: _Case) -> None:
    for number, state in enumerate(case.walk.states):
        hash(state.key)
        earlier = tuple(before.key for before in case.walk.states[:number])
        _equal("keys", f"visited after {number} steps", state.visited, earlier)
        if case.native != (state.snapshot is not None):
            broken("keys", f"the environment declares {case.offer!r}, but a snapshot is {state.snapshot}")


def _pickling(case: _Case) -> None:
    for state in case.walk.states:
        copy = pickle.loads(pickle.dumps(state))
        _equal("pickling", "a pickled state", (copy, copy.key, hash(copy.key)), (state, state.key, hash(state.key)))


def _closing(case: _Case) -> None:
    env, _ = case.start()
    env.close()
    env.close()


def _snapshots(case: _Case) -> None:
    """Restoring, in the same or another environment and after pickling, continues exactly as the walk did."""
    other, _ = case.start()
    for number in case.probes():
        state = pickle.loads(pickle.dumps(case.walk.states[number]))
        same, _ = case.at(min(number + 2, len(case.walk.actions)))
        for env in (same, other):
            _equal("snapshots", "a restored state", _restore(env, state), case.walk.states[number])
            for later in range(number, min(number + 5, len(case.walk.actions))):
                found = env.step(case.walk.actions[later])
                _equal("snapshots", f"step {later + 1} after a restore", found, case.walk.transitions[later])


def _corruption(case: _Case) -> None:
    for number in case.probes():
        env, state = case.at(number)
        for corrupt in _corrupted(state):
            what = f"restoring a state with snapshot {corrupt.snapshot}"
            _must_raise("corruption", what, partial(_restore, env, corrupt), SnapshotError)
        found = env.step(case.walk.actions[number])
        _equal("corruption", "the step after a refused restore", found, case.walk.transitions[number])


def _refusal(case: _Case) -> None:
    env, state = case.start()
    if not hasattr(env, "restore"):
        return
    error = _must_raise("refusal", "restoring without snapshots", partial(_restore, env, state), SnapshotError)
    if not any(word in str(error) for word in ("replay", "reset")):
        broken("refusal", f"the message does not say what is offered instead: {error}")


def _agreement(case: _Case) -> None:
    assert case.model is not None
    count = len(case.walk.actions)
    found = case.model.step(case.walk.states[:count], case.walk.actions, budget=Budget())
    for number, (simulated, live) in enumerate(zip(found, case.walk.transitions, strict=True)):
        _equal("agreement", f"simulated step {number + 1}", simulated, live)


def _isolation(case: _Case) -> None:
    """Simulating between live steps, from wherever the walk led, changes nothing in the live environment."""
    assert case.model is not None
    rng = np.random.default_rng(case.seed + 1)
    env, _ = case.start()
    probes = case.probes()
    for number, action in enumerate(case.walk.actions):
        if number in probes:
            starts = [case.walk.states[i] for i in probes]
            case.model.step(starts, [case.choose(state, rng) for state in starts], budget=Budget())
        _equal("isolation", f"live step {number + 1}", env.step(action), case.walk.transitions[number])


def _corrupted(state: State) -> Sequence[State]:
    assert state.snapshot is not None
    snapshots = [None, Snapshot(state.snapshot.key, object()), Snapshot("elsewhere", state.snapshot.payload)]
    return [replace(state, snapshot=snapshot) for snapshot in snapshots]


def _restore(env: Any, state: State) -> State:
    restored: State = env.restore(state)
    return restored


def _must_raise(law: str, what: str, act: Callable[[], object], kind: type[Exception]) -> Exception:
    try:
        act()
    except kind as error:
        return error
    except Exception as error:
        broken(law, f"{what} raised {type(error).__name__} instead of {kind.__name__}: {error}")
    broken(law, f"{what} raised nothing instead of {kind.__name__}")
