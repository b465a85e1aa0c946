"""The comparisons behind docs/results/blocksworld.md, by figure and task set."""

import math
from typing import Any

from agent.grid import Comparison

LISTS = ("step_4", "step_6", "step_8")
TEN = "random:100,blocks=4-6,length=10,seed=101"
TWELVE = "random:100,blocks=4-6,length=12,seed=102"
MIXED = "random:100,blocks=4-7,length=6-12,seed=103"
LARGER = "random:60,blocks=8-10,length=14-22,seed=104"
LONG = {"10 steps": TEN, "12 steps": TWELVE}
SLINVIT = "bundled prior + SLINVIT"
UNIFORM = "uniform prior + SLINVIT"


def figures() -> dict[str, dict[str, Comparison]]:
    """Return task set to comparison, by figure; lists such as ``step_4`` are found through SLINVIT_DATA."""
    problems = {name: name for name in LISTS} | LONG
    return {
        "success": {name: _comparison(tasks, _SUCCESS) for name, tasks in problems.items()},
        "lam": {name: _comparison(problems[name], _LAM) for name in ("step_6", "step_8", "10 steps")},
        "control": {name: _comparison(name, _CONTROL, horizon="1x") for name in ("step_4", "step_6")},
        "variants": {"12 steps": _comparison(TWELVE, _VARIANTS)},
        "larger": {"8-10 blocks": _comparison(LARGER, _SUCCESS)},
        "values": {"6-12 steps": _comparison(MIXED, _VALUES)},
        "llm_calls": {"6-12 steps": _comparison(MIXED, _PLANNERS + _NO_MODEL[:2], budgets={"llm_calls": _CALLS})},
        "sim_steps": {"6-12 steps": _comparison(MIXED, _PLANNERS + _NO_MODEL, budgets={"sim_steps": _STEPS})},
    }


def _comparison(tasks: str, settings: list[dict[str, Any]], **more: Any) -> Comparison:
    return Comparison.model_validate({"tasks": tasks, "settings": settings, **more})


def _slinvit(name: str, **choice: Any) -> dict[str, Any]:
    defaults = {"planner": "slinvit", "breadth": 2, "depth": 4, "lam": 0.3, "expand": "prior"}
    return {"name": name, **defaults, **choice}


_CALLS = [4, 8, 16, 32, 64]
_STEPS = [10, 20, 40, 80, 160, 320]

_PRIOR_ALONE = [
    {"name": "prior alone", "planner": "greedy:mask=false", "value": "zero"},
    {"name": "prior alone, no state twice", "planner": "greedy:mask=true", "value": "zero"},
]

_SUCCESS = [
    _slinvit(SLINVIT),
    _slinvit(UNIFORM, prior="uniform"),
    *_PRIOR_ALONE,
    _slinvit("value alone: all actions simulated", prior="uniform", expand="all", lam=0),
]

_LAM = [
    *(_slinvit(f"bundled N=2 k=2 lam={lam:g}", depth=2, lam=lam) for lam in (0, 0.3, 1)),
    _slinvit("bundled N=2 k=2 lam=1, whole path", depth=2, lam=1, execute="path"),
    _slinvit("uniform N=2 k=2", prior="uniform", depth=2),
    _slinvit("uniform N=4 k=2", prior="uniform"),
    _slinvit("uniform N=4 k=2, whole path", prior="uniform", execute="path"),
]

_CONTROL = [
    _slinvit(
        f"{value}, N={depth} k={breadth}",
        prior="uniform",
        value=value,
        expand="all",
        scoring="paper-code",
        mask=False,
        options={"merge": False},
        lam=0.0,
        depth=depth,
        breadth=breadth,
    )
    for value in ("obstacles", "goals-met")
    for depth, breadth in ((1, 1), (2, 2), (5, 2), (5, 3))
]

_VARIANTS = [
    _slinvit(SLINVIT),
    _slinvit("lam=0", lam=0),
    _slinvit("lam=1", lam=1),
    _slinvit("lam=inf", lam=math.inf),
    _slinvit("whole path", execute="path"),
    _slinvit("soft backup", backup="soft"),
    _slinvit("probability instead of log (paper-code)", scoring="paper-code"),
    _slinvit("strict mask (backtrack=false)", backtrack=False),
    _slinvit("no mask", mask=False),
    _slinvit("no merging", options={"merge": False}),
    _slinvit("all actions simulated", expand="all"),
    _slinvit("prior tempered to 3", prior="bundled:temperature=3"),
    _slinvit("half uniform prior", prior="bundled:uniform=0.5"),
]

_VALUES = [
    _slinvit(f"{prior}, {value}", prior=prior, value=value, depth=2)
    for value in ("zero", "goals-met", "obstacles", "learned", "rollout:n=2,depth=6")
    for prior in ("bundled", "uniform")
]

_PLANNERS = [
    _slinvit("slinvit N=4"),
    _slinvit("slinvit N=2 lam=1", depth=2, lam=1),
    {"name": "best-first lam=0.3", "planner": "best-first", "lam": 0.3},
    {"name": "levin", "planner": "levin", "value": "zero"},
    {"name": "beam", "planner": "beam"},
    {"name": "mcts", "planner": "mcts"},
    {"name": "smc", "planner": "smc"},
    {"name": "best-of-n", "planner": "best-of-n"},
    *_PRIOR_ALONE,
]

_NO_MODEL = [
    _slinvit("uniform slinvit N=4", prior="uniform"),
    {"name": "uniform best-first (value alone)", "planner": "best-first", "prior": "uniform", "lam": 0},
    {"name": "uniform levin", "planner": "levin", "prior": "uniform", "value": "zero"},
    {"name": "uniform mcts", "planner": "mcts", "prior": "uniform"},
    {"name": "breadth-first", "planner": "breadth-first", "prior": "uniform", "value": "zero"},
    {"name": "random walk", "planner": "random", "prior": "uniform", "value": "zero"},
]
