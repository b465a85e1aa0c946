import pickle
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from envs.intercode.answer import answer_of
from envs.intercode.graded import Grade
from envs.intercode.sql.domain import SqlDomain
from envs.intercode.sql.world import Position, SqlWorld
from slinvit import EnvironmentFailure, SnapshotError, State

QUERY = "SELECT Name FROM fruit WHERE Price > 2 ORDER BY Name"
WRITES = (
    "INSERT INTO fruit VALUES (9,'date',4.00,NULL)",
    "DELETE FROM fruit WHERE Id = 2",
    "UPDATE fruit SET Price = Price + 1",
    "DROP TABLE fruit",
    "CREATE TABLE extra (a int)",
    "USE zoo",
)
READS = ("SELECT count(*) FROM fruit", "SELECT Name, Price FROM fruit", "SHOW TABLES", "SELECT database()")


@pytest.fixture
def domain() -> Iterator[SqlDomain]:
    domain = SqlDomain()
    yield domain
    domain.close()


@pytest.fixture
def world(domain: SqlDomain, shop: Path) -> Iterator[SqlWorld]:
    world = domain.world(domain.load(str(shop), limit=1)[0])
    yield world
    world.close()


def grade(domain: SqlDomain, world: SqlWorld, state: State) -> Grade:
    return domain.grader(world.instance)(state)


def test_an_episode_starts_at_the_database_with_nothing_answered(world: SqlWorld) -> None:
    state = world.reset()
    assert (state.observation, state.actions, answer_of(state)) == ("Database: shop", None, None)
    assert state.task.goal == "Which fruit cost more than 2?"


def test_a_query_is_answered_as_the_original_prints_it(world: SqlWorld) -> None:
    world.reset()
    done = world.step("SELECT Name, Price FROM fruit WHERE Id < 3")
    assert done.state.observation == "[('apple', Decimal('1.50')), ('pear', Decimal('2.25'))]"
    assert (done.valid, done.reward, done.details) == (True, 0.0, {})
    answer = answer_of(done.state)
    assert answer is not None
    assert (answer.ok, answer.columns, answer.changed) == (True, ("Name", "Price"), ())


def test_an_error_is_an_answer_that_is_not_valid_and_counts_as_a_turn(world: SqlWorld) -> None:
    world.reset()
    done = world.step("SELECT Name FROM fruits")
    assert done.state.observation == "Error executing query: Table 'shop.fruits' doesn't exist"
    assert (done.valid, len(done.state.history)) == (False, 1)
    answer = answer_of(done.state)
    assert answer is not None
    assert (answer.ok, answer.rows) == (False, None)


@pytest.mark.parametrize("statement", ["", " ", "hand me the moon", "\x00", "SELECT '\udc80'", "é" * 5000])
def test_any_text_may_be_typed(world: SqlWorld, statement: str) -> None:
    world.reset()
    done = world.step(statement)
    assert done.state.history == ((statement, done.state.observation),)
    assert world.step(QUERY).valid


def test_a_statement_without_rows_answers_none(world: SqlWorld) -> None:
    world.reset()
    state = world.step("DELETE FROM fruit WHERE Id = 1").state
    assert state.observation == "None"
    answer = answer_of(state)
    assert answer is not None
    assert (answer.ok, answer.rows, answer.changed) == (True, None, ("data",))


@pytest.mark.parametrize("last", ["submit", "submit it", "skip"])
def test_handing_in_or_giving_up_ends_the_episode_and_keeps_the_answer(world: SqlWorld, last: str) -> None:
    world.reset()
    before = world.step(QUERY).state
    done = world.step(last)
    assert (done.state.terminal, done.state.solved, done.reward, done.valid) == (True, False, 0.0, True)
    assert done.state.observation == ("skipped" if last == "skip" else before.observation)
    assert answer_of(done.state) == answer_of(before)
    assert done.state.key != before.key
    with pytest.raises(EnvironmentFailure, match="the episode is over"):
        world.step(QUERY)


def test_equal_results_in_another_order_have_equal_signatures_but_other_keys(world: SqlWorld) -> None:
    world.reset()
    up = world.step("SELECT Name FROM fruit ORDER BY Name").state
    down = world.step("SELECT Name FROM fruit ORDER BY Name DESC").state
    first, second = answer_of(up), answer_of(down)
    assert first is not None
    assert second is not None
    assert first.signature == second.signature
    assert up.key != down.key


def test_errors_statements_without_rows_and_empty_results_have_signatures_of_their_own(world: SqlWorld) -> None:
    world.reset()
    texts = (
        "SELECT nothing FROM fruit",
        "USE shop",
        "SELECT Id FROM fruit WHERE Id > 9",
        "SELECT Id, Id FROM fruit WHERE Id > 9",
    )
    answers = [answer_of(world.step(text).state) for text in texts]
    assert len({answer.signature for answer in answers if answer is not None}) == 4


