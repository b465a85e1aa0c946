import pickle
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from envs.check import check_environment
from envs.intercode.sql.domain import SqlDomain
from slinvit import Budget, InputError, State
from slinvit.errors import UnknownName
from slinvit.protocols import Grader

RIGHT = "SELECT Name FROM fruit WHERE Price > 2"
HALF = "SELECT Name FROM fruit WHERE Price > 2.5"
HARMLESS = (
    RIGHT,
    HALF,
    "SHOW TABLES",
    "SELECT 1",
    "USE zoo",
    "USE shop",
    "INSERT INTO fruit VALUES (7,'kiwi',9.00,NULL)",
)


@pytest.fixture
def domain() -> Iterator[SqlDomain]:
    domain = SqlDomain()
    yield domain
    domain.close()


def choose(state: State, rng: np.random.Generator) -> str:
    return str(rng.choice(HARMLESS))


@pytest.mark.parametrize("feedback", ["none", "reward"])
@pytest.mark.parametrize("seed", range(2))
def test_the_world_conforms(shop: Path, feedback: str, seed: int) -> None:
    domain = SqlDomain(feedback=feedback)
    task = domain.load(str(shop))[3]  # no walk answers it, so no episode ends early
    laws = check_environment(
        lambda: domain.environment(task), simulator=domain.simulator(task), steps=8, seed=seed, choose=choose
    )
    assert {"snapshots", "corruption", "agreement", "isolation", "pickling"} <= set(laws)
    domain.close()


def test_an_episode_earns_the_reward_of_its_last_answer_when_it_is_handed_in(domain: SqlDomain, shop: Path) -> None:
    env = domain.environment(domain.load(str(shop))[0])
    env.reset()
    assert env.step(HALF).reward == 0
    assert env.step(RIGHT).details == {}
    done = env.step("submit")
    assert (done.reward, done.state.solved, done.state.terminal) == (1.0, True, True)
    assert done.details["iou"] == done.details["score"] == 1.0
    assert set(done.details) == {"score", "iou", "tau", "iou_tau", "corrected", "empty_gold", "error"}
    env.close()


def test_the_last_answer_counts_at_the_horizon_too(domain: SqlDomain, shop: Path) -> None:
    env = domain.environment(domain.load(str(shop), horizon="1")[0])
    env.reset()
    done = env.step(HALF)
    assert done.reward == pytest.approx(1 / 3)
    assert (done.state.truncated, done.state.solved) == (True, False)
    env.close()


def test_the_reward_is_the_one_that_was_chosen(shop: Path) -> None:
    for score, expected in (("iou", 1.0), ("iou_tau", -1.0), ("iou_corrected", 0.0)):
        domain = SqlDomain(score=score)
        env = domain.environment(domain.load(str(shop))[0])
        env.reset()
        env.step(f"{RIGHT} ORDER BY Name DESC")
        assert env.step("submit").reward == expected
        domain.close()


def test_shown_rewards_make_the_world_an_oracle(shop: Path) -> None:
    assert not SqlDomain().oracle
    domain = SqlDomain(feedback="reward")
    assert domain.oracle
    env = domain.environment(domain.load(str(shop))[0])
    env.reset()
    done = env.step(HALF)
    assert done.state.observation == "[('plum',)]\nReward: 0.33"
    done = env.step(RIGHT)
    assert done.state.solved
    assert done.reward == pytest.approx(2 / 3)
    domain.close()


def test_the_simulator_hides_rewards_but_grades_when_asked(domain: SqlDomain, shop: Path) -> None:
    task = domain.load(str(shop))[0]
    env, simulator = domain.environment(task), domain.simulator(task)
    start, budget = env.reset(), Budget()
    states = [done.state for done in simulator.step([start] * 3, [RIGHT, HALF, "nonsense"], budget=budget)]
    ended = simulator.step(states, ["submit"] * 3, budget=budget)
    assert [done.reward for done in ended] == [0.0, 0.0, 0.0]
    assert not any(done.state.solved or done.details for done in ended)
    assert isinstance(simulator, Grader)
    for each in (states, [done.state for done in ended]):
        assert simulator.grade(each, budget=budget).tolist() == pytest.approx([1.0, 1 / 3, 0.0])
    assert budget.ledger().sim_steps == 12


def test_a_refused_gold_statement_counts_as_empty_and_is_reported(domain: SqlDomain, shop: Path) -> None:
    env = domain.environment(domain.load(str(shop))[4])
    env.reset()
    env.step("SELECT Name FROM fruit WHERE Id > 99")
    done = env.step("submit")
    assert (done.reward, done.details["empty_gold"], done.details["corrected"]) == (1.0, True, 0.0)
    assert "isn't in GROUP BY" in done.details["gold_error"] or "not in GROUP BY" in done.details["gold_error"]


def test_the_engine_starts_when_it_is_needed_and_again_after_closing(domain: SqlDomain, shop: Path) -> None:
    task = domain.load(str(shop))[0]
    env = domain.environment(task)
    env.reset()
    domain.close()
    domain.close()
    again = domain.environment(task)
    again.reset()
    assert again.step(RIGHT).valid


def test_tasks_travel_to_other_processes(domain: SqlDomain, shop: Path) -> None:
    task = pickle.loads(pickle.dumps(domain.load(str(shop))[0]))
    env = domain.environment(task)
    env.reset()
    env.step(RIGHT)
    assert env.step("submit").reward == 1


def test_provenance_states_engine_and_settings() -> None:
    found = SqlDomain(score="iou_tau", schema="shown").provenance()
    assert (found["score"], found["feedback"], found["schema"]) == ("iou_tau", "none", "shown")
    assert "sqlite" in str(found["engine"]).lower()
    assert "limits" in found


@pytest.mark.parametrize(
    ("option", "value", "message"),
    [
        ("score", "iou-tau", "unknown score 'iou-tau'; did you mean 'iou_tau'"),
        ("feedback", "yes", "unknown feedback 'yes'; known: none, reward"),
        ("schema", "show", "did you mean 'shown'"),
        ("engine", "sqlight", "unknown SQL engine 'sqlight'; did you mean 'sqlite'"),
    ],
)
def test_unknown_settings_are_refused_with_what_is_known(option: str, value: str, message: str) -> None:
    with pytest.raises(InputError, match=message):
        SqlDomain(**{option: value})


def test_lists_of_instances_are_not_for_sql(domain: SqlDomain, shop: Path) -> None:
    with pytest.raises(InputError, match="as --tasks"):
        domain.load(str(shop), instances=shop)
    with pytest.raises(UnknownName):
        SqlDomain(engine="")
