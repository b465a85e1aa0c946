import json
import os
import subprocess
import sys
from collections import Counter
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from envs.alfworld.engine import EngineProcess
from envs.alfworld.files import read_games
from envs.alfworld.game import TASK_TYPES, Game, parse_game
from envs.alfworld.generate import ROOMS_OF, SPLIT, generate
from envs.alfworld.generate_plan import find_walkthrough
from envs.alfworld.generate_problem import rules
from envs.alfworld.generate_rooms import ROOMS, TABLE, count_rooms, shipped_rooms
from envs.alfworld.scene import build_scene
from envs.alfworld.twin import Twin
from slinvit.errors import InputError, UnknownName
from slinvit.rng import generator

POSSIBLE = [(task_type, room) for task_type, rooms in ROOMS_OF.items() for room in rooms]


def solves(game: Game) -> bool:
    """Whether the walkthrough is admissible at every step and reaches a goal that did not hold before its end."""
    twin = Twin(build_scene(game))
    world = twin.start()
    for command in game.walkthrough:
        if twin.won(world):
            return False
        world, _, admissible = twin.step(world, command)
        if not admissible:
            return False
    return twin.won(world)


@pytest.mark.parametrize(("task_type", "room"), POSSIBLE)
def test_every_possible_task_is_made_and_solved_by_its_walkthrough(task_type: str, room: str) -> None:
    game = generate(7, task_type, room)
    assert game.task_type == task_type
    assert f"-{room}/" in game.id
    assert game.split == SPLIT
    assert 3 <= len(game.walkthrough) <= 10
    assert solves(game)


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 10**9))
def test_any_seed_gives_a_game_that_its_walkthrough_solves(seed: int) -> None:
    assert solves(generate(seed))


def test_different_seeds_give_different_scenes_and_the_same_seed_the_same() -> None:
    problems = {generate(seed, "pick_and_place_simple", "bathroom").problem for seed in range(40)}
    assert len(problems) == 40
    assert generate(3) == generate(3)


def test_nothing_said_gives_all_types_and_all_rooms() -> None:
    games = [generate(seed) for seed in range(80)]
    assert {game.task_type for game in games} == set(TASK_TYPES)
    assert {game.id.partition("/")[0].rpartition("-")[2] for game in games} == set(ROOMS)


def test_objects_lie_only_where_the_rules_allow_them() -> None:
    rooms = shipped_rooms()
    for seed in range(20):
        scene = build_scene(generate(seed))
        for number, held in enumerate(scene.inside):
            for o in held:
                assert o not in scene.pickupable or number in scene.accepts[o]
    assert rooms.abilities["heatable"] <= rooms.abilities["pickupable"]


def test_scenes_have_the_size_of_official_ones(archives: Path) -> None:
    official = [build_scene(game) for game in read_games(archives / "valid_seen.tar.xz")]
    made = [build_scene(generate(seed)) for seed in range(100)]
    for what in ("receptacles", "objects"):
        sizes = sorted(len(getattr(scene, what)) for scene in official)
        middle = sorted(len(getattr(scene, what)) for scene in made)[50]
        assert sizes[0] <= middle <= sizes[-1]


def test_the_walkthrough_is_not_longer_than_the_official_one(archives: Path) -> None:
    longer = Counter[bool]()
    for game in read_games(archives / "valid_seen.tar.xz"):
        found = find_walkthrough(build_scene(game))
        assert found is not None
        assert solves(replace(game, walkthrough=found))
        longer[len(found) > len(game.walkthrough)] += 1
    assert longer[True] <= 0.02 * longer.total()


def test_a_goal_without_its_object_has_no_walkthrough() -> None:
    scene = build_scene(generate(1, "pick_heat_then_place_in_recep"))
    assert find_walkthrough(replace(scene, microwaves=frozenset())) is None


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        ({"task_type": "pick_heat"}, "unknown ALFWorld task type 'pick_heat'"),
        ({"room": "kichen"}, "unknown room 'kichen'; did you mean 'kitchen'?"),
        (
            {"task_type": "pick_heat_then_place_in_recep", "room": "bedroom"},
            "not possible in a bedroom; rooms: kitchen",
        ),
    ],
)
def test_an_impossible_wish_is_refused_with_what_is_possible(arguments: Mapping[str, str], expected: str) -> None:
    with pytest.raises(InputError, match=expected.replace("?", "[?]")):
        generate(0, **arguments)


def test_a_negative_seed_is_refused() -> None:
    with pytest.raises(InputError, match="0 or more, not -1"):
        generate(-1)


def test_unknown_names_are_input_errors() -> None:
    with pytest.raises(UnknownName):
        generate(0, "nothing")


def test_the_rules_that_ship_are_those_of_the_official_games(archives: Path) -> None:
    official = next(read_games(archives / "valid_seen.tar.xz"))
    assert generate(0).rules == official.rules
    assert "UNKNOWN GOAL" in rules()[1]


def test_the_table_of_rooms_is_what_the_train_games_count(archives: Path) -> None:
    counted = count_rooms(read_games(archives / "train.tar.xz"))
    assert json.loads(json.dumps(counted)) == json.loads(TABLE.read_text(encoding="utf-8"))