def test_the_same_situation_reached_in_two_ways_has_one_key(world: SqlWorld) -> None:
    world.reset()
    direct = world.step(QUERY).state
    world.reset()
    world.step("SELECT 1")
    assert world.step(QUERY).state.key == direct.key
    world.step(WRITES[0])
    assert world.step(QUERY).state.key != direct.key


def test_a_foreign_or_corrupt_snapshot_is_refused(domain: SqlDomain, world: SqlWorld, shop: Path) -> None:
    other = domain.world(domain.load(str(shop))[1])
    here, there = world.reset(), other.reset()
    with pytest.raises(SnapshotError, match="belongs to another task than 'sql-0001'"):
        world.restore(there)
    assert here.snapshot is not None
    forged = replace(here.snapshot, payload=replace(here.snapshot.payload, changed=True, ended=True))
    with pytest.raises(SnapshotError, match="belongs to another state"):
        world.restore(replace(here, snapshot=forged))
    other.close()


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.sampled_from(WRITES + READS), max_size=3), st.permutations(WRITES + READS))
def test_branching_eight_ways_leaves_each_branch_and_the_live_world_untouched(
    domain: SqlDomain, shop: Path, before: list[str], branches: list[str]
) -> None:
    task = replace(domain.load(str(shop), limit=1)[0], horizon=50)
    live, side = domain.world(task), domain.world(task)
    state = live.reset()
    for action in before:
        state = live.step(action).state
    fork = pickle.loads(pickle.dumps(state))
    ends = [(side.restore(fork), side.step(action).state)[1] for action in branches[:8]]
    for action, end in zip(branches[:8], ends, strict=True):
        for world in (side, live):
            assert world.restore(fork) == state
            assert world.step(action).state == end
            seen = world.step("SELECT * FROM shop.fruit").state
            side.restore(end)
            assert side.step("SELECT * FROM shop.fruit").state == seen
    assert live.restore(state).key == state.key
    live.close()
    side.close()


def test_the_gold_statement_runs_on_the_data_as_the_agent_left_them(domain: SqlDomain, world: SqlWorld) -> None:
    world.reset()
    world.step("DELETE FROM fruit WHERE Name = 'pear'")
    answered = world.step("SELECT Name FROM fruit WHERE Name IN ('fig', 'plum')").state
    assert grade(domain, world, answered).reward == 1
    world.reset()
    fresh = world.step("SELECT Name FROM fruit WHERE Name IN ('fig', 'plum')").state
    assert grade(domain, world, fresh).reward == pytest.approx(2 / 3)


def test_in_another_database_the_gold_statement_fails_and_counts_as_empty(domain: SqlDomain, world: SqlWorld) -> None:
    world.reset()
    world.step("USE zoo")
    empty = world.step("SELECT Id FROM animal WHERE Id > 5").state
    found = grade(domain, world, empty)
    assert (found.reward, found.details["empty_gold"], found.details["corrected"]) == (1.0, True, 0.0)
    assert "doesn't exist" in found.details["gold_error"]


def test_grading_changes_nothing_in_the_live_world(domain: SqlDomain, world: SqlWorld) -> None:
    world.reset()
    world.step(WRITES[0])
    state = world.step(QUERY).state
    grade(domain, world, state)
    assert world.step(QUERY).state.observation == state.observation


def test_a_state_without_a_snapshot_of_sql_cannot_be_graded(domain: SqlDomain, world: SqlWorld) -> None:
    state = replace(world.reset(), snapshot=None)
    with pytest.raises(SnapshotError, match="no snapshot of a SQL world"):
        grade(domain, world, state)


def test_before_the_first_statement_there_is_nothing_to_reward(domain: SqlDomain, world: SqlWorld) -> None:
    found = grade(domain, world, world.reset())
    assert (found.reward, found.details["error"], found.details["empty_gold"]) == (0.0, False, False)


def test_an_order_of_the_gold_rows_counts_in_the_variants_only(domain: SqlDomain, world: SqlWorld) -> None:
    world.reset()
    found = grade(domain, world, world.step(f"{QUERY} DESC").state)
    assert (found.reward, found.details["tau"], found.details["iou_tau"], found.details["corrected"]) == (1, -1, -1, 0)


def test_the_payload_survives_pickling_with_its_key(world: SqlWorld) -> None:
    world.reset()
    world.step(WRITES[2])
    state = world.step(QUERY).state
    assert state.snapshot is not None
    copy = pickle.loads(pickle.dumps(state.snapshot.payload))
    assert isinstance(copy, Position)
    assert copy.key == state.snapshot.key


def test_stepping_before_the_first_reset_says_so(world: SqlWorld) -> None:
    with pytest.raises(EnvironmentFailure, match="reset before stepping"):
        world.step(QUERY)
