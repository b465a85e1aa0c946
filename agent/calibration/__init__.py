"""What a prior knows about an environment, measured without training: ``slinvit calibrate``."""

from agent.calibration.measure import Request, calibrate
from agent.calibration.tabular import calibrate_mdp
from agent.calibration.worlds import calibrate_worlds

__all__ = ["Request", "calibrate", "calibrate_mdp", "calibrate_worlds"]
