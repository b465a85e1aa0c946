"""What may be spent, and what was."""

import math
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, fields

from slinvit.errors import BudgetExceeded, InputError, did_you_mean


@dataclass(frozen=True, slots=True)
class Ledger:
    """What was spent; ledgers add up.

    Attributes:
        llm_calls: prompts a model scored or completed.
        prompt_tokens: tokens of those prompts.
        tokens_forwarded: tokens the model really computed, prompts and candidates, after caching.
        completion_tokens: tokens the model generated.
        env_steps: actions executed in the live environment.
        sim_steps: transitions simulated while planning.
        nodes: nodes added to search trees.
        seconds: wall-clock time.
        usd: price of remote calls.
    """

    llm_calls: int = 0
    prompt_tokens: int = 0
    tokens_forwarded: int = 0
    completion_tokens: int = 0
    env_steps: int = 0
    sim_steps: int = 0
    nodes: int = 0
    seconds: float = 0.0
    usd: float = 0.0

    def __add__(self, other: "Ledger") -> "Ledger":
        mine, theirs = asdict(self), asdict(other)
        return Ledger(**{name: mine[name] + theirs[name] for name in mine})

    def as_dict(self) -> dict[str, float]:
        """Return the amounts by resource name."""
        return asdict(self)


RESOURCES = tuple(field.name for field in fields(Ledger))


class Budget:
    """Limits on resources, shared down a tree: what a child spends, its parents spend too.

    Whoever spends asks first: :meth:`spend` either books everything or raises and books nothing. Costs that are known
    only afterwards (tokens) are booked with :meth:`charge`, which knows no limits; the next :meth:`spend` then raises.

    Args:
        limits: most that may be spent by resource name; a resource without a limit is only counted.
        parent: budget that is charged too.
        clock: seconds, monotonic.
    """

    def __init__(
        self,
        limits: Mapping[str, float] | None = None,
        *,
        parent: "Budget | None" = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._limits = dict(limits or {})
        for name, limit in self._limits.items():
            _check(name)
            if math.isnan(limit) or limit < 0:
                raise InputError(f"the limit on {name} must be 0 or more, not {limit}")
        self._parent = parent
        self._limited: tuple[str, ...] = tuple(
            dict.fromkeys((*self._limits, *(() if parent is None else parent._limited)))
        )
        self._clock = clock
        self._start = clock()
        self._spent: dict[str, float] = dict.fromkeys(RESOURCES, 0)

    def child(self, limits: Mapping[str, float] | None = None) -> "Budget":
        """Return a budget of its own that also charges this one."""
        return Budget(limits, parent=self, clock=self._clock)

    @property
    def root(self) -> "Budget":
        """The budget above all parents; those who have another one share no limit with this one."""
        return self if self._parent is None else self._parent.root

    def remaining(self, resource: str) -> float:
        """Return how much of ``resource`` may still be spent here and in every parent; ``inf`` without a limit."""
        _check(resource)
        own = self._limits.get(resource, math.inf) - self._used(resource)
        return own if self._parent is None else min(own, self._parent.remaining(resource))

    def spend(self, **amounts: float) -> None:
        """Book ``amounts`` by resource name, all or nothing.

        Raises:
            BudgetExceeded: a limit here or in a parent would be passed; time that has run out counts as passed.
        """
        for name in self._limited if amounts else ():
            if not self._covers(name, asked := amounts.get(name, 0)):
                raise BudgetExceeded(name, asked, max(self.remaining(name), 0))
        self.charge(**amounts)

    def allows(self, **amounts: float) -> bool:
        """Say whether :meth:`spend` would book ``amounts``."""
        return all(self._covers(name, amounts.get(name, 0)) for name in self._limited)

    def charge(self, **amounts: float) -> None:
        """Book what has already been spent; raises ``InputError``, booking nothing, for what is no amount."""
        for name, amount in amounts.items():
            _check(name)
            if not 0 <= amount < math.inf:
                raise InputError(f"an amount of {name} must be 0 or more and finite, not {amount}")
        for name, amount in amounts.items():
            self._spent[name] += amount
        if self._parent is not None:
            self._parent.charge(**amounts)

    def ledger(self) -> Ledger:
        """Return what was spent so far; seconds run from creation."""
        spent = {name: int(amount) for name, amount in self._spent.items() if name not in ("seconds", "usd")}
        return Ledger(**spent, seconds=self._used("seconds"), usd=self._spent["usd"])

    def _covers(self, resource: str, amount: float) -> bool:
        left = self.remaining(resource)
        return left >= 0 and amount <= left

    def _used(self, resource: str) -> float:
        return self._clock() - self._start if resource == "seconds" else self._spent[resource]


def _check(name: str) -> None:
    if name not in RESOURCES:
        raise InputError(f"unknown resource {name!r}{did_you_mean(name, RESOURCES)}; known: {', '.join(RESOURCES)}")
