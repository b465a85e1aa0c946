"""Local causal language models, through transformers, as exact priors over admissible actions."""

import logging
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, cast

import numpy as np

from priors.generation import Proposals, generate
from priors.loading import load_scorer, origin
from priors.normalisation import Kind, Normalisation
from priors.reply import read_actions
from priors.sampling import Sampling, sampling_from
from priors.simple import admissible, check_options
from priors.templates import Template, check_blocksworld, template
from slinvit.budget import Budget
from slinvit.errors import InputError
from slinvit.registry import Spec
from slinvit.types import ActionDistribution, State

if TYPE_CHECKING:
    from priors.scoring import CandidateScorer

logger = logging.getLogger(__name__)

SUM, ANY_TEXT = Normalisation(), Sampling()
BUNDLED = "assets/blocksworld"
_SAMPLING = tuple(asdict(Sampling()))
_NORMALISATION = ("normalise", "null")
_LOADING = ("device", "dtype", "chat", "revision", "memory")
_OPTIONS = (*_LOADING, "template", "terminator", *_NORMALISATION, *_SAMPLING)


@dataclass(frozen=True)
class LocalPrior:
    """log p(action | prompt) of every admissible action, normalised over them.

    Where any text may be typed, actions are drawn from the model and normalised over those drawn. Equal states with
    listed actions get equal answers; see :meth:`draws`.

    Attributes:
        scorer: the model.
        template: how a state becomes a prompt.
        origin: what identifies the model, for records.
        normalisation: how candidates of different length are compared.
        sampling: how actions are drawn where any text may be typed.
    """

    scorer: "CandidateScorer"
    template: Template
    origin: Mapping[str, Any]
    normalisation: Normalisation = SUM
    sampling: Sampling = ANY_TEXT
    deterministic: ClassVar[bool] = True
    batched: ClassVar[bool] = True

    def propose(
        self, states: Sequence[State], *, k: int | None = None, budget: Budget, rng: np.random.Generator
    ) -> list[ActionDistribution]:
        """Return the model's distribution over the admissible actions of each state; all states in one batch.

        Where none are listed: up to ``k`` distinct actions drawn from the model, with their log-probabilities.
        """
        listed = [state for state in states if not self.draws(state)]
        prompts = [self.template.prompt(state) for state in listed]
        known = self.distributions(prompts, [admissible(state) for state in listed], budget=budget)
        free = [self.template.prompt(state) for state in states if self.draws(state)]
        drawn = iter(self.drawn(free, k, budget=budget, rng=rng) if free else [])
        rest = iter(known)
        return [next(drawn if self.draws(state) else rest) for state in states]

    def draws(self, state: State) -> bool:
        """Say whether the answer in ``state`` is drawn at random: where no actions are listed."""
        return state.actions is None

    def distributions(
        self, prompts: Sequence[str], candidates: Sequence[Sequence[str]], *, budget: Budget
    ) -> list[ActionDistribution]:
        """Return one distribution over ``candidates[i]`` behind ``prompts[i]``, without any environment.

        Raises:
            InputError: text that this model was not made for, or that its tokenizer cannot keep apart.
            TooLong: a text is too long for the model or the memory.
            PriorError: the model gave no finite log-probability.
            BudgetExceeded: nothing was asked.
        """
        for prompt, listed in zip(prompts, candidates, strict=True):
            if not listed or len(set(listed)) < len(listed):
                raise InputError(f"candidates must be at least one, each listed once; found {list(listed)[:5]}")
            if self.template.check is not None:
                self.template.check(prompt, listed)
        budget.spend(llm_calls=len(prompts))
        scored = self.scorer.score(prompts, candidates)
        budget.charge(
            prompt_tokens=sum(scores.usage.prompt_tokens for scores in scored),
            tokens_forwarded=sum(scores.usage.tokens_forwarded for scores in scored),
        )
        compared = self.normalisation.apply(self.scorer, prompts, candidates, scored, budget=budget)
        return [
            ActionDistribution.normalised(listed, scores.log_probs, method="exact", usage=scores.usage)
            for listed, scores in zip(candidates, compared, strict=True)
        ]

    def drawn(
        self, prompts: Sequence[str], k: int | None = None, *, budget: Budget, rng: np.random.Generator
    ) -> list[ActionDistribution]:
        """Return one distribution over up to ``k`` drawn texts behind each prompt; see :func:`generation.generate`.

        Where the template says what a reply is, over the actions in what was drawn: spellings of one add up.

        Raises:
            PriorError: nothing that ended was drawn, or nothing that holds an action.
        """
        if self.template.check is not None:
            for prompt in prompts:
                self.template.check(prompt, ())
        key = None if self.template.reply is None else self.template.reply.key
        found = generate(self.scorer, prompts, k, sampling=self.sampling, key=key, budget=budget, rng=rng)
        texts = [each.texts for each in found]
        compared = self.normalisation.apply(self.scorer, prompts, texts, found, budget=budget)
        return list(map(self._distribution, compared))

    def _distribution(self, drawn: Proposals) -> ActionDistribution:
        reply = self.template.reply
        if reply is None:
            return ActionDistribution.normalised(drawn.texts, drawn.log_probs, method="sampled", usage=drawn.usage)
        weights = np.log(drawn.counts) if reply.thoughts else drawn.log_probs
        read = read_actions(reply, drawn.texts, weights, drawn.counts)
        found = ActionDistribution.normalised(read.actions, read.log_weights, method="sampled", usage=drawn.usage)
        return replace(found, unmatched=read.unmatched)

    def fresh(self) -> "LocalPrior":
        """Return this prior with an empty cache: runs that start from one do not depend on what was asked before."""
        return replace(self, scorer=self.scorer.fresh())

    def situation(self, state: State) -> Hashable:
        """Return what the answer depends on: the prompt and the candidates."""
        return self.template.prompt(state), state.actions

    def provenance(self) -> Mapping[str, Any]:
        """Return name, hash and versions of the model, and what was chosen."""
        return {**self.origin, **self.normalisation.provenance()}


