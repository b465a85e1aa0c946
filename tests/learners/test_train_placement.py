import json
from collections import Counter
from pathlib import Path

import typer
from typer.testing import CliRunner

from envs.alfworld.domain import AlfworldDomain
from envs.alfworld.scene import build_scene
from learners.train_placement import command, count
from priors.alfworld.rates import read_rates
from slinvit import InputError

APP = typer.Typer()
APP.command()(command)


def test_the_counts_are_those_of_the_scenes() -> None:
    scenes = [build_scene(task.game) for task in AlfworldDomain().load("generated:4")]
    counts = count(scenes)
    for thing in ("mug", "apple", "book"):
        rooms = [s for s in scenes if any(s.objects[o].startswith(f"{thing} ") for held in s.inside for o in held)]
        kinds: Counter[str] = Counter()
        for scene in rooms:
            kinds.update(
                name.rpartition(" ")[0] for name, place in zip(scene.receptacles, scene.location, strict=True) if place
            )
        assert {place: total for place, (_, total) in counts.get(thing, {}).items()} == kinds
    for row in counts.values():
        assert all(0 <= holding <= total for holding, total in row.values())
        assert any(holding for holding, _ in row.values())


def test_the_command_writes_counts_that_the_prior_reads_and_says_how_they_were_made(tmp_path: Path) -> None:
    out = tmp_path / "deep" / "counts.json"
    done = CliRunner().invoke(APP, ["alfworld", "--games", "generated:3", "--out", str(out)])
    assert done.exit_code == 0, done.output
    content = json.loads(out.read_text(encoding="utf-8"))
    assert content["command"] == "slinvit train-placement alfworld --games generated:3"
    assert content["games"] == 3
    assert len(content["games_sha256"]) == 64
    rates = read_rates(str(out))
    assert set(rates.table) == set(content["counts"])


def test_another_domain_and_a_place_that_cannot_be_written_are_refused(tmp_path: Path) -> None:
    error = CliRunner().invoke(APP, ["alfword"]).exception
    assert isinstance(error, InputError)
    assert "did you mean 'alfworld'" in str(error)
    (tmp_path / "file").write_text("")
    error = (
        CliRunner().invoke(APP, ["alfworld", "--games", "generated:1", "--out", str(tmp_path / "file" / "x")]).exception
    )
    assert isinstance(error, InputError)
    assert "cannot write there" in str(error)
