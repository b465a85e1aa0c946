"""Episodes in lockstep are the episodes that run alone."""

import json
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import priors
from agent.bench import attempt, attempt_together, load_instances
from agent.episode import Decision, Episode, Failure, Record
from agent.settings import Settings
from priors.local import BUNDLED
from slinvit.budget import Ledger

BLOCKS = Settings("blocksworld", tasks="random:5,blocks=4-5,length=4-8", prior="uniform")


def timeless(record: Record) -> Record:
    if not isinstance(record, Episode):
        return record
    decisions = tuple(replace(each, ledger=replace(each.ledger, seconds=0.0)) for each in record.decisions)
    return replace(record, decisions=decisions, ledger=replace(record.ledger, seconds=0.0))


def both(settings: Settings) -> list[tuple[Record, Record]]:
    instances = load_instances(settings)
    together = {record.task: record for record in attempt_together(settings, instances)}
    assert together.keys() == {each.task.id for each in instances}
    return [(attempt(settings, each), together[each.task.id]) for each in instances]


@pytest.mark.parametrize(
    ("planner", "value", "budget"),
    [
        ("slinvit", "goals-met", {}),
        ("slinvit:expand=all", "obstacles", {"sim_steps": 60}),
        ("slinvit", "rollout:n=2,depth=4", {"sim_steps": 300}),
        ("greedy", "zero", {}),
        ("best-of-n:n=3", "zero", {"nodes": 40}),
        ("mcts:max_nodes=12", "goals-met", {}),
        ("smc:n=4", "goals-met", {"sim_steps": 50}),
        ("levin:max_nodes=20", "zero", {}),
        ("random", "zero", {"env_steps": 3}),
    ],
)
def test_records_do_not_depend_on_company(planner: str, value: str, budget: dict[str, float]) -> None:
    for alone, together in both(replace(BLOCKS, planner=planner, value=value, budget=budget)):
        assert timeless(together) == timeless(alone)
        assert isinstance(alone, Episode)


def close(alone: Decision, together: Decision) -> None:
    """Compare two decisions up to the rounding of the model's log-probabilities."""
    if alone.prior is None or together.prior is None:  # the budget ended before the model was asked
        assert together.prior is alone.prior
    else:
        np.testing.assert_allclose(together.prior.log_probs, alone.prior.log_probs, atol=1e-4)
    assert together.score == pytest.approx(alone.score, abs=1e-3)
    assert (together.path, together.steps, together.target) == (alone.path, alone.steps, alone.target)
    assert [node.observation for node in together.tree.nodes] == [node.observation for node in alone.tree.nodes]
    assert counted(together.ledger) == counted(alone.ledger)


def counted(ledger: Ledger) -> Ledger:
    return replace(ledger, seconds=0.0, tokens_forwarded=0)


@pytest.mark.parametrize("budget", [{}, {"llm_calls": 12}])
def test_a_model_gives_the_same_episodes_and_the_same_bill_in_company(budget: dict[str, float]) -> None:
    for alone, together in both(replace(BLOCKS, prior="bundled", budget=budget)):
        assert isinstance(alone, Episode)
        assert isinstance(together, Episode)
        assert together.stopped_by == alone.stopped_by
        for before, after in zip(alone.decisions, together.decisions, strict=True):
            close(before, after)
        assert counted(together.ledger) == counted(alone.ledger)
        assert alone.ledger.llm_calls > 0


def test_a_text_that_is_too_long_fails_its_own_task_only(tmp_path: Path) -> None:
    folder = tmp_path / "model"
    shutil.copytree(Path(priors.__file__).parent / BUNDLED, folder)
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps({**config, "max_position_embeddings": 64}))
    small = replace(BLOCKS, tasks="random:2,blocks=4", prior=f"hf:{folder},template=blocksworld")
    (large,) = load_instances(replace(small, tasks="random:1,blocks=12"))
    _, other = load_instances(small)
    found = {record.task: record for record in attempt_together(small, [large, other])}
    assert isinstance(found[other.task.id], Episode)
    failure = found[large.task.id]
    assert isinstance(failure, Failure)
    assert "reads at most 64 tokens" in failure.error
