"""The shared words of the library: states, actions, distributions, budgets, errors, KL algebra."""

from slinvit.budget import RESOURCES, Budget, Ledger
from slinvit.errors import (
    BudgetExceeded,
    EnvironmentFailure,
    InputError,
    MissingExtra,
    PriorError,
    RecordError,
    SlinvitError,
    SnapshotError,
    UnknownName,
)
from slinvit.protocols import Environment, Planner, Prior, Restorable, Simulator, ValueEstimator
from slinvit.tree import Node, Plan, SearchTree, StoppedBy
from slinvit.types import (
    Action,
    ActionDistribution,
    FloatArray,
    Method,
    Snapshot,
    State,
    Task,
    Transition,
    Usage,
)

__all__ = [
    "RESOURCES",
    "Action",
    "ActionDistribution",
    "Budget",
    "BudgetExceeded",
    "Environment",
    "EnvironmentFailure",
    "FloatArray",
    "InputError",
    "Ledger",
    "Method",
    "MissingExtra",
    "Node",
    "Plan",
    "Planner",
    "Prior",
    "PriorError",
    "RecordError",
    "Restorable",
    "SearchTree",
    "Simulator",
    "SlinvitError",
    "Snapshot",
    "SnapshotError",
    "State",
    "StoppedBy",
    "Task",
    "Transition",
    "UnknownName",
    "Usage",
    "ValueEstimator",
]