def test_a_generated_game_survives_its_file(tmp_path: Path) -> None:
    game = generate(11)
    file = tmp_path / "game.tw-pddl"
    file.write_text(json.dumps(as_file(game)), encoding="utf-8")
    assert parse_game(file.read_bytes(), id=game.id, split=SPLIT) == game


@pytest.mark.usefixtures("installed")
def test_the_table_of_rooms_agrees_with_the_rules_of_the_package(tmp_path: Path) -> None:
    said = in_package(
        "import json, alfworld.gen.constants as c; print(json.dumps([{k: sorted(v) for k, v in t.items()}"
        " for t in (c.VAL_RECEPTACLE_OBJECTS, c.VAL_ACTION_OBJECTS)] + [c.OPENABLE_CLASS_LIST]))",
        tmp_path,
    )
    contains, abilities, openable = json.loads(said)
    rooms = shipped_rooms()
    for kind, held in rooms.contains.items():
        assert held <= set(contains.get(kind, ()))
    assert set(rooms.openable) <= set(openable)
    for ours, theirs in (("cleanable", "Cleanable"), ("heatable", "Heatable"), ("coolable", "Coolable")):
        assert rooms.abilities[ours] == {kind for kind in abilities[theirs] if not kind.endswith("Sliced")}


@pytest.mark.usefixtures("installed")
def test_engine_and_twin_tell_the_same_about_generated_games() -> None:
    engine = EngineProcess()
    try:
        for task_type in TASK_TYPES:
            differences(engine, generate(23, task_type), strolls=6)
    finally:
        engine.close()


@pytest.mark.slow
@pytest.mark.usefixtures("installed")
def test_engine_and_twin_tell_the_same_about_many_generated_games() -> None:
    engine = EngineProcess()
    try:
        for seed, (task_type, room) in enumerate(POSSIBLE * 3):
            differences(engine, generate(seed, task_type, room), strolls=30)
    finally:
        engine.close()


@pytest.mark.slow
@pytest.mark.usefixtures("installed")
def test_the_compiler_of_the_package_finds_all_six_types_solvable(tmp_path: Path) -> None:
    for task_type in TASK_TYPES:
        write_scene(tmp_path / "scenes" / task_type, generate(5, task_type))
    data = Path(in_package("import alfworld.info as i; print(i.BUILTIN_DATA_PATH)", tmp_path).strip())
    program = Path(sys.executable).with_name("alfworld-generate")
    options: dict[str, str | Path] = {
        "--data_path": tmp_path / "scenes",
        "--save_path": tmp_path / "games",
        "--domain": data / "alfred.pddl",
        "--grammar": data / "alfred.twl2",
        "--expert_type": "planner",
        "--end": "100",
    }
    command = [program, *(word for option in options.items() for word in option)]
    environment = {"ALFWORLD_DATA": str(tmp_path), "PATH": os.environ["PATH"]}
    subprocess.run(command, check=True, env=environment, capture_output=True)
    games = [json.loads(file.read_text()) for file in (tmp_path / "games").rglob("game.tw-pddl")]
    assert len(games) == len(TASK_TYPES)
    assert all(game["solvable"] and game["walkthrough"] for game in games)


def differences(engine: EngineProcess, game: Game, *, strolls: int) -> None:
    """Walk both by the walkthrough, then on at random, and fail where they differ."""
    twin, rng = Twin(build_scene(game)), generator(0, game.id)
    world = twin.start()
    text, commands = engine.load(game)
    assert text == f"{twin.intro()}\n\nYour task is to: {game.goal}"
    for step in range(len(game.walkthrough) + strolls):
        walking = step < len(game.walkthrough)
        command = game.walkthrough[step] if walking else commands[int(rng.integers(len(commands)))]
        told, commands, won = engine.step(command)
        world, expected, _ = twin.step(world, command)
        assert (told, commands, won) == (expected, twin.admissible(world), twin.won(world))
        assert won or step != len(game.walkthrough) - 1


def write_scene(folder: Path, game: Game) -> None:
    """Write what ALFWorld's compiler reads."""
    folder.mkdir(parents=True)
    thing, _, target, _ = game.id.partition("/")[0].split("-")[1:]
    lamp = target if game.task_type == "look_at_obj_in_light" else ""
    params = {"object_target": thing, "parent_target": target, "toggle_target": lamp, "mrecep_target": ""}
    about = {"task_type": game.task_type, "pddl_params": {**params, "object_sliced": False}}
    (folder / "traj_data.json").write_text(json.dumps(about), encoding="utf-8")
    (folder / "initial_state.pddl").write_text(game.problem, encoding="utf-8")


def as_file(game: Game) -> dict[str, Any]:
    """Return what an official game file holds."""
    return {
        "pddl_domain": game.domain,
        "grammar": game.grammar,
        "pddl_problem": game.problem,
        "solvable": game.solvable,
        "walkthrough": game.walkthrough,
    }


def in_package(program: str, folder: Path) -> str:
    """Return what a program says that imports the package, which makes a folder when it is imported."""
    environment = {"ALFWORLD_DATA": str(folder)}
    done = subprocess.run([sys.executable, "-c", program], check=True, env=environment, capture_output=True, text=True)
    return done.stdout