def bundled(spec: Spec) -> LocalPrior:
    """The small BlocksWorld model that ships with the package (0.9 M parameters); options dtype, normalise, null."""
    check_options(spec, ("dtype", *_NORMALISATION))
    with resources.as_file(resources.files("priors") / BUNDLED) as folder:
        scorer = load_scorer(str(folder), name="bundled", dtype=spec.options.get("dtype", "float32"))
        found = origin("bundled", folder)
    base = template("blocksworld")
    written = Template(base.name, base.form, check_blocksworld)
    return LocalPrior(scorer, written, {**found, **spec.options}, _normalisation(spec.options, base))


def from_spec(spec: Spec) -> LocalPrior:
    """Any causal language model: a folder or a hub id; options for loading, prompt, normalisation and drawing."""
    check_options(spec, _OPTIONS)
    if not spec.argument:
        raise InputError("--prior hf:PATH_OR_ID needs a model folder or a hub id")
    options = dict(spec.options)
    written = template(options.get("template", "plain"))
    normalisation, sampling = _normalisation(options, written), _sampling(options, written)
    scorer = load_scorer(
        spec.argument,
        name=spec.argument,
        **{key: options[key] for key in _LOADING if key in options},
        **({"terminator": options["terminator"].replace("\\n", "\n")} if "terminator" in options else {}),
    )
    if written.reply is not None and not scorer.chat and "terminator" not in options:
        scorer = replace(scorer, terminator=written.reply.terminator)
    if "{history}" in written.form and not scorer.keeps_beginnings():
        logger.warning(
            "the chat template of %r rewrites the beginning of a prompt when it grows: scores stay exact, but the "
            "states of an episode share fewer tokens; chat=no avoids it",
            spec.argument,
        )
    folder = Path(spec.argument)
    found = origin(spec.argument, folder if folder.is_dir() else None)
    commit = getattr(scorer.model.config, "_commit_hash", None)
    pinned = {} if commit is None else {"commit": commit}
    return LocalPrior(scorer, written, {**found, **pinned, **options}, normalisation, sampling)


def _sampling(options: Mapping[str, str], written: Template) -> Sampling:
    """Return the sampling asked for, long enough for the replies of this template where nothing is said."""
    longest = {} if written.reply is None else {"max_new_tokens": str(written.reply.longest)}
    return sampling_from({**longest, **options})


def _normalisation(options: Mapping[str, str], written: Template) -> Normalisation:
    """Return the normalisation asked for; raises ``InputError`` for a null prompt that nothing would read."""
    kind = options.get("normalise", "sum")
    null = options["null"].replace("\\n", "\n") if "null" in options else written.null
    found = Normalisation(cast(Kind, kind), null)
    if "null" in options and kind != "pmi":
        raise InputError(f"null= is read with normalise=pmi only, not with normalise={kind}; leave it out")
    if kind != "sum" and written.reply is not None and written.reply.thoughts:
        raise InputError(f"normalise={kind}: template={written.name} counts what was drawn; leave it out")
    return found


__all__ = ["BUNDLED", "LocalPrior", "bundled", "from_spec", "load_scorer"]
