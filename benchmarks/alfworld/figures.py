"""The comparisons behind docs/results/alfworld.md, by figure and part; look-ahead and reactive are never in one."""

from pathlib import Path
from typing import Any, TypeAlias

from agent.grid import Comparison

Choices: TypeAlias = list[dict[str, Any]]

TASKS = "valid_seen"
SEEDS = (0, 1, 2)
LAM = 0.01
"""Chosen on valid_train, where 0.003, 0.01 and 0.03 do equally well with the placement prior."""
LAMBDAS = [0, 0.003, 0.01, 0.03, 0.1, 0.3, 1]
SIM_STEPS = [5, 10, 20, 40, 80, 160, 320]
PRIOR_CALLS = [2, 4, 8, 16, 32, 64]
TRIALS = 5
PAIR = "placement N=2 k=3 sampled"
REACTIVE = "placement, reactive"


def figures(tasks: str = TASKS, walkthroughs: Path = Path("walkthroughs.json")) -> dict[str, dict[str, Comparison]]:
    """Return part to comparison, by figure; ``walkthroughs`` holds the stored solutions of the tasks."""
    return {
        "lookahead": {
            "no draws": _comparison(tasks, _LOOKAHEAD),
            **{f"seed {seed}": _comparison(tasks, _SAMPLED, seed=seed) for seed in SEEDS},
        },
        "robustness": {f"seed {seed}": _comparison(tasks, _ROBUSTNESS, seed=seed) for seed in SEEDS},
        "lam": {"N=1, all commands": _comparison(tasks, _LAM, grid={"lam": LAMBDAS})},
        "reactive": {f"seed {seed}": _comparison(tasks, _REACTIVE, seed=seed, simulator="none") for seed in SEEDS},
        "references": {"oracle and expert": _comparison(tasks, _references(walkthroughs), simulator="none")},
        "trials": {f"{TRIALS} trials": _comparison(tasks, _TRIALS, simulator="none", trials=TRIALS)},
        "ablation": {"all": _comparison(tasks, _ABLATION)},
        "baselines": {"seed 0": _comparison(tasks, _BASELINES, max_sim_steps=5000)},
        "sim_steps": {"all": _comparison(tasks, _CURVES + _WITHOUT_PRIOR, budgets={"sim_steps": SIM_STEPS})},
        "prior_calls": {"all": _comparison(tasks, _metered(_CURVES), budgets={"llm_calls": PRIOR_CALLS})},
    }


def _comparison(tasks: str, settings: Choices, **more: Any) -> Comparison:
    shared = {"env": "alfworld", "tasks": tasks, "value": "subgoals"}
    return Comparison.model_validate({**shared, "settings": settings, **more})


def _slinvit(
    name: str, prior: str, depth: int, breadth: int, *, proposals: str = "top", **choice: Any
) -> dict[str, Any]:
    options = {"proposals": proposals}
    shared = {"planner": "slinvit", "lam": LAM, "options": options}
    return {"name": name, "prior": prior, "depth": depth, "breadth": breadth, **shared, **choice}


def _everything(name: str, prior: str = "uniform", **choice: Any) -> dict[str, Any]:
    """One step of look-ahead over all commands."""
    return _slinvit(name, prior, 1, 1, **{"expand": "all", "lam": 0.0, **choice})


def _whole_path(name: str, **choice: Any) -> dict[str, Any]:
    """Two steps of look-ahead over all pairs of commands; the whole path is executed."""
    return _slinvit(name, "uniform", 2, 99, **{"expand": "all", "execute": "path", "lam": 0.0, **choice})


_LOOKAHEAD = [
    _everything("uniform N=1, all commands"),
    _whole_path("uniform N=2, all commands, whole path"),
    _slinvit("placement N=1 k=3", "placement", 1, 3),
    _slinvit("placement N=1 k=2", "placement", 1, 2),
    _slinvit("uniform N=1 k=2", "uniform", 1, 2),
    _slinvit("uniform N=2 k=3", "uniform", 2, 3),
    _slinvit("placement N=2 k=3", "placement", 2, 3),
    _slinvit("placement N=2 k=3, whole path", "placement", 2, 3, execute="path"),
    _slinvit("expert N=2 k=3", "expert", 2, 3),
]

_SAMPLED = [
    _slinvit(PAIR, "placement", 2, 3, proposals="sampled"),
    _slinvit("placement N=1 k=3 sampled", "placement", 1, 3, proposals="sampled"),
    _slinvit("placement N=1 k=2 sampled", "placement", 1, 2, proposals="sampled"),
    _slinvit("uniform N=1 k=2", "uniform", 1, 2),
]

_ROBUSTNESS = [
    _slinvit("mixed with 0.7 uniform, N=2 k=5 sampled", "placement:uniform=0.7", 2, 5, proposals="sampled"),
    _slinvit("mixed with 0.9 uniform, N=2 k=5 sampled", "placement:uniform=0.9", 2, 5, proposals="sampled"),
    _slinvit("mixed with 0.9 uniform, N=1 k=5 sampled", "placement:uniform=0.9", 1, 5, proposals="sampled"),
    _slinvit("inverted rates, N=2 k=3 sampled", "placement:rates=inverted", 2, 3, proposals="sampled"),
    _slinvit("inverted rates, N=2 k=3 top", "placement:rates=inverted", 2, 3),
    _slinvit("adversarial, N=2 k=5 sampled", "placement:adversarial=true", 2, 5, proposals="sampled"),
]

