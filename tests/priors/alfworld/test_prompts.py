from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from envs.alfworld.domain import AlfworldDomain
from envs.alfworld.game import TASK_TYPES
from priors import build
from priors.alfworld.prompts import example
from priors.alfworld.reading import Belief, Wish, after, believe, read_goal, read_sight
from priors.templates import template
from slinvit import Budget, InputError, State

WISHES = [
    Wish("place", "a", "b"),
    Wish("two", "a", "b"),
    Wish("light", "a", "b"),
    *(Wish("treat", "a", "b", treatment) for treatment in ("clean", "heat", "cool")),
]


@pytest.mark.parametrize("wish", WISHES, ids=lambda wish: wish.treatment or wish.kind)
def test_every_example_is_of_its_kind_and_ends_with_the_task_done(wish: Wish) -> None:
    lines = example(wish).splitlines()
    goal = read_goal(lines[1].removeprefix("Your task is to: "))
    assert (goal.kind, goal.treatment) == (wish.kind, wish.treatment)
    belief = Belief()
    for line in lines[2:]:
        belief = after(belief, read_sight(line))
    if wish.kind == "light":
        assert belief.held.startswith(goal.object)
        assert any(lamp.startswith(goal.target) for lamp in belief.lit)
    else:
        there = [things for place, things in belief.places(goal.object).items() if place.startswith(goal.target)]
        assert max(map(len, there)) == (2 if wish.kind == "two" else 1)
    for treatment, thing in belief.treated:
        assert (treatment, thing.split()[0]) == (goal.treatment, goal.object)


@pytest.mark.parametrize("task_type", TASK_TYPES)
def test_a_prompt_shows_example_room_task_and_every_step_and_ends_before_the_command(task_type: str) -> None:
    domain = AlfworldDomain()
    (game,) = domain.load(f"generated:1,type={task_type}")
    env = domain.environment(game)
    env.reset()
    states = [env.step(command).state for command in game.game.walkthrough[:3]]
    prompt, thoughtful = (template(name).prompt(states[-1]) for name in ("alfworld", "alfworld-react"))
    assert prompt.endswith(f"> {game.game.walkthrough[2]}\n{states[-1].observation}\n> ")
    assert f"Your task is to: {states[-1].task.goal}\n" in prompt
    assert "think:" in thoughtful
    assert "think:" not in prompt
    assert all(f"a {place}" in prompt for place in believe(states[-1]).contents)


def test_the_prompt_refuses_other_worlds(kitchen: State, household: Callable[..., State]) -> None:
    with pytest.raises(InputError, match="the ALFWorld prompt reads alfworld states, not 'kitchen'"):
        template("alfworld").prompt(kitchen)
    assert "a desk 1" in template("alfworld").prompt(household("put a cd in desk."))


def test_a_language_model_scores_the_commands_behind_the_prompt(
    model_folder: Callable[[str], Path], household: Callable[..., State]
) -> None:
    state = household("put a cd in desk.", actions=("go to desk 1", "go to desk 10", "look"))
    prior = build(f"hf:{model_folder('llama')},template=alfworld")
    budget = Budget()
    (found,) = prior.propose([state], budget=budget, rng=np.random.default_rng(0))
    assert found.actions == state.actions
    assert found.method == "exact"
    assert budget.ledger().llm_calls == 1
