from dataclasses import replace

import pytest

from envs.alfworld.scene import KNOWN_RULES, UnknownGame, build_scene, display_names, rules_checksum
from envs.alfworld.task import AlfworldTask
from envs.alfworld.twin import Twin
from slinvit import InputError


def test_names_count_down_in_the_order_of_the_ids() -> None:
    ids = {"mug_bar__minus_01", "mug_bar__plus_00", "sink_bar__plus_02_bar_sinkbasin", "mugtype", "loc_bar__minus_3"}
    assert display_names(ids) == {
        "loc_bar__minus_3": "loc 1",
        "mug_bar__minus_01": "mug 2",
        "mug_bar__plus_00": "mug 1",
        "sink_bar__plus_02_bar_sinkbasin": "sinkbasin 1",
    }


def test_the_stored_solution_wins_every_real_game_and_not_before_its_end(valid_seen: list[AlfworldTask]) -> None:
    for task in valid_seen:
        assert rules_checksum(task.game) == KNOWN_RULES
        twin = Twin(build_scene(task.game))
        world = twin.start()
        for command in task.game.walkthrough:
            assert not twin.won(world)
            world, _, admissible = twin.step(world, command)
            assert admissible, f"{task.id}: {command}"
        assert twin.won(world)


def test_other_rules_facts_goals_and_agents_are_unknown(valid_seen: list[AlfworldTask]) -> None:
    game = valid_seen[0].game
    problem = game.problem
    for changed, message in [
        (replace(game, domain=game.domain + " "), "its rules have the checksum"),
        (replace(game, grammar=game.grammar.replace("You open", "You opened")), "its rules have the checksum"),
        (replace(game, problem=problem.replace("(:init", "(:init (haunted desk_bar_1)")), "facts about haunted"),
        (replace(game, problem=problem.replace("(:init", "(:init (atLocation agent2 loc1)")), "it has 2 agents"),
        (replace(game, problem=problem.replace("isToggled", "isOn")), "its goal is"),
        (replace(game, problem=problem.partition("(:goal")[0]), "its goal is"),
    ]:
        with pytest.raises(UnknownGame, match=f"game {game.id}: .*{message}.*; the twin does not know that"):
            build_scene(changed)


def test_a_problem_that_contradicts_itself_is_corrupt(valid_seen: list[AlfworldTask]) -> None:
    game = valid_seen[0].game
    broken = game.problem.replace("(:init", "(:init (inReceptacle mug_bar_1 nowhere_bar_1)")
    with pytest.raises(InputError, match="its PDDL problem is corrupt"):
        build_scene(replace(game, problem=broken))
