"""How good is a state: rules, Monte-Carlo rollouts, learned weights, exact distances for tests, graders as oracles.

Planners ask for the value of states in which the episode goes on; where it is over the return to go is 0, so what an
estimator says there (``obstacles``: 1000 at the goal) never enters a search. Open-ended episodes that ended without
being solved are the exception: what their end earned only the grader knows, so it is estimated.
"""

from collections.abc import Mapping
from dataclasses import replace

from slinvit.protocols import Prior, Simulator, ValueEstimator
from slinvit.registry import Registry

VALUES = Registry(
    kind="value estimator",
    targets={
        "goals-met": "value_estimators.blocksworld:goals_met",
        "obstacles": "value_estimators.blocksworld:obstacles",
        "subgoals": "value_estimators.alfworld:subgoals",
        "evidence": "value_estimators.intercode.evidence:evidence",
        "executes": "value_estimators.intercode.executes:executes",
        "shape": "value_estimators.intercode.shape:shape",
        "agreement": "value_estimators.intercode.agreement:agreement",
        "learned-answer": "value_estimators.intercode.learned:learned_answer",
        "oracle": "value_estimators.intercode.oracle:oracle",
        "critic": "value_estimators.critic:critic",
        "rollout": "value_estimators.rollout:rollout",
        "learned": "value_estimators.learned:learned",
        "zero": "value_estimators.zero:zero",
        "exact": "value_estimators.blocksworld:exact",
    },
    group="slinvit.value_estimators",
)
"""Names to functions ``(spec: Spec, *, prior: Prior, simulator: Simulator) -> ValueEstimator``."""


def build(text: str, *, prior: Prior, simulator: Simulator, run: Mapping[str, str] | None = None) -> ValueEstimator:
    """Return the value estimator that ``text`` names, ``NAME:ARGUMENT,key=value,...``.

    Args:
        text: for example ``goals-met``, ``rollout:n=4,depth=8`` or ``learned:FOLDER``.
        prior: of the run; rollouts follow it.
        simulator: of the run; rollouts advance in it.
        run: options of everything in this run that asks a remote model; see :attr:`slinvit.registry.Spec.run`.

    Raises:
        InputError: an unknown name or option, or a value that cannot be used.
    """
    factory, spec = VALUES.split(text)
    estimator: ValueEstimator = factory(replace(spec, run=run or {}), prior=prior, simulator=simulator)
    return estimator


def is_oracle(estimator: ValueEstimator) -> bool:
    """Say whether ``estimator`` reads what only a grader knows; plug-ins say so with an attribute ``oracle``."""
    return bool(getattr(estimator, "oracle", False))


__all__ = ["VALUES", "build", "is_oracle"]
