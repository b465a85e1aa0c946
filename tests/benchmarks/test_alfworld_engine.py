import json
import os
from dataclasses import asdict
from importlib.util import find_spec
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from benchmarks.alfworld_engine import measure, run
from benchmarks.alfworld_engine.walks import WEIGHTS, Walk, make_walk, twin_replies, verbs
from envs.alfworld.files import read_games
from envs.alfworld.game import Game

app = typer.Typer()
app.command()(run.main)


@pytest.fixture(scope="module")
def games() -> list[Game]:
    archive = Path(os.environ.get("SLINVIT_DATA", "")) / "alfworld" / "valid_seen.tar.xz"
    if not archive.is_file():
        if os.environ.get("CI"):
            pytest.fail("SLINVIT_DATA must name the folder with the data")
        pytest.skip("SLINVIT_DATA does not name a folder with alfworld/ in it")
    return list(read_games(archive))


def answer(walk: Walk) -> dict[str, object]:
    """What the stock engine would answer, if it agreed."""
    return {"episodes": [{"replies": [asdict(reply) for reply in episode]} for episode in twin_replies(walk)]}


def test_walks_hold_the_walkthrough_and_repeat(games: list[Game]) -> None:
    walk = make_walk(games[3], 40, seed=1)
    assert walk == make_walk(games[3], 40, seed=1)
    assert walk != make_walk(games[3], 40, seed=2)
    solved, random = walk.episodes
    assert solved[: len(games[3].walkthrough)] == games[3].walkthrough
    assert (len(solved), len(random)) == (len(games[3].walkthrough) + 10, 40)
    assert twin_replies(walk)[0][len(games[3].walkthrough)].won


def test_walks_do_everything_that_can_be_done(games: list[Game]) -> None:
    walks = [make_walk(game, 48, seed=0) for game in games[::2]]
    counts = verbs(walks)
    assert set(counts) == {*WEIGHTS, "wrong"}
    assert sum(counts.values()) == sum(len(episode) for walk in walks for episode in walk.episodes)


def test_a_difference_in_anything_is_found_and_named(games: list[Game]) -> None:
    walk = make_walk(games[3], 8, seed=0)
    assert list(measure.differences(walk, answer(walk))) == []
    for key, value in (("feedback", "Hello."), ("commands", ["look"]), ("score", 7), ("won", None)):
        other = json.loads(json.dumps(answer(walk)))
        other["episodes"][1]["replies"][2][key] = value
        (line,) = measure.differences(walk, other)
        assert line.startswith(f"{games[3].id}, step 2, {walk.episodes[1][1]!r}: twin ")


def test_the_twin_is_fast_and_small(games: list[Game]) -> None:
    walks = [make_walk(game, 40, seed=0) for game in games[::20]]
    times = [measure.twin_times(walks) for _ in range(5)]
    # The bars are 38 ms / 500, 0.63 s / 50 and 1 ms; typical are 11 us, 1.1 ms and 0.3 ms. The best of five counts:
    # what else runs on the machine shows in CPU time too.
    assert min(time.step for time in times) < 76e-6
    assert min(time.load for time in times) < 12e-3
    assert min(measure.branching(walks) for _ in range(5)) < 1e-3
    memory = measure.twin_memory(Path(os.environ["SLINVIT_DATA"]) / "alfworld" / "valid_seen.tar.xz")
    assert memory["games"] == 140
    assert memory["process"] < 200 * 2**20


@pytest.mark.skipif(find_spec("alfworld") is None, reason="needs the real engine: pip install 'slinvit[alfworld]'")
@pytest.mark.usefixtures("games")
def test_the_stock_engine_says_what_the_twin_says() -> None:
    done = CliRunner().invoke(app, ["--games", "4", "--steps", "24", "--json"])
    assert done.exit_code == 0, done.output
    content = json.loads(done.stdout)
    assert (content["games"], content["differences"]) == (4, 0)
    assert content["steps"] > 4 * (24 + 6)
    assert content["ratio_step"] > 500
    assert content["ratio_load"] > 50


def test_bad_input_is_explained() -> None:
    done = CliRunner().invoke(app, ["--quick", "--python", "python3", "--split", "nowhere"])
    assert done.exit_code == 2
    assert "no ALFWorld games 'nowhere'" in done.output
