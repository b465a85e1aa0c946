import json
from typing import Any

import pytest

from envs.alfworld.game import Game, parse_game
from slinvit import InputError

CONTENT = {"pddl_domain": "rules", "grammar": 'x "Your task is to: put a mug in shelf."', "pddl_problem": "(:init)"}


def parsed(**changes: Any) -> Game:
    return parse_game(json.dumps({**CONTENT, **changes}), id="pick_heat_then_place_in_recep-Mug/trial_1", split="mine")


def test_a_game_file_says_its_task_type_and_solution() -> None:
    game = parsed(walkthrough=["look", "help"], solvable=False)
    assert game.goal == "put a mug in shelf."
    assert game.task_type == "pick_heat_then_place_in_recep"
    assert game.walkthrough == ("look", "help")
    assert not game.solvable
    assert repr(game) == "Game(mine/pick_heat_then_place_in_recep-Mug/trial_1)"


def test_games_share_rules_whatever_their_task() -> None:
    other = parsed(grammar=CONTENT["grammar"].replace("mug", "pen"))
    assert other.goal == "put a pen in shelf."
    assert other.rules == parsed().rules
    assert other.rules != parsed(grammar=CONTENT["grammar"] + " ").rules
    assert parsed().domain is other.domain


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("{", "JSONDecodeError"),
        ("[]", "TypeError"),
        ("{}", "KeyError"),
        (b"\xff\xfe\x00", "UnicodeDecodeError"),
        (json.dumps({**CONTENT, "pddl_problem": 3}), "must be texts"),
        (json.dumps({**CONTENT, "walkthrough": [1]}), "must be texts"),
        (json.dumps({**CONTENT, "walkthrough": 5}), "TypeError"),
        (json.dumps({**CONTENT, "grammar": "none"}), "says no task"),
        (json.dumps({**CONTENT, "grammar": "Your task is to: "}), "its task is empty"),
    ],
)
def test_what_is_no_game_file_is_named(text: str | bytes, reason: str) -> None:
    with pytest.raises(InputError, match=f"game broken: .*{reason}"):
        parse_game(text, id="broken", split="")
