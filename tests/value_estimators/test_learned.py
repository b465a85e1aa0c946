import json
import shutil
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from scipy.stats import spearmanr

from envs.blocksworld.core import TABLE
from envs.blocksworld.exact import state_space
from envs.blocksworld.world import BlocksWorldSimulator
from priors import Uniform
from slinvit import Budget, InputError, State
from value_estimators import build
from value_estimators.blocksworld import Exact
from value_estimators.features import FEATURES, features
from value_estimators.learned import BUNDLED, CARD, WEIGHTS, Learned, ValueNetwork, load, save

MakeState = Callable[..., State]


def small_network() -> ValueNetwork:
    rng = np.random.default_rng(0)
    size = len(FEATURES)
    parts = (np.ones(size), np.full(size, 2.0), rng.normal(size=(size, 3)), np.ones(3), rng.normal(size=3), np.ones(1))
    return ValueNetwork(*(part.astype(np.float32) for part in parts))


def test_the_network_is_one_hidden_layer_on_standardised_features() -> None:
    network = small_network()
    inputs = np.arange(2.0 * len(FEATURES)).reshape(2, -1)
    for row, found in zip(inputs, network.steps(inputs), strict=True):
        hidden = [
            max(0.0, sum((row[i] - 1) / 2 * float(network.hidden[i, j]) for i in range(len(row))) + 1) for j in range(3)
        ]
        expected = sum(h * float(w) for h, w in zip(hidden, network.output, strict=True)) + 1
        assert found == pytest.approx(max(0.0, expected), abs=1e-4)


def test_the_bundled_value_follows_the_true_distance_on_all_states_of_a_goal(make_state: MakeState) -> None:
    space = state_space(5)
    states = [make_state(support, ((0, 1), (1, 2), (3, 4))) for support in space.states]
    learned, exact = (
        estimator.estimate(states, budget=Budget(), rng=np.random.default_rng(0))
        for estimator in (Learned(load(BUNDLED)), Exact())
    )
    assert ((learned >= 0) & (learned <= 1)).all()
    assert np.abs(learned - exact).mean() * 4 * 5 < 0.5, "mean error in steps"
    assert spearmanr(learned, exact).statistic > 0.98


def test_the_bundled_value_stays_in_its_range_for_more_blocks_than_it_was_trained_on(make_state: MakeState) -> None:
    tower = (TABLE, 0, 1, 2, 3, 4, 5, 6)
    states = [make_state((TABLE,) * 8, ((0, 1),)), make_state(tower, ((0, 7), (7, 1)))]
    found = Learned(load(BUNDLED)).estimate(states, budget=Budget(), rng=np.random.default_rng(0))
    assert 0 <= found[1] < found[0] <= 1


def test_the_bundled_value_is_small_and_loads_at_once() -> None:
    assert sum(path.stat().st_size for path in BUNDLED.iterdir()) < 20_000
    load(BUNDLED)
    start = time.process_time()
    load(BUNDLED)
    assert time.process_time() - start < 0.05


def test_the_card_of_the_bundled_value_says_how_it_was_made_and_beats_its_controls() -> None:
    card = json.loads((BUNDLED / CARD).read_text())
    settings = card["settings"]
    assert card["command"] == (f"slinvit train-value blocksworld --steps {settings['steps']} --seed {settings['seed']}")
    for rows in card["metrics"].values():
        assert rows["learned"]["mae"] < 0.25 * rows["constant"]["mae"]
        assert rows["learned"]["spearman"] > rows["obstacles"]["spearman"] > rows["goals-met"]["spearman"]


def test_what_is_saved_is_what_is_loaded(tmp_path: Path, tower_to_build: State) -> None:
    network = small_network()
    save(network, {"command": "by hand"}, tmp_path / "new" / "folder")
    again = load(tmp_path / "new" / "folder")
    inputs = [features((TABLE, 0, 1), ()), features((1, TABLE, TABLE), ())]
    assert np.array_equal(network.steps(inputs), again.steps(inputs))
    estimator = build(f"learned:{tmp_path / 'new' / 'folder'}", prior=Uniform(), simulator=BlocksWorldSimulator())
    found = estimator.estimate([tower_to_build], budget=Budget(), rng=np.random.default_rng(0))
    assert found.shape == (1,)


def test_provenance_changes_with_the_weights() -> None:
    other = replace(small_network(), output_bias=np.zeros(1, dtype=np.float32))
    one, same, two = (Learned(network).provenance() for network in (small_network(), small_network(), other))
    assert one == same != two


def test_equal_networks_make_equal_files(tmp_path: Path) -> None:
    for name in ("a", "b"):
        save(small_network(), {}, tmp_path / name)
    assert (tmp_path / "a" / WEIGHTS).read_bytes() == (tmp_path / "b" / WEIGHTS).read_bytes()


def test_a_folder_without_a_network_is_refused_with_the_command_that_makes_one(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"holds no value network.*slinvit train-value blocksworld --out"):
        load(tmp_path)


@pytest.mark.parametrize(
    ("file", "content"),
    [(WEIGHTS, b"PK not a zip"), (CARD, b"{"), (CARD, b"[]"), (WEIGHTS, b""), (WEIGHTS, b"PK\x03\x04")],
)
def test_a_damaged_network_is_refused(tmp_path: Path, file: str, content: bytes) -> None:
    shutil.copytree(BUNDLED, tmp_path, dirs_exist_ok=True)
    (tmp_path / file).write_bytes(content)
    with pytest.raises(InputError, match="holds no value network"):
        load(tmp_path)


def test_weights_that_do_not_fit_together_are_no_network() -> None:
    with pytest.raises(ValueError, match="do not fit a hidden layer"):
        replace(small_network(), output_bias=np.ones(2, dtype=np.float32))


def test_a_network_of_other_features_is_refused(tmp_path: Path) -> None:
    shutil.copytree(BUNDLED, tmp_path, dirs_exist_ok=True)
    card = json.loads((tmp_path / CARD).read_text())
    (tmp_path / CARD).write_text(json.dumps(card | {"features": ["blocks"]}))
    with pytest.raises(InputError, match="reads other features than this version; train it again"):
        load(tmp_path)
