import json
import math
import os
from dataclasses import replace
from pathlib import Path

import pytest

from agent.grid import expand
from agent.settings import Settings
from benchmarks.intercode import selection
from benchmarks.intercode.pools import FILES, POOLS, pool
from benchmarks.intercode.tuning import Choice, best, choices, tuned
from envs.intercode.task import SQL
from learners.answer_value import Example
from priors.intercode.trajectories import files, read_file
from slinvit.errors import UnknownName


@pytest.fixture
def data() -> Path:
    if "SLINVIT_DATA" not in os.environ:
        (pytest.fail if "CI" in os.environ else pytest.skip)("SLINVIT_DATA is not set")
    return Path(os.environ["SLINVIT_DATA"]) / "intercode"


def proposal(task: str, place: str, mass: float, agreement: float, level: float, *, success: bool) -> Example:
    return Example(task, place, True, {"mass": mass, "agreement": agreement, "level": level, "shape": 0.5}, success)


def test_a_choice_ranks_by_evidence_and_prior_and_breaks_ties_evenly() -> None:
    choice = Choice((1.0, 0.5, 0.0), 0.1)
    a = proposal("t", "p", 0.5, 0.5, 1.0, success=False)
    assert choice.score(a) == pytest.approx((0.5 + 0.5 * 1.0) / 1.5 + 0.1 * math.log(0.5))
    assert choice.success([a, replace(a, success=True)]) == 0.5
    better = proposal("t", "p", 0.5, 0.9, 1.0, success=True)
    assert choice.success([a, better]) == 1.0
    assert choice.value == "evidence:agreement=1,executes=0.5,shape=0"


def test_what_is_chosen_for_a_place_depends_on_the_others_only() -> None:
    found = [
        each
        for place in "abc"
        for i in range(4)
        for each in (
            proposal(f"{place}{i}", place, 0.6, 0.6, 0.25, success=False),
            proposal(f"{place}{i}", place, 0.4, 0.4, 1.0, success=True),
        )
    ]
    flipped = [replace(each, success=not each.success) if each.place == "a" else each for each in found]
    assert tuned(found)["a"] == tuned(flipped)["a"]
    assert set(tuned(found)) == set("abc")
    assert best(found) == tuned([*found, proposal("z", "z", 1.0, 1.0, 1.0, success=True)])["z"]


def test_of_equally_good_choices_the_preferred_is_taken() -> None:
    found = [proposal(place, place, 1.0, 1.0, 1.0, success=True) for place in "ab"]
    assert tuned(found)["a"] == next(choices())


def test_only_the_upper_bound_is_an_oracle_and_every_row_has_its_folder() -> None:
    chosen, settings = pool("sql"), Settings(env=SQL, tasks="embedded", prior="recorded:x")
    choice = Choice((1.0, 0.5, 0.25), 0.1)
    config = selection.comparison(chosen, settings, Path("x"), Path("w.json"), {"a": choice, "b": choice})
    rows = expand(config)
    assert [row.name for row in rows if row.settings.value == "oracle"] == [selection.ORACLE]
    assert sum(row.name.startswith("tuned ") for row in rows) == 1
    assert config.baseline == selection.BASELINE


def test_an_unknown_pool_is_named() -> None:
    with pytest.raises(UnknownName, match="did you mean 'sql'"):
        pool("sqll")


@pytest.mark.parametrize("name", POOLS)
def test_every_member_of_a_pool_is_recorded_and_no_reward_steered_what_is_used(name: str, data: Path) -> None:
    chosen = pool(name)
    kind = "sql" if chosen.env == SQL else "bash"
    for member in chosen.members:
        pattern = FILES[chosen.env][member]
        found = [file for file in files(data / "recorded" / kind) if file.match(pattern)]
        assert found
        for file in found:
            for trajectory in read_file(file)[:50]:
                assert len(trajectory.free()) == (1 if trajectory.source.reward_seen else len(trajectory.raw))


def test_the_benchmark_runs_and_the_oracle_is_at_least_as_good_as_any_row(
    data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    selection.main(
        "sql",
        data=data,
        tasks="db=singer+museum_visit",
        engine=None,
        env_options="",
        seed=0,
        workers=1,
        runs=tmp_path,
        out=tmp_path / "found.json",
    )
    content = json.loads((tmp_path / "found.json").read_text())
    rows = {row["name"]: row for row in content["rows"]}
    assert set(content["tuned"]) == {"singer", "museum_visit"}
    pooled = [row for name, row in rows.items() if not name.endswith("whole")]
    assert all(row["successes"] <= rows[selection.ORACLE]["successes"] for row in pooled)
    assert all(row["tasks"] == rows[selection.ORACLE]["tasks"] for row in pooled)
    assert [name for name, row in rows.items() if row["oracle"]] == [selection.ORACLE]
    assert selection.TUNED in capsys.readouterr().out
