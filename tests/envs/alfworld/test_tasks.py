import logging
import shutil
from pathlib import Path

import pytest

from envs.alfworld.domain import AlfworldDomain
from envs.alfworld.files import COUNTS, game_ids
from envs.alfworld.game import TASK_TYPES
from envs.alfworld.task import HORIZON
from envs.alfworld.tasks import SHORT_TYPES, load
from slinvit import InputError


def test_options_choose_by_type_number_and_id(split: Path) -> None:
    ids = game_ids(split)
    heat = [id for id in ids if id.startswith("pick_heat")]
    assert [task.id for task in load("mine")] == ids
    assert [task.id for task in load(str(split), limit=2)] == ids[:2]
    for name in ("heat", "4", TASK_TYPES[3]):
        assert [task.id for task in load(f"mine,type={name}")] == heat
    assert [task.id for task in load("mine,type=heat+light")] == ids
    assert [task.id for task in load("mine,number=2-3")] == ids[1:3]
    assert [task.id for task in load("mine,type=heat,number=3-4")] == [id for id in ids[2:4] if id in heat]
    for name in (heat[1], *heat[1].split("/")):
        assert [task.id for task in load(f"mine,id={name}")] == [heat[1]]


def test_tasks_say_what_is_to_be_done_and_for_how_long(split: Path) -> None:
    task = load("mine,id=trial_3")[0]
    assert (task.task.goal, task.task.horizon, task.task.domain) == ("do 3.", HORIZON, "alfworld")
    assert task.report == {"type": "pick_heat_then_place_in_recep", "split": "mine", "walkthrough": 1}
    assert load("mine", horizon="7")[0].task.horizon == 7
    assert load("mine")[0].wording == "move"
    assert load("mine", grammar="put")[0].wording == load("mine,grammar=put")[0].wording == "put"


def test_equal_games_have_equal_digests_and_only_those(split: Path) -> None:
    first, again = load("mine"), load(str(split))
    assert [task.digest for task in first] == [task.digest for task in again]
    assert first == again
    assert len({task.digest for task in first}) == len(first)
    assert first[0].digest in repr(first[0])


@pytest.mark.parametrize(
    ("tasks", "message"),
    [
        ("mine,type=hot", "unknown ALFWorld task type 'hot'"),
        ("mine,kind=heat", "unknown option of ALFWorld tasks 'kind'"),
        ("mine,heat", "cannot read 'heat'"),
        ("mine,type=heat,type=cool", "given twice"),
        ("mine,number=0", "cannot use number=0: a number from 1 to 6"),
        ("mine,number=5-7", "cannot use number=5-7"),
        ("mine,number=3-2", "cannot use number=3-2"),
        ("mine,number=x", "cannot use number=x"),
        ("mine,id=trial_9", "has no game 'trial_9'; did you mean|has no game 'trial_9'"),
        ("mine,id=trial_1,type=light", "none of the 6 games of mine fits id=trial_1,type=light"),
        ("mine,type=cool", "none of the 6 games"),
        ("mine,grammar=place", "unknown grammar 'place'"),
        ("mine,seed=x", "cannot read 'x'"),
        ("elsewhere/mine", "elsewhere/mine does not exist"),
        ("nowhere", "no ALFWorld games 'nowhere'"),
        ("valid_unseen", "slinvit data get alfworld"),
        ("random:none", "the count must be a whole number"),
        ("random:0", "the count must be a whole number"),
        ("generated:2,number=1", "generated scenes have no number"),
        ("generated:2,room=attic", "unknown room 'attic'"),
        ("mine,room=kitchen", "only generated scenes are chosen by room"),
    ],
)
def test_a_source_that_cannot_be_used_is_explained(split: Path, tasks: str, message: str) -> None:
    with pytest.raises(InputError, match=message):
        load(tasks)


def test_limits_and_horizons_are_checked(split: Path) -> None:
    with pytest.raises(InputError, match="must be 1 or more"):
        load("mine", limit=0)
    for horizon in ("0", "3x", "many"):
        with pytest.raises(InputError, match="cannot read the horizon"):
            load("mine", horizon=horizon)
    with pytest.raises(InputError, match="--instances is for lists"):
        AlfworldDomain().load("mine", instances=split)


def test_a_file_of_another_kind_is_refused(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("no game", encoding="utf-8")
    with pytest.raises(InputError, match=r"expected a game\.tw-pddl, a folder or an archive"):
        load(str(tmp_path / "notes.txt"))


def test_an_official_split_must_be_complete_unless_its_path_is_given(split: Path) -> None:
    partial = split.parent / "valid_seen"
    shutil.move(split, partial)
    with pytest.raises(InputError, match="has 6 of the 140 games of valid_seen; get them all"):
        load("valid_seen")
    assert len(load(str(partial))) == 6


def test_bad_games_stop_the_run_or_are_left_out_and_counted(split: Path, caplog: pytest.LogCaptureFixture) -> None:
    file = next(split.rglob("game.tw-pddl"))
    file.write_text("{}", encoding="utf-8")
    with pytest.raises(InputError, match=str(file)):
        AlfworldDomain().load("mine")
    with caplog.at_level(logging.WARNING):
        domain = AlfworldDomain(skip_bad=True)
        assert len(domain.load("mine")) == 5
    assert len(domain.left_out) == 1
    assert "left out 1 of 6 games" in caplog.text
    assert str(file) in caplog.text


def test_the_real_splits_are_complete(archives: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("ALFWORLD_DATA", raising=False)
    for split in ("valid_seen", "valid_train"):
        tasks = load(split)
        assert len(tasks) == len({task.id for task in tasks}) == COUNTS[split]
        assert {task.report["type"] for task in tasks} == set(TASK_TYPES)
    counts = {name: len(load(f"valid_seen,type={name}")) for name in SHORT_TYPES}
    assert counts == {"place": 35, "light": 13, "clean": 27, "heat": 16, "cool": 25, "two": 24}


def test_random_tasks_are_drawn_from_the_real_games_by_their_seed(
    archives: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("ALFWORLD_DATA", raising=False)
    drawn = [task.id for task in load("random:12", seed=1)]
    assert len(set(drawn)) == 12
    assert drawn == [task.id for task in load("12", seed=1)] == [task.id for task in load("12,seed=1", seed=5)]
    assert drawn != [task.id for task in load("12", seed=2)]
    assert set(drawn) <= {task.id for task in load("valid_seen")}


def test_generated_scenes_are_of_all_types_and_differ_by_seed() -> None:
    first, other = load("generated:6", seed=1), load("generated:6,seed=2", seed=1)
    assert [task.report["type"] for task in first] == list(TASK_TYPES)
    assert len({task.digest for task in (*first, *other)}) == 12
    assert load("generated:6", seed=1) == first
    assert [task.report["type"] for task in load("generated:9,type=heat", limit=2)] == [TASK_TYPES[3]] * 2


def test_without_data_scenes_are_generated_and_that_is_said(split: Path, caplog: pytest.LogCaptureFixture) -> None:
    tasks = load("random:40", limit=3)
    assert [task.game.split for task in tasks] == ["generated"] * 3
    assert "no ALFWorld games 'valid_seen'" in caplog.text
    assert "using scenes generated here" in caplog.text
