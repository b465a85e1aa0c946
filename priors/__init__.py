"""Language models, and what stands in for them, as distributions over actions."""

from slinvit.registry import Registry

PRIORS = Registry(
    kind="prior",
    targets={
        "bundled": "priors.local:bundled",
        "hf": "priors.local:from_spec",
        "uniform": "priors.simple:uniform",
        "scripted": "priors.simple:from_file",
    },
    group="slinvit.priors",
)
"""Names to functions ``(argument: str, options: Mapping[str, str]) -> Prior``."""

__all__ = ["PRIORS"]
