"""A remote model as a policy prior."""

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass, replace
from hashlib import sha256
from typing import Any, ClassVar

import numpy as np

from priors.remote.asking import Reading, Strategy, converse
from priors.remote.backend import Backend
from priors.remote.manners import Manners, backend
from priors.remote.options import Options
from priors.remote.probe import choose
from priors.remote.transport import Completer, RemoteError, Transport
from priors.reply import read_actions
from priors.simple import admissible
from priors.templates import Template, template
from slinvit.budget import Budget
from slinvit.errors import InputError
from slinvit.registry import Spec
from slinvit.types import ActionDistribution, State


@dataclass(frozen=True)
class RemotePrior:
    """The distribution over actions that ``strategy`` reads from a server's answers.

    Attributes:
        transport: to the server.
        strategy: the way.
        template: how a state becomes a prompt.
        origin: what identifies model and way, for records.
    """

    transport: Completer
    strategy: Strategy
    template: Template
    origin: Mapping[str, Any]
    batched: ClassVar[bool] = True

    @property
    def deterministic(self) -> bool:
        """Whether nothing is drawn at random."""
        return self.strategy.deterministic

    def propose(
        self, states: Sequence[State], *, k: int | None = None, budget: Budget, rng: np.random.Generator
    ) -> list[ActionDistribution]:
        """Return one distribution per state; all requests of a round are under way together.

        Where any text may be typed the proposals are the actions, at most ``k``, if the strategy lets the model write.
        """
        prompts = [self.template.prompt(state) for state in states]
        return self.distributions(prompts, list(map(self._actions, states)), k=k, budget=budget, rng=rng)

    def distributions(
        self,
        prompts: Sequence[str],
        candidates: Sequence[Sequence[str] | None],
        *,
        k: int | None = None,
        budget: Budget,
        rng: np.random.Generator,
    ) -> list[ActionDistribution]:
        """Return one distribution over ``candidates[i]`` behind ``prompts[i]``, without any environment.

        Spends one ``llm_calls`` each, before asking, whatever the number of requests.

        Raises:
            InputError: text that cannot be asked about this way.
            PriorError: the answers are no distribution.
            BudgetExceeded: nothing was asked.
        """
        budget.spend(llm_calls=len(prompts))
        conversations = [
            self.strategy.ask(prompt, listed, k=k, rng=rng) for prompt, listed in zip(prompts, candidates, strict=True)
        ]
        found = converse(self.strategy, conversations, self.transport, budget)
        read = [
            self._read(reading, k) if listed is None else reading
            for (reading, _), listed in zip(found, candidates, strict=True)
        ]
        return [
            replace(
                ActionDistribution.normalised(
                    reading.actions, reading.scores, method=self.strategy.method, usage=usage
                ),
                unmatched=reading.unmatched,
            )
            for reading, (_, usage) in zip(read, found, strict=True)
        ]

    def situation(self, state: State) -> Hashable:
        """Return what the answer depends on: the prompt and the candidates."""
        return self.template.prompt(state), state.actions

    def provenance(self) -> Mapping[str, Any]:
        """Return model, server, strategy and what the probe found."""
        return self.origin

    def _read(self, reading: Reading, k: int | None) -> Reading:
        """Return the actions in the replies of ``reading``, where the template says what a reply is."""
        if self.template.reply is None:
            return reading
        shares = np.exp(reading.scores)
        found = read_actions(self.template.reply, reading.actions, reading.scores, shares, k)
        return Reading(found.actions, found.log_weights, 1 - (1 - reading.unmatched) * (1 - found.unmatched))

    def _actions(self, state: State) -> tuple[str, ...] | None:
        if state.actions is not None or not self.strategy.open_ended:
            return admissible(state)
        return None


def openai(spec: Spec) -> RemotePrior:
    """Any OpenAI-compatible server: openai:MODEL@BASE_URL,strategy=...,template=...; see docs/backends.md."""
    if not spec.argument:
        raise InputError("--prior openai:MODEL or openai:MODEL@BASE_URL needs the name of a model")
    options = Options.of(spec)
    model, url = backend(spec.argument)
    manners, _ = Manners.split(spec)
    return connect(Backend(Transport(url, manners), url, model, options))


def connect(server: Backend) -> RemotePrior:
    """Return the prior over ``server``; raises ``InputError`` where it does not offer what is wanted."""
    form = template(server.options.template)
    try:
        choice = choose(server)
    except RemoteError as error:
        raise InputError(str(error)) from error
    origin = {
        "model": server.model,
        "url": server.url,
        "strategy": choice.strategy.name,
        "method": choice.strategy.method,
        "how": {key: str(value) for key, value in vars(choice.strategy).items()},
        "options": dict(server.options.given()),
        "prompt": sha256(form.form.encode()).hexdigest()[:8],
        "probe": dict(choice.findings),
    }
    return RemotePrior(server.transport, choice.strategy, form, origin)


__all__ = ["RemotePrior", "connect", "openai"]
