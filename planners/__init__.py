"""SLINVIT and the searches it is compared with."""

from planners.answers import Request, Stopwatch
from planners.base import SearchPlanner, TreePlanner, planning
from planners.building import PLANNERS, Option, build, options, settings
from planners.driver import Course, course, drive, drive_together
from planners.graph import expansions, levin_bound
from planners.parts import Parts
from planners.questions import Estimate, Propose, Question, Search, Simulate
from planners.slinvit import Slinvit

__all__ = [
    "PLANNERS",
    "Course",
    "Estimate",
    "Option",
    "Parts",
    "Propose",
    "Question",
    "Request",
    "Search",
    "SearchPlanner",
    "Simulate",
    "Slinvit",
    "Stopwatch",
    "TreePlanner",
    "build",
    "course",
    "drive",
    "drive_together",
    "expansions",
    "levin_bound",
    "options",
    "planning",
    "settings",
]
