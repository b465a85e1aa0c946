"""What a planner is built from."""

from dataclasses import dataclass

from slinvit.protocols import Prior, Simulator, ValueEstimator


@dataclass(frozen=True)
class Parts:
    """The three that answer a search's questions; planners and episodes may share them.

    Attributes:
        prior: which actions are likely.
        simulator: what an action would do.
        value: how good a state is.
    """

    prior: Prior
    simulator: Simulator
    value: ValueEstimator
