"""Worlds with options, graders and oracles on the command line, by a plug-in; see plugins/quizland.py."""

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from agent.bench import load_domain
from agent.runner import default_folder
from agent.settings import Settings, usual_parts
from slinvit.errors import InputError

Slinvit = Callable[..., Any]
QUIZ = "quizland:Quizland"
ORACLE = ("--value", "oracle", "--planner", "slinvit:breadth=3,depth=1,lam=0")


def test_the_tasks_prior_and_value_of_a_run_are_the_worlds_own(slinvit: Slinvit) -> None:
    found = slinvit("run", QUIZ, "--json").json
    assert (found["tasks"], found["prior"], found["value"], found["episodes"]) == ("3", "quizland:guesses", "zero", 3)
    assert usual_parts("blocksworld")["tasks"] == "random:40"


def test_the_rewards_of_a_grader_are_in_the_summary(slinvit: Slinvit) -> None:
    found = slinvit("run", QUIZ, "--planner", "greedy", "--json").json
    # The most probable guess is 1: right for 0 + 1, within 2 for the other two.
    assert found["successes"] == 1
    assert found["scores"]["reward"] == pytest.approx((1 + 0.5 + 0.5) / 3)
    assert found["scores"]["parts"] == {"near": 1.0}
    assert (found["scores"]["nonempty"]["successes"], found["scores"]["nonempty"]["episodes"]) == (0, 2)
    table = slinvit("run", QUIZ, "--planner", "greedy", "--out", "again").out
    for words in ("mean reward", "· near", "corrected", "non-empty gold"):
        assert words in table


def test_a_world_without_a_grader_has_no_scores(slinvit: Slinvit) -> None:
    found = slinvit("run", "toyland:Toyland", "--tasks", 2, "--prior", "uniform", "--value", "zero", "--json").json
    assert found["scores"] is None
    assert found["oracles"] == []


def test_the_oracle_finds_the_right_guess_and_is_labelled(slinvit: Slinvit) -> None:
    found = slinvit("run", QUIZ, *ORACLE, "--tasks", 2, "--json").json
    assert found["successes"] == 2
    assert (found["oracle"], found["oracles"]) == (True, ["value"])
    assert "yes: value" in slinvit("run", QUIZ, *ORACLE, "--tasks", 2, "--out", "again").out


@pytest.mark.parametrize(
    ("arguments", "parts"),
    [
        ((QUIZ, *ORACLE), "the value 'oracle'"),
        ((QUIZ, "--prior", "quizland:guesses:oracle=true"), "the prior 'quizland:guesses:oracle=true'"),
        ((f"{QUIZ}:feedback=reward",), "the world 'quizland:Quizland:feedback=reward'"),
        ((f"{QUIZ}:feedback=reward", *ORACLE), "the world .* and the value 'oracle'"),
    ],
)
def test_a_forbidden_oracle_is_refused_before_anything_runs(
    slinvit: Slinvit, arguments: tuple[str, ...], parts: str
) -> None:
    outcome = slinvit("run", *arguments, "--forbid-oracle", "--out", "out")
    assert outcome.code == 2
    assert (outcome.out, outcome.err.count("\n")) == ("", 1)
    assert re.search(parts, outcome.err)
    assert not Path("out").exists()


def test_a_run_without_an_oracle_may_forbid_it_and_is_the_same_run(slinvit: Slinvit) -> None:
    first, second = (slinvit("run", QUIZ, *more, "--json").json for more in ((), ("--forbid-oracle",)))
    assert first["run_dir"] == second["run_dir"]


@pytest.mark.parametrize("by_flag", [True, False])
def test_a_comparison_refuses_an_oracle_in_any_row_before_the_first_runs(slinvit: Slinvit, by_flag: bool) -> None:
    settings = [{"name": "plain"}, {"name": "knows", "value": "oracle"}]
    content = {"env": QUIZ, "tasks": "2", "settings": settings, **({} if by_flag else {"forbid_oracle": True})}
    Path("quiz.yaml").write_text(json.dumps(content))
    outcome = slinvit("compare", "quiz.yaml", "--out", "out", *(["--forbid-oracle"] if by_flag else []))
    assert outcome.code == 2
    assert "the value 'oracle'" in outcome.err
    assert not Path("out").exists()


def test_a_comparison_shows_rewards_and_names_the_oracles(slinvit: Slinvit) -> None:
    settings = [{"name": "plain"}, {"name": "knows", "value": "oracle", "lam": 0}]
    Path("quiz.yaml").write_text(json.dumps({"env": QUIZ, "breadth": 3, "settings": settings}))
    outcome = slinvit("compare", "quiz.yaml", "--out", "out")
    assert outcome.code == 0
    for words in ("mean", "non-empty", "knows (value)", "3 tasks"):
        assert words in " ".join(outcome.out.split())


def test_options_of_a_world_reach_it_and_the_run_folder_is_short(slinvit: Slinvit) -> None:
    settings = Settings(env=f"{QUIZ}:feedback=reward,mood=bad/../or=worse")
    domain: Any = load_domain(Settings(env=f"{QUIZ}:feedback=reward,mood=bad"))
    assert (domain.feedback, domain.mood) == ("reward", "bad")
    folder = default_folder(settings)
    assert folder.parent == Path("runs")
    assert folder.name == f"quizland.Quizland-{settings.digest()}"
    assert default_folder(Settings(env=QUIZ)).name != folder.name


@pytest.mark.parametrize(
    ("env", "engine", "message"),
    [
        ("alfworld:gramar=put", None, "no option 'gramar'; did you mean 'grammar'"),
        ("alfworld:put", None, "takes no argument 'put'"),
        ("alfworld:engine=twin", "twin", "the engine is given in"),
        ("alfworld:skip_bad=yes", None, "no option 'skip_bad'"),
        ("alfword:grammar=put", None, "did you mean 'alfworld'"),
        (f"{QUIZ}:mode=bad", None, "no option 'mode'; did you mean 'mood'"),
        ("toyland:Toyland:size=3", None, "no option 'size'; it has none"),
    ],
)
def test_what_a_world_does_not_take_is_refused(slinvit: Slinvit, env: str, engine: str | None, message: str) -> None:
    with pytest.raises(InputError, match=message):
        load_domain(Settings(env=env, engine=engine))


def test_a_world_with_options_is_named_in_every_command(slinvit: Slinvit) -> None:
    outcome = slinvit("run", f"{QUIZ}:mood=bad", "--json")
    assert outcome.json["env"] == f"{QUIZ}:mood=bad"
    header = json.loads((Path(outcome.json["run_dir"]) / "run.json").read_text())
    assert header["world"] == {"feedback": "none", "mood": "bad", "oracle": False}
