import math
from typing import Any

import numpy as np
import pytest

from agent.calibration import Request, calibrate
from agent.calibration.ranking import look_ahead, mixes
from agent.calibration.states import Visit
from agent.settings import Settings
from envs.blocksworld.domain import BlocksWorldDomain
from slinvit.budget import Budget
from slinvit.errors import InputError
from value_estimators.blocksworld import Exact

TASKS = "random:6,blocks=3-5,seed=2"


@pytest.fixture(scope="module")
def found() -> dict[str, Any]:
    settings = Settings(env="blocksworld", tasks=TASKS, prior="uniform")
    return calibrate(Request(settings, values=("zero", "exact"), random_states=3, draws=100))


def test_the_uniform_prior_is_as_far_as_counting_says(found: dict[str, Any]) -> None:
    optimal = found["policies"]["uniform"]["optimal"]
    assert optimal["trajectory_kl"]["mean"] > 0
    assert found["predicted_need"] == {"mean": 1.0, "ci95": [1.0, 1.0]}
    per_plan = optimal["kl_optimal"]["mean"] * found["states"]["optimal"]["states"] / 6
    assert optimal["trajectory_kl"]["mean"] == pytest.approx(per_plan)


def test_exact_values_order_every_pair_and_a_constant_score_none(found: dict[str, Any]) -> None:
    rows = {(row["kind"], row["value"], row["lam"]): row for row in found["ranking"]}
    for kind in ("optimal", "own", "random"):
        exact, nothing = rows[kind, "exact", 0.0], rows[kind, "zero", math.inf]
        assert [exact[key]["mean"] for key in ("spearman", "kendall", "ordered", "greedy")] == pytest.approx([1.0] * 4)
        assert nothing["ordered"]["mean"] == 0
        assert nothing["constant"] == nothing["states"]
    assert found["oracles"] == ["exact"]


def test_a_uniform_prior_changes_no_order_at_any_lam(found: dict[str, Any]) -> None:
    rows = [row for row in found["ranking"] if row["value"] == "exact" and row["lam"] < math.inf]
    assert all(row["ordered"]["mean"] == 1 and row["best"] for row in rows)


def test_states_where_all_actions_are_equally_good_are_counted_and_left_out(found: dict[str, Any]) -> None:
    for row in found["ranking"]:
        states = found["states"][row["kind"]]
        assert row["states"] == states["states"] - states["indifferent"]


def test_costs_and_provenance_are_reported(found: dict[str, Any]) -> None:
    walked = found["states"]["optimal"]["states"] + found["states"]["own"]["states"]
    assert found["ledger"]["env_steps"] == found["spent"]["walking"]["env_steps"] == walked
    assert found["ledger"]["sim_steps"] == found["spent"]["values"]["sim_steps"] > 0
    assert found["provenance"]["versions"]["numpy"] == np.__version__


def test_the_same_request_finds_the_same(found: dict[str, Any]) -> None:
    settings = Settings(env="blocksworld", tasks=TASKS, prior="uniform")
    again = calibrate(Request(settings, values=("zero", "exact"), random_states=3, draws=100))
    for key in ("states", "policies", "ranking"):
        assert again[key] == found[key]


def test_the_value_of_a_successor_counts_only_where_the_world_goes_on() -> None:
    domain = BlocksWorldDomain()
    (problem,) = domain.load("random:1,blocks=3,length=2,seed=0")
    state = domain.environment(problem).reset()
    simulator, rng = domain.simulator(problem), np.random.default_rng(0)
    visit = Visit("own", problem.id, state)
    reached = simulator.step([state] * len(state.actions or ()), list(state.actions or ()), budget=Budget())
    (scores,) = look_ahead([visit], Exact(), simulator, Budget(), rng)
    expected = [
        t.reward if t.state.terminal else float(Exact().estimate([t.state], budget=Budget(), rng=rng)[0])
        for t in reached
    ]
    assert scores.tolist() == expected


def test_the_ends_of_the_grid_are_the_value_alone_and_the_prior_alone() -> None:
    log_probs, value = np.log([0.5, 0.5]), np.array([1.0, 2.0])
    assert mixes(log_probs, value, (0.0, 2.0, math.inf)) == pytest.approx(
        np.stack([value, 2 * log_probs + value, log_probs])
    )
    assert mixes(np.array([0.0, -np.inf]), value, (0.0,)).tolist() == [[1.0, 2.0]]


def test_a_stronger_policy_is_a_yardstick_in_visited_states() -> None:
    settings = Settings(env="blocksworld", tasks=TASKS, prior="uniform")
    mixed = calibrate(Request(settings, against="uniform:,temperature=2", values=("zero",), draws=50))
    cell = mixed["divergence"]["uniform"]["against"]
    assert cell["kl"]["mean"] == pytest.approx(0, abs=1e-12)
    assert cell["agreement"]["mean"] == pytest.approx(1)


def test_a_world_without_known_actions_is_measured_against_a_stronger_policy() -> None:
    settings = Settings(env="tabular", tasks="frozen_lake:slippery=false", prior="uniform")
    found = calibrate(Request(settings, against="uniform", draws=20))
    assert found["ranking"] == []
    assert found["predicted_need"] is None
    assert set(found["states"]) == {"own", "against"}
    with pytest.raises(InputError, match="--against"):
        calibrate(Request(settings))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"lams": (-1.0,)}, "lam must be 0 or more"),
        ({"lams": (math.nan,)}, "lam must be 0 or more"),
        ({"random_states": 0}, "random states per task must be 1 or more"),
        ({"draws": 0}, "bootstrap draws must be 1 or more"),
    ],
)
def test_what_cannot_be_asked_is_refused(options: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message):
        Request(Settings(env="blocksworld"), **options)
