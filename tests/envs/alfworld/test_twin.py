from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from envs.alfworld.scene import Goal, Scene
from envs.alfworld.twin import HELP, NOTHING, Twin, World

FRIDGE, MICROWAVE, SHELF, SINK, TABLE = range(5)
BOWL, KNIFE, LAMP, MUG, MUG2, TOMATO = range(6)
NONE: frozenset[int] = frozenset()
ALL = frozenset(range(5))
PLACE = Goal("place", frozenset({MUG, MUG2}), (SHELF,))

KITCHEN = Scene(
    receptacles=("fridge 1", "microwave 1", "shelf 1", "sinkbasin 1", "table 1"),
    objects=("bowl 1", "knife 1", "desklamp 1", "mug 2", "mug 1", "tomato 1"),
    location=("l1", "l2", "l3", "l1", "l3"),  # fridge and sink share a place, shelf and table too
    at={"l1": (FRIDGE, SINK), "l2": (MICROWAVE,), "l3": (SHELF, TABLE)},
    openable=frozenset({FRIDGE, MICROWAVE}),
    sinks=frozenset({SINK}),
    microwaves=frozenset({MICROWAVE}),
    fridges=frozenset({FRIDGE}),
    accepts=(ALL, frozenset({TABLE}), NONE, ALL, ALL, ALL),
    pickupable=frozenset({BOWL, KNIFE, MUG, MUG2, TOMATO}),
    cleanable=frozenset({MUG, MUG2, TOMATO}),
    heatable=frozenset({MUG, TOMATO}),
    coolable=frozenset({MUG, TOMATO}),
    toggleable=frozenset({LAMP}),
    sliceable=frozenset({TOMATO}),
    knives=frozenset({KNIFE}),
    containers=frozenset({BOWL}),
    nested={BOWL: (MUG2, TOMATO)},
    start="l0",
    inside=((TOMATO,), (), (LAMP,), (), (BOWL, KNIFE, MUG, MUG2)),
    lying=frozenset({(TOMATO, "l1"), (LAMP, "l3"), (BOWL, "l3"), (KNIFE, "l3"), (MUG, "l3"), (MUG2, "l3")}),
    opened=NONE,
    clean=NONE,
    hot=NONE,
    cool=NONE,
    toggled=NONE,
    sliced=NONE,
    goal=PLACE,
)


def kitchen(goal: Goal = PLACE) -> Twin:
    return Twin(replace(KITCHEN, goal=goal))


def played(twin: Twin, *commands: str) -> tuple[World, list[str]]:
    world, said = twin.start(), []
    for command in commands:
        world, feedback, admissible = twin.step(world, command)
        assert admissible, f"{command} is not admissible: {twin.admissible(world)}"
        said.append(feedback)
    return world, said


def test_the_first_text_lists_the_room_and_looking_again_does_not() -> None:
    twin = kitchen()
    assert twin.intro() == (
        "-= Welcome to TextWorld, ALFRED! =-\n\nYou are in the middle of a room. Looking quickly around you, you see "
        "a fridge 1, a microwave 1, a shelf 1, a sinkbasin 1, and a table 1."
    )
    assert played(twin, "look")[1] == ["You are in the middle of a room. Looking quickly around you, you see nothing."]


def test_commands_in_the_middle_of_the_room_are_sorted() -> None:
    names = KITCHEN.receptacles
    expected = sorted([*(f"go to {name}" for name in names), "help", "inventory", "look"])
    assert list(kitchen().admissible(kitchen().start())) == expected


def test_going_opening_and_closing_show_what_is_inside() -> None:
    _, said = played(
        kitchen(),
        "go to fridge 1",
        "open fridge 1",
        "take tomato 1 from fridge 1",
        "close fridge 1",
        "examine fridge 1",
    )
    assert said == [
        "You arrive at fridge 1. The fridge 1 is closed.",
        "You open the fridge 1. The fridge 1 is open. In it, you see a tomato 1.",
        "You pick up the tomato 1 from the fridge 1.",
        "You close the fridge 1.",
        "The fridge 1 is closed.",
    ]


def test_receptacles_at_one_place_are_used_without_going() -> None:
    twin = kitchen()
    world, said = played(
        twin, "go to table 1", "look", "take mug 2 from table 1", "look", "move mug 2 to shelf 1", "look"
    )
    assert said == [
        "You arrive at table 1. On the table 1, you see a bowl 1, a knife 1, a mug 2, and a mug 1.",
        "You are facing the shelf 1, and table 1. Next to it, you see nothing.",
        "You pick up the mug 2 from the table 1.",
        "You are facing the shelf 1, and table 1. Next to it, you see nothing.",
        "You move the mug 2 to the shelf 1.",
        "You are facing the shelf 1, and table 1. Next to it, you see a mug 2.",
    ]
    assert not {"go to shelf 1", "go to table 1"} & set(twin.admissible(world))
    assert twin.won(world)


def test_what_is_carried_is_listed_and_examined() -> None:
    _, said = played(
        kitchen(), "inventory", "go to table 1", "take bowl 1 from table 1", "inventory", "examine bowl 1", "help"
    )
    assert said[0] == "You are not carrying anything."
    assert said[3:] == [
        "You are carrying: a bowl 1.",
        "This is a normal bowl 1. In it, you see a mug 1, and a tomato 1.",
        HELP,
    ]


