"""SLINVIT and the searches it is compared with."""

from planners.base import SearchPlanner, TreePlanner
from planners.building import PLANNERS, Option, build, options, settings
from planners.driver import Job, drive, plan_together
from planners.graph import expansions, levin_bound
from planners.parts import Parts
from planners.questions import Estimate, Propose, Question, Search, Simulate
from planners.slinvit import Slinvit

__all__ = [
    "PLANNERS",
    "Estimate",
    "Job",
    "Option",
    "Parts",
    "Propose",
    "Question",
    "Search",
    "SearchPlanner",
    "Simulate",
    "Slinvit",
    "TreePlanner",
    "build",
    "drive",
    "expansions",
    "levin_bound",
    "options",
    "plan_together",
    "settings",
]
