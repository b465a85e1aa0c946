from collections.abc import Callable

import numpy as np
import pytest

from envs.alfworld.domain import AlfworldDomain
from priors import build, is_deterministic
from priors.alfworld.placement import read_command
from slinvit import Budget, InputError, State, UnknownName

MakeState = Callable[..., State]
ROOM = ("go to cabinet 1", "go to drawer 1", "go to fridge 1", "go to microwave 1", "help", "look")


def probs(spec: str, state: State) -> dict[str, float]:
    (given,) = build(spec).propose([state], budget=Budget(), rng=np.random.default_rng(0))
    assert given.actions == state.actions
    return dict(zip(given.actions, given.probs.tolist(), strict=True))


def best(spec: str, state: State) -> str:
    found = probs(spec, state)
    return max(found, key=found.__getitem__)


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("go to desk 1", ("go", "", "desk 1")),
        ("open safe 1", ("open", "", "safe 1")),
        ("take cd 1 from desk 1", ("take", "cd 1", "desk 1")),
        ("move cd 1 to desk 1", ("put", "cd 1", "desk 1")),
        ("put cd 1 in/on desk 1", ("put", "cd 1", "desk 1")),
        ("heat egg 1 with microwave 1", ("heat", "egg 1", "microwave 1")),
        ("use desklamp 1", ("use", "desklamp 1", "")),
        ("examine desk 1", ("else", "", "")),
        ("slice apple 1 with knife 1", ("else", "", "")),
    ],
)
def test_commands_of_both_grammars_are_read(text: str, parts: tuple[str, str, str]) -> None:
    assert read_command(text) == parts


def test_an_egg_is_looked_for_in_the_fridge_first_and_where_it_was_seen_later(household: MakeState) -> None:
    goal = "put a hot egg in drawer."
    assert best("placement", household(goal, actions=ROOM)) == "go to fridge 1"
    elsewhere = ("go to cabinet 1", "You arrive at cabinet 1. On the cabinet 1, you see a egg 1.")
    away = ("go to microwave 1", "You arrive at microwave 1. The microwave 1 is closed.")
    assert best("placement", household(goal, elsewhere, away, actions=ROOM)) == "go to cabinet 1"


def test_what_was_looked_into_in_vain_is_no_place_to_look_again(household: MakeState) -> None:
    empty = ("go to fridge 1", "You arrive at fridge 1. The fridge 1 is open. In it, you see nothing.")
    found = probs("placement", household("put a hot egg in drawer.", empty, actions=ROOM))
    assert found["go to fridge 1"] == found["look"] == min(found.values())


def test_the_placement_prior_does_not_know_the_order_and_the_expert_does(household: MakeState) -> None:
    taken = ("take egg 1 from fridge 1", "You pick up the egg 1 from the fridge 1.")
    state = household("put a hot egg in drawer.", taken, actions=ROOM)
    weak, expert = probs("placement", state), probs("expert", state)
    assert weak["go to microwave 1"] == pytest.approx(weak["go to drawer 1"])
    assert expert["go to microwave 1"] > 100 * expert["go to drawer 1"]


def test_going_to_one_of_many_alike_shares_the_weight_of_the_kind(household: MakeState) -> None:
    taken = ("take egg 1 from fridge 1", "You pick up the egg 1 from the fridge 1.")
    rooms = ("go to drawer 1", "go to drawer 2", "go to microwave 1", "look")
    found = probs("placement", household("put a hot egg in drawer.", taken, actions=rooms))
    assert found["go to drawer 1"] == found["go to drawer 2"] == pytest.approx(found["go to microwave 1"] / 2)


def test_the_expert_brings_the_second_thing_to_the_first(household: MakeState) -> None:
    steps = (
        ("move cd 1 to drawer 2", "You move the cd 1 to the drawer 2."),
        ("take cd 2 from desk 1", "You pick up the cd 2 from the desk 1."),
    )
    state = household("put two cd in drawer.", *steps, actions=("go to drawer 1", "go to drawer 2", "look"))
    weak, expert = probs("placement", state), probs("expert", state)
    assert weak["go to drawer 1"] == pytest.approx(weak["go to drawer 2"])
    assert expert["go to drawer 2"] > 100 * expert["go to drawer 1"]


def test_every_command_keeps_some_probability_and_nothing_is_spent(household: MakeState) -> None:
    state = household("look at cd under the desklamp.", actions=ROOM)
    budget = Budget({"llm_calls": 0})
    (given,) = build("placement").propose([state], budget=budget, rng=np.random.default_rng(0))
    assert given.probs.min() > 0
    assert is_deterministic(build("placement"))
    assert given.log_probs == pytest.approx(np.log([probs("placement", state)[action] for action in ROOM]))


def test_the_inverted_control_looks_for_eggs_where_they_never_are(household: MakeState) -> None:
    assert best("placement:rates=inverted", household("put a hot egg in drawer.", actions=ROOM)) != "go to fridge 1"


@pytest.mark.parametrize("task_type", ["place", "light", "clean", "heat", "cool", "two"])
def test_the_expert_solves_generated_games_on_its_own(task_type: str) -> None:
    domain = AlfworldDomain()
    prior = build("expert:mask=true")
    for game in domain.load(f"generated:3,type={task_type},seed=1"):
        env = domain.environment(game)
        state = env.reset()
        while not state.over:
            (given,) = prior.propose([state], budget=Budget(), rng=np.random.default_rng(0))
            state = env.step(given.ranked()[0][0]).state
        assert state.solved, game.id


def test_what_the_prior_cannot_use_is_refused_in_one_line(household: MakeState) -> None:
    with pytest.raises(InputError, match="rates=upside must be counted or inverted"):
        build("placement:rates=upside")
    with pytest.raises(InputError, match="has no option 'rate'; did you mean 'rates'"):
        build("placement:rate=inverted")
    with pytest.raises(UnknownName, match="did you mean 'placement'"):
        build("placemnt")
    with pytest.raises(InputError, match="this prior reads alfworld states, not 'kitchen'"):
        probs("placement", household("put a cd in desk.", domain="kitchen"))
