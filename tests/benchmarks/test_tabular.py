"""The benchmark of the tabular planners: whether it runs, compares like with like, and says what it found."""

import json
import sys
from pathlib import Path

import numpy as np
import pytest
import typer
from typer.testing import CliRunner

from benchmarks.tabular import parts, peers, report
from benchmarks.tabular.measure import LAM, Row, Size, best_of, cpu_seconds, problem
from benchmarks.tabular.run import main
from planners.linvit.core import backward_induction
from planners.linvit.solve import solve, uniform
from slinvit.errors import InputError


def app() -> typer.Typer:
    made = typer.Typer()
    made.command()(main)
    return made


def test_a_quick_run_prints_one_json_object(tmp_path: Path) -> None:
    out = tmp_path / "deep" / "tabular.json"
    done = CliRunner().invoke(app(), ["--quick", "--no-peers", "--json", "--out", str(out)])
    assert done.exit_code == 0, done.output
    content = json.loads(done.stdout)
    assert content == json.loads(out.read_text(encoding="utf-8"))
    assert {row["part"] for row in content["rows"]} == {"backup", "sparse", "seeds", "run"}
    assert all(row["seconds"] > 0 for row in content["rows"])
    for bar in content["bars"].values():
        assert bar["passed"] == (bar["ratio"] >= bar["least"])
    assert content["machine"]["numba"]


def test_results_that_could_not_be_written_are_refused_before_anything_is_measured(tmp_path: Path) -> None:
    done = CliRunner().invoke(app(), ["--no-peers", "--out", str(tmp_path)])
    assert done.exit_code == 2
    assert "choose another --out" in done.output


def test_the_fastest_numpy_method_is_told_beside_the_loop_over_seeds() -> None:
    times = {parts.LOOP: 12.0, parts.BATCH: 4.0, parts.COMPILED_LOOP: 2.0}
    rows = [Row("seeds", str(Size(25, 5, 20)), name, seconds) for name, seconds in times.items()]
    (bar,) = report.bars(rows).values()
    assert (bar.ratio, bar.note) == (6.0, "numpy, one batch / numba, loop over seeds: 2")


def test_an_environment_that_cannot_be_made_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("", encoding="utf-8")
    with pytest.raises((OSError, ValueError)):
        peers.install(tmp_path / "file")


def test_a_bar_is_judged_where_it_holds_least() -> None:
    rows = [
        Row("backup", str(Size(10, 4, 10)), parts.CORE, 3.0),
        Row("backup", str(Size(10, 4, 10)), parts.COMPILED, 1.0),
        Row("backup", str(Size(100, 4, 10)), parts.CORE, 3.0),
        Row("backup", str(Size(100, 4, 10)), parts.COMPILED, 2.0),
        Row("backup", str(Size(300, 4, 10)), parts.CORE, 1.0),
        Row("backup", str(Size(300, 4, 10)), parts.COMPILED, 2.0),
    ]
    bar = report.bars(rows)["numba_twice_numpy"]
    assert (bar.ratio, bar.passed, bar.size) == (1.5, False, "S=100 A=4 H=10")


def test_problems_are_distributions_and_the_same_each_time() -> None:
    for successors in (None, 3):
        each = problem(Size(20, 3, 4), successors)
        np.testing.assert_allclose(each.p.sum(axis=-1), 1, atol=1e-12)
        assert ((each.p > 0).sum(axis=-1) == (successors or 20)).all()
        np.testing.assert_array_equal(each.p, problem(Size(20, 3, 4), successors).p)


def test_peers_are_held_to_the_unregularised_optimum() -> None:
    each = problem(Size(8, 3, 5))
    np.testing.assert_allclose(parts.plain_values(each), solve(each.mdp, uniform(each.mdp), 0.0).v, atol=1e-12)
    core = backward_induction(each.mdp.expected, each.rewards, each.log_prior, LAM)[1]
    np.testing.assert_allclose(core, solve(each.mdp, each.log_prior, LAM).v, atol=1e-12)


def test_times_are_of_one_call() -> None:
    calls = []
    seconds = cpu_seconds(lambda: calls.append(sum(range(10_000))), 0.01)
    assert 0 < seconds < 0.01
    assert len(calls) > 5


def test_each_method_keeps_its_best_round() -> None:
    rounds = iter([{"a": 3.0, "b": 1.0}, {"a": 2.0, "b": 5.0}])
    assert best_of(2, lambda: next(rounds)) == {"a": 2.0, "b": 1.0}


def test_peers_that_do_not_run_are_one_line() -> None:
    with (
        peers.Peers(Path(sys.executable)) as theirs,
        pytest.raises(InputError, match=r"the peers did not run: .*mdptool"),
    ):
        theirs.measure(problem(Size(4, 2, 2)), 0.01)


@pytest.mark.slow
def test_peers_install_and_find_the_same_values(tmp_path: Path) -> None:
    with peers.Peers(peers.install(tmp_path / "peers")) as theirs:
        times, versions = theirs.measure(problem(Size(10, 4, 10)), 0.01)
    assert set(times) == {"pymdptoolbox", "quantecon", "rlberry-scool"} == set(versions)
