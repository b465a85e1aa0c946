"""Trees as they were when somebody last looked at them; ``pytest --update-golden`` writes them anew."""

import json
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from envs.blocksworld.core import Fact
from envs.blocksworld.problem import Problem, first_state
from planners import Parts, build, settings
from slinvit.budget import Budget
from slinvit.protocols import Prior
from slinvit.tree import Plan

GOLDEN = Path(__file__).parent.parent / "golden"
PROBLEM = Problem(
    "golden", ("red", "blue", "orange", "yellow"), (3, -1, 1, -1), (Fact("on", (1, 0)), Fact("on", (0, 2))), 12
)
SPECS = {
    "slinvit": "slinvit",
    "slinvit-all": "slinvit:expand=all,depth=3",
    "slinvit-soft": "slinvit:backup=soft,depth=3",
    "slinvit-paper-code": "slinvit:scoring=paper-code,depth=3,merge=off,mask=off",
    "greedy": "greedy",
    "best-of-n": "best-of-n:n=3",
    "breadth-first": "breadth-first:max_nodes=30",
    "best-first": "best-first:max_nodes=60",
    "levin": "levin:max_nodes=60",
    "beam": "beam:width=2",
    "mcts": "mcts:simulations=16",
    "smc": "smc:n=6",
}


def as_json(plan: Plan) -> dict[str, Any]:
    content = asdict(plan)
    content["prior"] = None if plan.prior is None else dict(zip(plan.prior.actions, plan.prior.probs, strict=True))
    content["tree"] = content["tree"]["nodes"]
    rounded: dict[str, Any] = json.loads(json.dumps(content), parse_float=lambda text: round(float(text), 9))
    return rounded


@pytest.mark.parametrize("name", SPECS)
def test_a_tree_is_what_it_was(
    name: str, request: pytest.FixtureRequest, opinionated: Prior, blocks_parts: Callable[..., Parts]
) -> None:
    planner = build(SPECS[name], {}, blocks_parts(opinionated))
    plan = planner.plan(first_state(PROBLEM), budget=Budget(), rng=np.random.default_rng(1))
    found = {"planner": SPECS[name], "settings": json.loads(json.dumps(settings(planner))), "plan": as_json(plan)}
    file = GOLDEN / f"{name}.json"
    if request.config.getoption("--update-golden"):
        file.write_text(json.dumps(found, indent=1) + "\n")
    assert found == json.loads(file.read_text())


def test_every_golden_file_belongs_to_a_test() -> None:
    assert {file.stem for file in GOLDEN.glob("*.json")} == set(SPECS)
