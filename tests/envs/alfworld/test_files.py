import json
import shutil
import tarfile
from pathlib import Path

import pytest

from envs.alfworld.files import find_split, game_id, game_ids, read_game, read_games
from slinvit import InputError

HEAT = "pick_heat_then_place_in_recep-Mug-None-Shelf-1/trial_1"


def archived(folder: Path, target: Path) -> Path:
    with tarfile.open(target, "w:xz") as tar:
        tar.add(folder, arcname=f"json_2.1.1/{folder.name}")
    return target


def test_a_folder_and_its_archive_hold_the_same_games(split: Path, tmp_path: Path) -> None:
    archive = archived(split, tmp_path / "mine.tar.xz")
    assert list(read_games(split)) == sorted(read_games(archive), key=lambda game: game.id)
    assert game_ids(split) == game_ids(archive) == sorted(game.id for game in read_games(split))
    assert [game.split for game in read_games(archive)] == ["mine"] * 6


def test_only_wanted_games_are_parsed(split: Path) -> None:
    (split / HEAT / "game.tw-pddl").write_text("broken", encoding="utf-8")
    wanted = next(id for id in game_ids(split) if id != HEAT)
    assert [game.id for game in read_games(split, wanted=lambda id: id == wanted)] == [wanted]


def test_a_game_that_cannot_be_read_is_named_or_collected(split: Path) -> None:
    file = split / HEAT / "game.tw-pddl"
    file.write_text("broken", encoding="utf-8")
    with pytest.raises(InputError, match=f"{file}: .*not a game file"):
        list(read_games(split))
    bad: list[InputError] = []
    assert len(list(read_games(split, bad=bad))) == 5
    assert [str(file) in str(error) for error in bad] == [True]


def test_games_without_a_solution_are_left_out_but_not_when_asked_for(split: Path) -> None:
    file = split / HEAT / "game.tw-pddl"
    content = json.loads(file.read_text(encoding="utf-8"))
    file.write_text(json.dumps({**content, "solvable": False}), encoding="utf-8")
    assert HEAT not in [game.id for game in read_games(split)]
    with pytest.raises(InputError, match=f"the game {HEAT} has no solution"):
        read_game(file)


def test_kinds_of_games_that_alfworld_leaves_out_are_left_out(split: Path) -> None:
    (split / HEAT).parent.rename(split / "pick_and_place_with_movable_recep-Mug-Pan-Shelf-1")
    assert len(game_ids(split)) == len(list(read_games(split))) == 5


def test_a_single_file_is_one_game(split: Path) -> None:
    game = read_game(split / HEAT / "game.tw-pddl")
    assert (game.id, game.split, game.goal) == (HEAT, "mine", "do 1.")
    assert game_id("game.tw-pddl") == "game"


def test_an_empty_folder_says_how_to_get_games(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"has no game\.tw-pddl; get the games: slinvit data get alfworld"):
        list(read_games(tmp_path))


@pytest.mark.parametrize("keep", [0, 100, 600])
def test_a_broken_archive_is_named(split: Path, tmp_path: Path, keep: int) -> None:
    archive = archived(split, tmp_path / "mine.tar.xz")
    archive.write_bytes(archive.read_bytes()[:keep])
    with pytest.raises(InputError, match=f"{archive} cannot be read as an archive"):
        list(read_games(archive))


def test_splits_are_found_by_the_packages_variable_and_by_ours(split: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert find_split("mine") == split
    monkeypatch.delenv("ALFWORLD_DATA")
    shelf = split.parents[1] / "shelf" / "alfworld"
    shelf.mkdir(parents=True)
    monkeypatch.setenv("SLINVIT_DATA", str(shelf.parent))
    archive = archived(split, shelf / "mine.tar.xz")
    assert find_split("mine") == archive
    shutil.move(split.parent, shelf / "json_2.1.1")
    assert find_split("mine") == shelf / "json_2.1.1" / "mine"


def test_a_missing_split_says_where_it_was_looked_for(split: Path) -> None:
    with pytest.raises(InputError) as error:
        find_split("valid_sen")
    message = str(error.value)
    assert f"json_2.1.1/valid_sen and valid_sen.tar.xz in {split.parents[1]}, " in message
    assert "SLINVIT_DATA not set" in message
    assert "did you mean 'valid_seen'" in message
    assert "slinvit data get alfworld" in message
