from dataclasses import replace
from itertools import pairwise

import pytest

from priors.alfworld.progress import SUBGOALS, Credit, home, progress, sources
from priors.alfworld.reading import Belief, Wish

BARE = Credit(novelty=False)
EGG = Wish("treat", "egg", "drawer", "heat")
TWO = Wish("two", "cd", "drawer")
LIGHT = Wish("light", "cd", "desklamp")


def seen(**contents: set[str]) -> Belief:
    return Belief(contents={name.replace("_", " "): frozenset(things) for name, things in contents.items()})


def at(belief: Belief, *places: str) -> Belief:
    return replace(belief, here=frozenset(places))


def test_each_subgoal_of_a_treatment_raises_the_value_by_its_share() -> None:
    known = seen(fridge_1={"egg 1"})
    held = replace(seen(fridge_1=set()), held="egg 1")
    hot = replace(held, treated=frozenset({("heat", "egg 1")}))
    closed = replace(hot, closed=frozenset({"drawer 1"}))
    course = [
        (seen(), 0),
        (known, 1),
        (at(known, "fridge 1"), 1.5),
        (held, 2),
        (at(held, "drawer 1"), 2),
        (at(held, "microwave 1"), 3),
        (hot, 4),
        (at(closed, "drawer 1"), 4.5),
        (at(hot, "drawer 1"), 5),
    ]
    assert [progress(EGG, belief, BARE) * SUBGOALS["treat"] for belief, _ in course] == [done for _, done in course]


def test_an_untreated_object_at_its_target_is_only_a_found_one() -> None:
    assert progress(EGG, seen(drawer_1={"egg 1"}), BARE) == progress(EGG, seen(fridge_1={"egg 1"}), BARE)


def test_two_things_must_get_into_the_same_receptacle() -> None:
    apart = seen(drawer_1={"cd 1"}, drawer_2={"cd 2"})
    assert home(TWO, apart)[1] == 1
    (source,) = sources(TWO, apart)
    assert {source, home(TWO, apart)[0]} == {"drawer 1", "drawer 2"}
    second = replace(seen(drawer_1={"cd 1"}, drawer_2=set()), held="cd 2")
    assert progress(TWO, at(second, "drawer 1"), BARE) > progress(TWO, at(second, "drawer 2"), BARE)


def test_a_lamp_counts_when_the_object_is_held_beside_it() -> None:
    known = seen(desk_1={"desklamp 1"})
    held = replace(known, held="cd 1")
    values = [progress(LIGHT, belief, BARE) * 4 for belief in (seen(), known, held, at(held, "desk 1"))]
    assert values == [0, 0.5, 2.5, 3.5]
    lit = replace(at(held, "desk 1"), lit=frozenset({"desklamp 1"}))
    assert progress(LIGHT, lit, BARE) == 1.0


def test_holding_what_the_task_does_not_ask_for_costs_less_than_a_subgoal() -> None:
    known = seen(desk_1={"egg 1"})
    assert 0 < progress(EGG, known, BARE) - progress(EGG, replace(known, held="cd 1"), BARE) < 1 / SUBGOALS["treat"]


def test_novelty_grows_with_every_receptacle_and_never_reaches_half_a_subgoal() -> None:
    empty = [seen(**{f"shelf_{i}": set() for i in range(n)}) for n in range(100)]
    values = [progress(EGG, belief, Credit()) * SUBGOALS["treat"] for belief in empty]
    assert all(low < high for low, high in pairwise(values))
    assert values[-1] < 0.5
    closed = replace(seen(), closed=frozenset({"safe 1"}))
    assert values[0] < progress(EGG, closed, Credit()) * SUBGOALS["treat"] < values[1]


@pytest.mark.parametrize(
    ("belief", "credit"),
    [
        (seen(desk_1={"egg 1"}), Credit(found=False, novelty=False)),
        (at(seen(), "microwave 1"), Credit(proximity=False, novelty=False)),
        (seen(desk_1=set()), Credit(novelty=False)),
    ],
)
def test_a_part_that_does_not_count_adds_nothing(belief: Belief, credit: Credit) -> None:
    assert progress(EGG, belief, credit) == 0
