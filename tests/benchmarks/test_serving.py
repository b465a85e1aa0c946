"""The benchmark of the server, small: in process, and once as it is run."""

import json
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

import priors
from benchmarks.scoring.scenarios import Request
from benchmarks.serving import run
from benchmarks.serving.clients import ECHO_ALL, ECHO_EACH, SCORE, Outcome
from benchmarks.serving.clients import run as ask
from benchmarks.serving.workload import BUNDLED, Workload
from priors.local import LocalPrior
from priors.serving.server import running


def outcome(scores: list[list[list[float]]], seconds: float) -> Outcome:
    return Outcome(2, seconds, 1.0, 10, 1, 1 << 20, scores)


def test_all_ways_give_the_scores_of_the_prior_in_process() -> None:
    walks = Workload(BUNDLED, clients=4, steps=2).walks()
    prior = priors.build(BUNDLED)
    assert isinstance(prior, LocalPrior)
    with running(priors.build(BUNDLED)) as url:
        found = [ask(url.removesuffix("/v1"), walks, way) for way in (SCORE, ECHO_ALL, ECHO_EACH)]
    for number, walk in enumerate(walks):
        for place, node in enumerate(walk):
            (expected,) = prior.scorer.score([node.prompt], [node.candidates])
            for each in found:
                assert each.scores[number][place] == pytest.approx(expected.log_probs, abs=1e-4)
    assert found[0].nodes == 8
    assert found[0].rate == pytest.approx(8 / found[0].seconds)
    assert found[0].forwarded < found[2].forwarded


def test_ratios_and_differences_are_over_nodes_that_both_scored() -> None:
    both = [[[-1.0, -2.0], [-3.0]]]
    found = dict.fromkeys(run.WAYS, outcome([[[-1.0, -2.5]]], 8.0))
    found[run.HEADLINE] = outcome(both, 2.0)
    assert run.headline(found) == {"ratio": 4.0, "ratio_unmerged": 1.0, "ratio_to_listed": 4.0, "max_abs_nat": 0.5}
    assert [row["way"] for row in run.rows(found)] == list(run.WAYS)


def test_walks_are_the_same_every_time_and_grow(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SLINVIT_DATA", raising=False)
    load = Workload("0.4M", clients=3, steps=2, candidates=4)
    walks = load.walks()
    assert walks == load.walks()
    assert all(isinstance(node, Request) and len(node.candidates) == 4 for walk in walks for node in walk)
    assert all(walk[1].prompt.startswith(walk[0].prompt) for walk in walks)
    assert len({walk[0].prompt for walk in walks}) == 3
    assert load.prior(tmp_path) == load.prior(tmp_path) == f"hf:{tmp_path}"


@pytest.mark.slow
def test_the_command_prints_one_object(tmp_path: Path) -> None:
    app = typer.Typer()
    app.command()(run.main)
    out = tmp_path / "out.json"
    arguments = ["--models", BUNDLED, "--clients", "8", "--steps", "1", "--soak", "1", "--json", "--out", str(out)]
    result = CliRunner().invoke(app, arguments)
    assert result.exit_code == 0, result.output
    content = json.loads(out.read_text())
    assert content[BUNDLED]["max_abs_nat"] <= 1e-4
    assert len(content[BUNDLED]["soak_mib"]) == 1