_LAM = [
    {**_everything(name, prior), "lam": None}
    for name, prior in (
        ("expert", "expert"),
        ("placement", "placement"),
        ("adversarial expert", "expert:adversarial=true"),
        ("adversarial placement", "placement:adversarial=true"),
    )
]

_REACTIVE = [
    {"name": REACTIVE, "planner": "reactive", "prior": "placement"},
    {"name": "placement, reactive, without the value", "planner": "reactive", "prior": "placement", "value": "zero"},
    {"name": "placement, greedy, nothing tried twice", "planner": "greedy:mask=false", "prior": "placement:mask=true"},
    {"name": "placement, greedy", "planner": "greedy:mask=false", "prior": "placement"},
    {"name": "inverted rates, reactive", "planner": "reactive", "prior": "placement:rates=inverted"},
    {"name": "uniform, reactive", "planner": "reactive", "prior": "uniform"},
    {"name": "random", "planner": "random", "prior": "uniform", "value": "zero"},
    {"name": "expert, greedy (upper reference)", "planner": "greedy:mask=false", "prior": "expert:mask=true"},
]

_TRIALS = [
    {"name": REACTIVE, "planner": "reactive", "prior": "placement"},
    {"name": "placement, greedy, nothing tried twice", "planner": "greedy:mask=false", "prior": "placement:mask=true"},
    {"name": "placement, greedy", "planner": "greedy:mask=false", "prior": "placement"},
]

_PARTS = ("proximity", "found", "novelty")
_VALUES = {
    "all parts": "subgoals",
    **{f"without {part}": f"subgoals:{part}=false" for part in _PARTS},
    "none of the three": "subgoals:" + ",".join(f"{part}=false" for part in _PARTS),
}

_ABLATION = [
    *(_everything(f"uniform N=1, all: {name}", value=value) for name, value in _VALUES.items()),
    _everything("uniform N=1, all: without mask", mask=False),
    _everything("uniform N=1, all: strict mask", backtrack=False),
    *(_whole_path(f"uniform N=2, all, path: {name}", value=value) for name, value in _VALUES.items()),
    *(_slinvit(f"placement N=2 k=3: {name}", "placement", 2, 3, value=value) for name, value in _VALUES.items()),
    _slinvit("placement N=2 k=3: without mask", "placement", 2, 3, mask=False),
]

_MCTS = {"planner": "mcts", "options": {"c_puct": 0.1}}
_CURVES = [
    _slinvit("placement N=1 k=3", "placement", 1, 3),
    _slinvit("placement N=2 k=3", "placement", 2, 3),
    _slinvit("placement N=2 k=3, whole path", "placement", 2, 3, execute="path"),
    _slinvit("uniform N=2 k=3", "uniform", 2, 3),
    {"name": "placement, RAP-style MCTS", "prior": "placement", **_MCTS},
    {"name": "uniform, RAP-style MCTS", "prior": "uniform", **_MCTS},
    {"name": "placement, best-first", "prior": "placement", "planner": "best-first", "lam": LAM},
    {"name": "placement, best-of-8", "prior": "placement", "planner": "best-of-n", "value": "zero"},
    {"name": "placement, greedy, no state twice", "prior": "placement", "planner": "greedy", "value": "zero"},
]
_WITHOUT_PRIOR = [
    _everything("uniform N=1, all commands"),
    {"name": "breadth-first", "prior": "uniform", "planner": "breadth-first", "value": "zero"},
]

_BASELINES = [
    *_CURVES,
    *_WITHOUT_PRIOR,
    {"name": "uniform, best-of-8", "prior": "uniform", "planner": "best-of-n", "value": "zero"},
    {
        "name": "placement, N=1 k=3, value by 4 rollouts of 8 steps",
        "prior": "placement",
        "planner": "slinvit",
        "depth": 1,
        "breadth": 3,
        "lam": LAM,
        "value": "rollout:n=4,depth=8",
    },
    {"name": "random", "prior": "uniform", "planner": "random", "value": "zero"},
]


def _references(walkthroughs: Path) -> Choices:
    return [
        {"name": "stored walkthrough (oracle)", "planner": "greedy:mask=false", "prior": f"walkthrough:{walkthroughs}"},
        {"name": "expert, greedy", "planner": "greedy:mask=false", "prior": "expert:mask=true"},
    ]


def _metered(settings: Choices) -> Choices:
    """Count a call per state that the prior is asked about, as a model in its place would cost."""
    counted = []
    for setting in settings:
        name, _, options = setting["prior"].partition(":")
        counted.append({**setting, "prior": f"{name}:{','.join(filter(None, (options, 'metered=true')))}"})
    return counted
