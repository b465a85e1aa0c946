import pytest
from hypothesis import given
from hypothesis import strategies as st

from envs.alfworld.domain import AlfworldDomain
from envs.alfworld.game import TASK_TYPES
from priors.alfworld.reading import Belief, Sight, Wish, after, believe, read_goal, read_sight
from slinvit import InputError

KINDS = dict(zip(TASK_TYPES, ("place", "light", "treat", "treat", "treat", "two"), strict=True))


@pytest.mark.parametrize(
    ("goal", "wish"),
    [
        ("put a book in sofa.", Wish("place", "book", "sofa")),
        ("put some book on sidetable.", Wish("place", "book", "sidetable")),
        ("put a clean fork in drawer.", Wish("treat", "fork", "drawer", "clean")),
        ("clean some fork and put it in drawer.", Wish("treat", "fork", "drawer", "clean")),
        ("put a hot egg in fridge.", Wish("treat", "egg", "fridge", "heat")),
        ("heat some egg and put it in fridge.", Wish("treat", "egg", "fridge", "heat")),
        ("put a cool cup in microwave.", Wish("treat", "cup", "microwave", "cool")),
        ("cool some cup and put it in microwave.", Wish("treat", "cup", "microwave", "cool")),
        ("put two cd in drawer.", Wish("two", "cd", "drawer")),
        ("find two cd and put them in drawer.", Wish("two", "cd", "drawer")),
        ("look at cd under the desklamp.", Wish("light", "cd", "desklamp")),
        ("examine the cd with the floorlamp.", Wish("light", "cd", "floorlamp")),
    ],
)
def test_every_task_text_of_the_games_is_read(goal: str, wish: Wish) -> None:
    assert read_goal(goal) == wish


def test_another_text_is_refused_with_an_example() -> None:
    with pytest.raises(InputError, match="cannot read the ALFWorld task 'have a nice day': expected one such as"):
        read_goal("have a nice day")


@pytest.mark.parametrize(
    ("text", "sight"),
    [
        (
            "You arrive at desk 1. On the desk 1, you see a cd 2, a pen 1, and a pen 2.",
            Sight("arrive", receptacle="desk 1", things=frozenset({"cd 2", "pen 1", "pen 2"})),
        ),
        ("You arrive at loc 12. On the bed 1, you see nothing.", Sight("arrive", "", "bed 1", frozenset())),
        ("You arrive at safe 1. The safe 1 is closed.", Sight("arrive", "", "safe 1", closed=True, openable=True)),
        (
            "You open the safe 1. The safe 1 is open. In it, you see a cd 1.",
            Sight("", "", "safe 1", frozenset({"cd 1"}), openable=True),
        ),
        ("You close the safe 1.", Sight("", "", "safe 1", closed=True, openable=True)),
        ("You pick up the cd 1 from the desk 1.", Sight("take", "cd 1", "desk 1")),
        ("You move the cd 1 to the desk 1.", Sight("put", "cd 1", "desk 1")),
        ("You put the cd 1 in/on the desk 1.", Sight("put", "cd 1", "desk 1")),
        ("You heat the egg 1 using the microwave 1.", Sight("heat", "egg 1", "microwave 1")),
        ("You turn on the desklamp 1.", Sight("light", "desklamp 1")),
        ("You are carrying: a cd 1.", Sight("hold", "cd 1")),
        ("You are not carrying anything.", Sight()),
        ("Nothing happens.", Sight()),
        ("There's nothing special about cd 1.", Sight()),
    ],
)
def test_every_kind_of_text_is_read_in_both_grammars(text: str, sight: Sight) -> None:
    assert read_sight(text) == sight


@given(st.text(max_size=80))
def test_any_text_is_read_without_complaint(text: str) -> None:
    assert isinstance(after(Belief(), read_sight(text)), Belief)


@pytest.mark.parametrize("grammar", ["move", "put"])
@pytest.mark.parametrize("task_type", TASK_TYPES)
def test_along_a_walkthrough_the_belief_agrees_with_the_world(task_type: str, grammar: str) -> None:
    domain = AlfworldDomain(grammar=grammar)
    (game,) = domain.load(f"generated:1,type={task_type},seed=3")
    env = domain.environment(game)
    state = env.reset()
    held = ""
    for command in game.game.walkthrough:
        state = env.step(command).state
        words = command.split()
        held = " ".join(words[1:3]) if words[0] == "take" else "" if words[0] == "move" else held
        belief = believe(state)
        assert belief.held == held
        if belief.held:
            assert f"examine {belief.held}" in (state.actions or ())
        assert {f"examine {place}" for place in belief.here} <= set(state.actions or ())
        for place, things in belief.contents.items():
            assert held not in things
            offered = {a.removeprefix("take ") for a in state.actions or () if a.endswith(f" from {place}")}
            assert {text.partition(" from ")[0] for text in offered} <= things
    assert state.solved
    assert read_goal(state.task.goal).kind == KINDS[task_type]


def test_cooling_undoes_heating() -> None:
    belief = Belief()
    for text in ("You heat the egg 1 using the microwave 1.", "You cool the egg 1 using the fridge 1."):
        belief = after(belief, read_sight(text))
    assert belief.treated == {("cool", "egg 1")}


def test_a_new_trial_puts_everything_back_to_where_it_was_first_seen() -> None:
    texts = (
        "You arrive at desk 1. On the desk 1, you see a cd 1.",
        "You pick up the cd 1 from the desk 1.",
        "You arrive at safe 1. The safe 1 is closed.",
        "You open the safe 1. The safe 1 is open. In it, you see nothing.",
        "You move the cd 1 to the safe 1.",
        "Nothing happens.\n\nTrial 2 of 2 begins.\n\n-= Welcome to TextWorld, ALFRED! =-\n\nYou are in the middle.",
    )
    belief = Belief()
    for text in texts:
        belief = after(belief, read_sight(text))
    assert belief.contents == {"desk 1": {"cd 1"}, "safe 1": set()}
    assert (belief.held, belief.here, belief.closed) == ("", frozenset(), frozenset({"safe 1"}))
