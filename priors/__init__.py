"""Language models, and what stands in for them, as distributions over actions."""

from collections.abc import Callable, Mapping

from priors.combinators import (
    Adversarial,
    MaskVisited,
    Metered,
    MixedWithUniform,
    Remembering,
    Tempered,
    is_deterministic,
    provenance,
    remember,
)
from priors.simple import Scripted, Uniform
from slinvit.errors import InputError
from slinvit.protocols import Prior
from slinvit.registry import Registry, Spec

PRIORS = Registry(
    kind="prior",
    targets={
        "bundled": "priors.local:bundled",
        "hf": "priors.local:from_spec",
        "uniform": "priors.simple:uniform",
        "openai": "priors.remote.prior:openai",
        "recorded": "priors.recorded:recorded",
        "scripted": "priors.simple:from_file",
        "placement": "priors.alfworld.placement:placement",
        "expert": "priors.alfworld.placement:expert",
        "guesses": "priors.intercode.guesses:guesses",
        "walkthrough": "priors.alfworld.walkthrough:walkthrough",
    },
    group="slinvit.priors",
)
"""Names to functions ``(spec: Spec) -> Prior``."""

_COMBINATORS: dict[str, Callable[[Prior, str], Prior]] = {
    "temperature": lambda prior, value: Tempered(prior, _number("temperature", value)),
    "uniform": lambda prior, value: MixedWithUniform(prior, _number("uniform", value)),
    "mask": lambda prior, value: MaskVisited(prior) if _flag("mask", value) else prior,
    "metered": lambda prior, value: Metered(prior) if _flag("metered", value) else prior,
    "adversarial": lambda prior, value: Adversarial(prior) if _flag("adversarial", value) else prior,
}


def build(text: str, *, run: Mapping[str, str] | None = None) -> Prior:
    """Return the prior that ``text`` names, ``NAME:ARGUMENT,key=value,...``.

    Every prior takes the options ``temperature=T``, ``uniform=W`` (mix with the uniform prior, weight W), ``mask=true``
    (exclude actions already tried in the same situation), ``adversarial=true`` (1 / p, a control) and ``metered=true``
    (count a call per state, as a model would cost), applied in the order written; the others are its own.

    Args:
        text: the spec.
        run: options of everything in this run that asks a remote model; see :attr:`slinvit.registry.Spec.run`.

    Raises:
        InputError: an unknown name or option, or a model that cannot be loaded.
    """
    factory, spec = PRIORS.split(text)
    own = {key: value for key, value in spec.options.items() if key not in _COMBINATORS}
    prior: Prior = factory(Spec(spec.name, spec.argument, own, run or {}))
    for key, value in spec.options.items():
        if key in _COMBINATORS:
            prior = _COMBINATORS[key](prior, value)
    return prior


def _number(key: str, value: str) -> float:
    try:
        return float(value)
    except ValueError:
        raise InputError(f"the prior option {key}={value} needs a number") from None


def _flag(key: str, value: str) -> bool:
    if value.lower() not in ("true", "false"):
        raise InputError(f"the prior option {key}={value} must be true or false")
    return value.lower() == "true"


__all__ = [
    "PRIORS",
    "Adversarial",
    "MaskVisited",
    "Metered",
    "MixedWithUniform",
    "Remembering",
    "Scripted",
    "Tempered",
    "Uniform",
    "build",
    "is_deterministic",
    "provenance",
    "remember",
]
