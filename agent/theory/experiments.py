"""The registry of experiments."""

from agent.theory.contests import CONTESTS
from agent.theory.curves import CURVES
from agent.theory.experiment import Experiment
from agent.theory.sweeps import SWEEPS
from slinvit.errors import UnknownName

EXPERIMENTS: dict[str, Experiment] = {each.name: each for each in (*SWEEPS, *CONTESTS, *CURVES)}


def experiment(name: str) -> Experiment:
    """Return the experiment called ``name``.

    Raises:
        UnknownName: there is none.
    """
    if name not in EXPERIMENTS:
        raise UnknownName("experiment", name, EXPERIMENTS)
    return EXPERIMENTS[name]