def test_treatments_show_when_the_object_is_examined() -> None:
    twin = kitchen()
    begin = ("go to table 1", "take mug 2 from table 1")
    heat, cool = ("go to microwave 1", "heat mug 2 with microwave 1"), ("go to fridge 1", "cool mug 2 with fridge 1")
    clean = ("go to sinkbasin 1", "clean mug 2 with sinkbasin 1")
    for treatment, expected in [
        ((), "There's nothing special about mug 2."),
        (heat, "This is a hot mug 2."),
        (cool, "This is a cold mug 2."),
        ((*cool, *heat), "This is a hot mug 2."),
        (clean, "This is a clean mug 2."),
        ((*clean, *heat), "This is a hot and clean mug 2."),
        ((*heat, "go to sinkbasin 1", "clean mug 2 with sinkbasin 1", "cool mug 2 with fridge 1"), None),
    ]:
        _, said = played(twin, *begin, *treatment, "examine mug 2")
        assert said[-1] == (expected or "This is a cool and clean mug 2.")
    assert played(twin, *begin, *heat)[1][-1] == "You heat the mug 2 using the microwave 1."


def test_a_knife_slices_what_lies_here() -> None:
    twin = kitchen()
    take = ("go to table 1", "take knife 1 from table 1", "go to fridge 1")
    world, said = played(twin, *take, "slice tomato 1 with knife 1")
    assert said[-1] == "You sliced the tomato 1 with the knife 1."
    assert world.sliced == {TOMATO}
    assert "slice tomato 1 with knife 1" not in twin.admissible(played(twin, *take[:2])[0])


def test_wrong_commands_change_nothing() -> None:
    twin = kitchen()
    world, _ = played(twin, "go to table 1")
    for command in ("", "go to table 1", "go to moon 1", "take tomato 1 from table 1", "Look", "take mug 2", "close"):
        assert twin.step(world, command) == (world, NOTHING, False)
    assert twin.step(world, "  look ")[2]


@pytest.mark.parametrize(
    ("goal", "almost", "last"),
    [
        (PLACE, ("go to table 1", "take mug 1 from table 1"), "move mug 1 to shelf 1"),
        (
            Goal("two", frozenset({MUG, MUG2}), (SHELF,)),
            ("go to table 1", "take mug 1 from table 1", "move mug 1 to shelf 1", "take mug 2 from table 1"),
            "move mug 2 to shelf 1",
        ),
        (
            Goal("treat", frozenset({TOMATO}), (SINK,), "hot"),
            (
                "go to fridge 1",
                "open fridge 1",
                "take tomato 1 from fridge 1",
                "move tomato 1 to sinkbasin 1",
                "take tomato 1 from sinkbasin 1",
                "go to microwave 1",
                "heat tomato 1 with microwave 1",
                "go to fridge 1",
            ),
            "move tomato 1 to sinkbasin 1",
        ),
        (
            Goal("light", frozenset({KNIFE}), lamps=frozenset({LAMP})),
            ("go to table 1", "take knife 1 from table 1"),
            "use desklamp 1",
        ),
        (
            Goal("light", frozenset({KNIFE}), lamps=frozenset({LAMP})),
            ("go to table 1", "use desklamp 1"),
            "take knife 1 from table 1",
        ),
    ],
)
def test_goals_hold_from_the_last_command_on(goal: Goal, almost: tuple[str, ...], last: str) -> None:
    twin = kitchen(goal)
    for count in range(len(almost) + 1):
        assert not twin.won(played(twin, *almost[:count])[0])
    assert twin.won(played(twin, *almost, last)[0])


def test_two_objects_in_two_receptacles_are_not_enough() -> None:
    twin = kitchen(Goal("two", frozenset({MUG, MUG2}), (SHELF, SINK)))
    world, _ = played(twin, "go to table 1", "take mug 1 from table 1", "move mug 1 to shelf 1")
    for command in ("take mug 2 from table 1", "go to sinkbasin 1", "move mug 2 to sinkbasin 1"):
        world, _, _ = twin.step(world, command)
    assert not twin.won(world)


def test_the_order_of_independent_commands_does_not_matter() -> None:
    twin = kitchen()
    one, _ = played(twin, "go to fridge 1", "open fridge 1", "go to microwave 1", "open microwave 1")
    other, _ = played(
        twin, "go to fridge 1", "go to microwave 1", "open microwave 1", "go to fridge 1", "open fridge 1"
    )
    assert one != other
    assert one == twin.step(other, "go to microwave 1")[0]
    assert hash(one) == hash(twin.step(other, "go to microwave 1")[0])


@settings(max_examples=40, deadline=None)
@given(st.lists(st.integers(0, 10**6), max_size=60))
def test_walks_keep_every_object_somewhere_and_old_worlds_as_they_were(choices: list[int]) -> None:
    twin, fresh = kitchen(), kitchen()
    world, before = twin.start(), []
    for choice in choices:
        admissible = twin.admissible(world)
        assert list(admissible) == sorted(set(admissible))
        command = admissible[choice % len(admissible)]
        before.append((world, command))
        world, _, _ = twin.step(world, command)
        inside = [thing for things in world.inside for thing in things]
        assert sorted([*inside, *([world.held] if world.held >= 0 else [])]) == list(range(6))
        assert not world.hot & world.cool
        assert all(list(things) == sorted(things) for things in world.inside)
    again = fresh.start()
    for old, command in before:
        assert old == again
        again, _, admissible_again = fresh.step(again, command)
        assert admissible_again
