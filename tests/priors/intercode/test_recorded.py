"""Recorded trajectories as a prior: votes, contexts, what is left out, and what it says of itself."""

import json
import math
import os
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import priors
from priors.intercode.recorded import RecordedActions
from slinvit.budget import Budget
from slinvit.errors import InputError, PriorError, RecordError
from slinvit.types import ActionDistribution, State, Task

QUERY = "How many singers are there?"
COUNT, NAMES = "SELECT COUNT(*) FROM singer", "SELECT Name FROM singer"
Build = Callable[..., Any]


def state(*typed: str, query: str = QUERY, domain: str = "intercode-sql") -> State:
    history = tuple((action, "seen") for action in typed)
    return State(Task("sql-0001", domain, query, 10), "start", history)


def ask(prior: Any, *typed: str, k: int | None = None) -> ActionDistribution:
    (answer,) = prior.propose([state(*typed)], k=k, budget=Budget(), rng=np.random.default_rng(0))
    assert isinstance(answer, ActionDistribution)
    return answer


def weights(answer: ActionDistribution) -> dict[str, float]:
    return {action: float(round(p, 9)) for action, p in zip(answer.actions, answer.probs, strict=True)}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Four files: two of one turn, one of ReAct, one of try-again, whose last action had the reward 1."""
    episodes = {
        "ic_sql_multiturn_a_1_turns": [f"{COUNT} ;"],
        "ic_sql_multiturn_b_1_turns": ["Sure: I can help with that."],
        "ic_sql_react_10_turns": [
            "execute[SHOW TABLES]",
            f"execute[{NAMES}]",
            "execute[SELECT  COUNT(*) FROM singer;]",
            "submit",
        ],
        "ic_sql_multiturn_c_10_turns": [NAMES, "SELECT 1", "SELECT 2"],
    }
    for name, actions in episodes.items():
        record(tmp_path, name, actions, solved=True)
    return tmp_path


def test_every_file_votes_once_and_spellings_of_one_command_are_one(folder: Path) -> None:
    answer = ask(priors.build(f"recorded:{folder}"))
    assert weights(answer) == {COUNT: round(2 / 3, 9), NAMES: round(1 / 3, 9)}
    assert answer.method == "sampled"
    assert answer.unmatched == 1 / 7


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ("turns=first", {COUNT: 1 / 3, NAMES: 2 / 3}),
        ("turns=all", {COUNT: 2 / 4, NAMES: 2 / 4}),
        ("turns=all,peeks=keep", {COUNT: 2 / 5, NAMES: 2 / 5, "SHOW TABLES": 1 / 5}),
        ("files=*react*", {"SELECT  COUNT(*) FROM singer": 1.0}),
        ("files=*_a_*+*_c_*", {COUNT: 1 / 2, NAMES: 1 / 2}),
        ("leaky=yes", {COUNT: 2 / 3, "SELECT 2": 1 / 3}),
        ("files=*_b_*", {"submit": 1.0}),
    ],
)
def test_options_choose_who_votes_and_for_what(folder: Path, options: str, expected: dict[str, float]) -> None:
    assert weights(ask(priors.build(f"recorded:{folder},{options}"))) == {
        action: round(weight, 9) for action, weight in expected.items()
    }


def test_after_a_command_the_pool_proposes_to_submit_and_without_submit_the_pool_again(folder: Path) -> None:
    assert weights(ask(priors.build(f"recorded:{folder}"), COUNT)) == {"submit": 1.0}
    again = priors.build(f"recorded:{folder},submit=no")
    assert weights(ask(again, COUNT)) == weights(ask(again))


def test_equally_frequent_commands_keep_the_order_in_which_they_were_proposed(folder: Path) -> None:
    answer = ask(priors.build(f"recorded:{folder},turns=all,peeks=keep,files=*react*"))
    assert answer.actions == ("SHOW TABLES", NAMES, "SELECT  COUNT(*) FROM singer")


def test_k_keeps_the_most_frequent_and_normalises(folder: Path) -> None:
    assert weights(ask(priors.build(f"recorded:{folder}"), k=1)) == {COUNT: 1.0}


def test_with_a_prefix_only_those_who_began_alike_vote(folder: Path) -> None:
    prior = priors.build(f"recorded:{folder},context=prefix")
    assert weights(ask(prior)) == {COUNT: round(1 / 3, 9), "SHOW TABLES": round(1 / 3, 9), NAMES: round(1 / 3, 9)}
    assert weights(ask(prior, "SHOW  TABLES;")) == {NAMES: 1.0}
    assert weights(ask(prior, "SHOW TABLES", NAMES, COUNT)) == {"submit": 1.0}
    assert weights(ask(prior, COUNT)) == {"submit": 1.0}
    assert weights(ask(prior, "SELECT 7")) == {"submit": 1.0}


def test_try_again_is_followed_beyond_its_first_turn_only_as_a_leak(folder: Path) -> None:
    only = f"recorded:{folder},context=prefix,files=*_c_*"
    with pytest.raises(PriorError, match=r"task 'sql-0001': the recorded models propose no further command"):
        ask(priors.build(f"{only},submit=no"), NAMES)
    assert weights(ask(priors.build(f"{only},submit=no,leaky=yes"), NAMES)) == {"SELECT 1": 1.0}


def record(folder: Path, name: str, actions: list[str], *, solved: bool = False) -> None:
    """Write a file of one trajectory, whose last reward is 1 where it was solved."""
    rewards = [0.0] * (len(actions) - 1) + [float(solved)] if actions else []
    content = {"query": QUERY, "actions": actions, "rewards": rewards, "valid": [True] * len(actions)}
    (folder / f"{name}.jsonl").write_text(json.dumps(content) + "\n")


STEERED = {"ic_sql_multiturn_m_10_turns": 1, "ic_sql_plan_solve_refine_3_turns": 0}
"""Protocols that stop at reward 1, and how many of their turns come before any reward."""

WAYS = ("turns=last", "turns=first", "turns=all,peeks=keep", "context=prefix", "context=prefix,peeks=drop")


def answers(folder: Path, way: str) -> list[tuple[dict[str, float], float]]:
    prior = priors.build(f"recorded:{folder},{way}")
    assert priors.provenance(prior)["oracle"] is False
    found = [ask(prior, *typed) for typed in ((), (NAMES,), (NAMES, COUNT), ("SELECT 1",))]
    return [(weights(answer), answer.unmatched) for answer in found]


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize(("name", "free"), STEERED.items())
def test_a_stop_at_reward_1_and_a_failure_get_the_same_answers(tmp_path: Path, way: str, name: str, free: int) -> None:
    record(tmp_path, "ic_sql_react_10_turns", [NAMES, COUNT, "submit"])
    record(tmp_path, name, [NAMES], solved=True)
    solved = answers(tmp_path, way)
    record(tmp_path, name, [NAMES, "SELECT 1", "SELECT 2", "SELECT 3", "SELECT 4"])
    assert answers(tmp_path, way) == solved
    if way == "context=prefix":
        assert solved[1][0] == {COUNT: 1.0}  # and no vote to submit


@given(
    st.lists(st.sampled_from([COUNT, NAMES, "SELECT 1", "SHOW TABLES", "no idea", "submit"]), max_size=6),
    st.booleans(),
    st.sampled_from(sorted(STEERED)),
    st.sampled_from(WAYS),
)
def test_nothing_that_came_after_a_reward_changes_an_answer(
    tmp_path_factory: pytest.TempPathFactory, rest: list[str], solved: bool, name: str, way: str
) -> None:
    folder = tmp_path_factory.mktemp("steered")
    record(folder, "ic_sql_react_10_turns", [NAMES, COUNT, "submit"])
    begun = [NAMES][: STEERED[name]]
    record(folder, name, begun)
    before = answers(folder, way)
    record(folder, name, begun + rest, solved=solved)
    assert answers(folder, way) == before


def test_a_refined_plan_is_proposed_only_as_a_leak(tmp_path: Path) -> None:
    record(tmp_path, "ic_sql_plan_solve_refine_3_turns", [NAMES, COUNT, "SELECT 1", "SELECT 2", "SELECT 3"])
    with pytest.raises(InputError, match=r"plan_solve_refine_3_turns.jsonl steered by rewards throughout; leaky=yes"):
        priors.build(f"recorded:{tmp_path}")
    assert weights(ask(priors.build(f"recorded:{tmp_path},leaky=yes"))) == {"SELECT 3": 1.0}
    record(tmp_path, "ic_sql_multiturn_a_1_turns", ["SELECT 7"])
    prior = priors.build(f"recorded:{tmp_path}")
    assert weights(ask(prior)) == {"SELECT 7": 1.0}
    assert [file["free_turns"] for file in priors.provenance(prior)["files"]] == [None, 0]


def test_recordings_of_the_other_language_do_not_vote(tmp_path: Path) -> None:
    record(tmp_path, "ic_sql_multiturn_a_1_turns", ["SELECT 7"])
    record(tmp_path, "ic_bash_multiturn_a_1_turns", ["ls -l"])
    prior = priors.build(f"recorded:{tmp_path}")
    assert isinstance(prior, RecordedActions)
    states = [state(), state(domain="intercode-bash")]
    found = prior.propose(states, budget=Budget(), rng=np.random.default_rng(0))
    assert [answer.actions for answer in found] == [("SELECT 7",), ("ls -l",)]
    assert prior.situation(states[0]) != prior.situation(states[1])
    only = priors.build(f"recorded:{tmp_path},files=*bash*")
    with pytest.raises(PriorError, match="'sql-0001' of intercode-sql: no recording free of rewards of the question"):
        ask(only)
    with pytest.raises(
        PriorError, match="of blocksworld: recorded commands are for intercode-sql, intercode-bash only"
    ):
        prior.propose([state(domain="blocksworld")], budget=Budget(), rng=np.random.default_rng(0))


def test_a_task_without_recordings_is_an_error_that_names_it(folder: Path) -> None:
    prior = priors.build(f"recorded:{folder}")
    with pytest.raises(PriorError, match=r"task 'sql-0001' of intercode-sql: no recording .* the question 'What\?'"):
        prior.propose([state(query="What?")], budget=Budget(), rng=np.random.default_rng(0))


def test_provenance_names_files_checksums_and_the_leak(folder: Path) -> None:
    said = priors.provenance(priors.build(f"recorded:{folder},files=*_a_*+*_c_*"))
    content = (folder / "ic_sql_multiturn_a_1_turns.jsonl").read_bytes()
    assert [file["file"] for file in said["files"]] == [
        "ic_sql_multiturn_a_1_turns.jsonl",
        "ic_sql_multiturn_c_10_turns.jsonl",
    ]
    assert said["files"][0]["sha256"] == sha256(content).hexdigest()
    assert [file["reward_seen"] for file in said["files"]] == [False, True]
    assert (said["oracle"], said["leaky"]) == (False, False)
    assert priors.provenance(priors.build(f"recorded:{folder},leaky=yes"))["oracle"] is True
    assert priors.provenance(priors.build(f"recorded:{folder},leaky=yes,files=*react*"))["oracle"] is False
    json.dumps(said)


def test_each_state_costs_one_call_and_equal_situations_get_equal_answers(folder: Path) -> None:
    prior = priors.build(f"recorded:{folder}")
    assert isinstance(prior, RecordedActions)
    assert priors.is_deterministic(prior)
    budget = Budget()
    prior.propose([state(), state(COUNT)], budget=budget, rng=np.random.default_rng(0))
    assert budget.ledger().llm_calls == 2
    assert prior.situation(state(COUNT)) == prior.situation(state(NAMES))
    prefix = priors.build(f"recorded:{folder},context=prefix")
    assert isinstance(prefix, RecordedActions)
    assert prefix.situation(state(COUNT)) != prefix.situation(state(NAMES))


@given(st.lists(st.sampled_from([COUNT, NAMES, "SELECT 3"]), min_size=1, max_size=9))
def test_probabilities_are_the_counts(tmp_path_factory: pytest.TempPathFactory, votes: list[str]) -> None:
    folder = tmp_path_factory.mktemp("votes")
    for number, vote in enumerate(votes):
        record(folder, f"ic_sql_multiturn_m{number}_1_turns", [vote])
    answer = ask(priors.build(f"recorded:{folder}"))
    assert {action: math.exp(p) * len(votes) for action, p in zip(answer.actions, answer.log_probs, strict=True)} == {
        vote: pytest.approx(votes.count(vote)) for vote in votes
    }


@pytest.mark.parametrize(
    ("rest", "said"),
    [
        (",context=tree", "context=tree; allowed: pool, prefix"),
        (",turns=lst", r"turns=lst; did you mean 'last'\?; allowed: last, first, all"),
        (",context=prefix,turns=all", "turns= chooses votes of context=pool"),
        (",files=*gpt*", r"files=\*gpt\* fits none of: ic_sql_multiturn_a_1_turns.jsonl"),
        (",modell=x", "no option 'modell'"),
    ],
)
def test_bad_options_are_named_with_what_is_allowed(folder: Path, rest: str, said: str) -> None:
    with pytest.raises(InputError, match=said):
        priors.build(f"recorded:{folder}{rest}")


def test_what_is_neither_kind_of_recording_is_told_what_both_are(folder: Path) -> None:
    with pytest.raises(
        RecordError, match=r"no such file or folder; expected the answers of a run, RUN/answers.sqlite, or"
    ):
        priors.build(f"recorded:{folder}/gone")
    with pytest.raises(InputError, match=r"needs the answers of a run, RUN/answers.sqlite, or recorded trajectories"):
        priors.build("recorded:")
    (folder / "answers.sqlite").write_bytes(b"")
    with pytest.raises(InputError, match=r"is the folder of a run; its answers: --prior recorded:.*answers.sqlite"):
        priors.build(f"recorded:{folder}")


def test_the_given_recordings_answer_every_given_task() -> None:
    data = Path(os.environ.get("SLINVIT_DATA", "")) / "intercode"
    if not os.environ.get("SLINVIT_DATA") or not data.is_dir():
        assert not os.environ.get("CI"), "SLINVIT_DATA does not point at the data"
        pytest.skip("SLINVIT_DATA does not name a folder with intercode in it")
    tasks = json.loads((data / "sql" / "ic_spider_dev.json").read_text())
    prior = priors.build(f"recorded:{data / 'recorded' / 'sql'},files=*gpt-3.5-1_turns*+*react*")
    states = [state(query=task["query"]) for task in tasks]
    answers = prior.propose(states, budget=Budget(), rng=np.random.default_rng(0))
    assert len(answers) == len(tasks)
    assert sum(answer.actions == ("submit",) for answer in answers) <= 1
    assert max(len(answer.actions) for answer in answers) == 3


def test_a_trusted_file_breaks_ties_and_its_votes_count_more(folder: Path) -> None:
    files = "files=*_a_1_turns*+*_react_*+*_c_10_*"
    plain = weights(ask(priors.build(f"recorded:{folder},{files}")))
    trusted = priors.build(f"recorded:{folder},{files},trust=1+1+2.5")
    found = weights(ask(trusted))
    votes = {action: round(p * 3) for action, p in plain.items()}
    more = {action: count + (1.5 if action == NAMES else 0) for action, count in votes.items()}
    assert found == {action: round(count / 4.5, 9) for action, count in more.items()}
    assert priors.provenance(trusted)["trust"]["ic_sql_multiturn_c_10_turns.jsonl"] == 2.5


@pytest.mark.parametrize("text", ["1", "1+1+x", "1+1+0", "1+1+inf", "1+1+1+1"])
def test_trust_is_one_number_above_zero_for_each_pattern(folder: Path, text: str) -> None:
    with pytest.raises(InputError, match="for each pattern of files="):
        priors.build(f"recorded:{folder},files=*_a_1_*+*_react_*+*_c_10_*,trust={text}")
