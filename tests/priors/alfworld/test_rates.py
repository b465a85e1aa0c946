import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from priors.alfworld.rates import SMOOTHING, estimate_rates, read_rates
from slinvit import InputError

COUNTS = {"egg": {"fridge": [6, 10], "drawer": [0, 30]}, "pen": {"desk": [9, 10], "drawer": [6, 20]}}


def test_the_rate_is_the_smoothed_share_of_receptacles_that_held_one() -> None:
    rates = estimate_rates(COUNTS, {})
    fridge = (6 + 1) / (10 + 2)
    assert rates.rate("egg", "fridge") == pytest.approx((6 + SMOOTHING * fridge) / (10 + SMOOTHING))
    drawer = (0 + 6 + 1) / (30 + 20 + 2)
    assert rates.rate("egg", "drawer") == pytest.approx(SMOOTHING * drawer / (30 + SMOOTHING))
    assert rates.rate("pen", "fridge") == pytest.approx(fridge)


def test_kinds_never_counted_have_a_rate_too() -> None:
    rates = estimate_rates(COUNTS, {})
    assert rates.rate("unicorn", "drawer") == pytest.approx(7 / 52)
    assert rates.rate("egg", "cave") == min(rates.table["egg"].values())


def test_inverting_turns_the_order_around() -> None:
    rates = estimate_rates(COUNTS, {})
    for thing, row in rates.table.items():
        order = sorted(row, key=row.__getitem__)
        mirrored = rates.inverted().table[thing]
        assert sorted(mirrored, key=mirrored.__getitem__, reverse=True) == order
        assert (min(mirrored.values()), max(mirrored.values())) == pytest.approx((row[order[0]], row[order[-1]]))


def test_the_counts_that_ship_come_from_training_games_and_know_where_eggs_are() -> None:
    content = json.loads((Path(__file__).parents[3] / "priors/assets/alfworld/placement.json").read_text())
    assert content["games"] == 3553
    assert content["command"].endswith("--games train")
    rates = read_rates()
    assert rates.origin["counts"] == "bundled"
    assert rates.rate("egg", "fridge") > 10 * rates.rate("egg", "cabinet")


@given(st.sampled_from(sorted(COUNTS)), st.sampled_from(["fridge", "drawer", "desk", "cave"]))
def test_rates_are_chances(thing: str, place: str) -> None:
    rates = estimate_rates(COUNTS, {})
    assert 0 < rates.rate(thing, place) < 1
    assert 0 < rates.inverted().rate(thing, place) < 1


@pytest.mark.parametrize(
    "text",
    ["", "[]", "{}", '{"counts": {}}', '{"counts": {"egg": 3}}', '{"counts": {"egg": {"fridge": [3, 2]}}}'],
)
def test_what_is_not_a_file_of_counts_is_refused_by_name(text: str, tmp_path: Path) -> None:
    path = tmp_path / "counts.json"
    path.write_text(text)
    with pytest.raises(InputError, match=r"counts\.json: expected counts as `slinvit train-placement alfworld` writes"):
        read_rates(str(path))
    with pytest.raises(InputError, match=r"nowhere\.json"):
        read_rates(str(tmp_path / "nowhere.json"))
