import shlex

import numpy as np
import pytest
import sqlglot
from hypothesis import given
from hypothesis import strategies as st
from sqlglot import expressions as exp

from priors import build, is_deterministic, provenance
from priors.intercode.guesses import SUBMIT, Guesses
from priors.intercode.guesses_bash import RULES, commands, quoted
from priors.intercode.guesses_schema import Column, Schema, schema_of
from priors.intercode.guesses_sql import MOST, queries
from priors.intercode.guesses_words import content, coverage, stem
from slinvit import Budget, InputError, PriorError, State, Task
from slinvit.types import ActionDistribution

START = (
    "Database: shop\nTables:\n* customer(customer_id, name, city, age)\n* purchase(purchase_id, customer_id, amount)"
)
DESCRIBED = (
    "[('customer_id', 'int', 'NO', 'PRI', None, ''), ('name', 'varchar(40)', 'YES', '', None, ''), "
    "('city', 'varchar(40)', 'YES', '', None, ''), ('age', 'int', 'YES', '', None, '')]"
)
LOOKED = (("SHOW TABLES", "[('customer',), ('purchase',)]"), ("DESCRIBE customer", DESCRIBED))


def state(
    question: str, *steps: tuple[str, str], start: str = "Database: shop", domain: str = "intercode-sql"
) -> State:
    task = Task("t", domain, question, 10, metadata={"start": start})
    return State(task, steps[-1][1] if steps else start, history=steps)


def guess(where: State, k: int | None = None) -> ActionDistribution:
    budget = Budget()
    (found,) = build("guesses").propose([where], k=k, budget=budget, rng=np.random.default_rng(0))
    assert budget.ledger().llm_calls == 0
    return found


def best(where: State) -> str:
    return guess(where).ranked()[0][0]


def test_without_knowing_the_tables_it_looks_at_them_then_at_those_the_question_names() -> None:
    question = "How many customers are there?"
    assert guess(state(question)).actions == ("SHOW TABLES",)
    assert guess(state(question, *LOOKED[:1])).actions == ("DESCRIBE customer",)
    assert best(state(question, *LOOKED)) == "SELECT COUNT(*) FROM customer"
    assert best(state(question, start=START)) == "SELECT COUNT(*) FROM customer"


def test_behind_a_command_that_was_executed_it_mostly_submits_and_behind_an_error_it_tries_another() -> None:
    question = "Show the names and ages of customers"
    first, second = (action for action, _ in guess(state(question, *LOOKED)).ranked()[:2])
    done = guess(state(question, *LOOKED, (first, "[('Ann',)]")))
    assert done.ranked()[0][0] == SUBMIT
    assert first not in done.actions
    wrong = guess(state(question, *LOOKED, (first, "Error executing query: no")))
    assert wrong.ranked()[0][0] == second
    assert SUBMIT not in wrong.actions


def test_where_rewards_are_shown_it_goes_on_until_one_is_1() -> None:
    question = "Show the names and ages of customers"
    looked = tuple((action, f"{seen}\nReward: 0.00") for action, seen in LOOKED)
    assert guess(state(question, *looked)).actions == guess(state(question, *LOOKED)).actions
    first, second = (action for action, _ in guess(state(question, *looked)).ranked()[:2])
    low = guess(state(question, *looked, (first, "[('Ann', 3)]\nReward: 0.50")))
    assert low.ranked()[0][0] == second
    assert SUBMIT not in low.actions


def test_output_that_mentions_a_reward_is_no_reward() -> None:
    request, start = "Print the contents of /depot/a.txt", "File system: depot; working directory: /"
    for printed in ("a\nReward: 3 coins\nb\n", "a\nReward: 0.50\n"):
        done = guess(state(request, ("cat /depot/a.txt", printed), start=start, domain="intercode-bash"))
        assert done.ranked()[0][0] == SUBMIT


def test_where_nothing_else_is_left_it_submits() -> None:
    steps = (("SHOW TABLES", "Error executing query: no"), ("SHOW TABLES", "Error executing query: no"))
    assert guess(state("How many?", *steps)).actions == (SUBMIT,)


@pytest.mark.parametrize(
    ("question", "expected"),
    [
        ("What are the names of all customers?", "SELECT name FROM customer"),
        ("What is the average age of customers?", "SELECT AVG(age) FROM customer"),
        ("What are the different cities of the customers?", "SELECT DISTINCT city FROM customer"),
        ("Show the name and city of the oldest customer.", "SELECT name, city FROM customer ORDER BY age DESC LIMIT 1"),
        ("Show each city and the number of customers in it.", "SELECT city, COUNT(*) FROM customer GROUP BY city"),
        ("List the names of customers older than 30.", "SELECT name FROM customer WHERE age > 30"),
        ("How many customers have the city 'Ulm'?", "SELECT COUNT(*) FROM customer WHERE city = 'Ulm'"),
        ("Show the names of customers sorted by age.", "SELECT name FROM customer ORDER BY age"),
    ],
)
def test_simple_questions_get_the_query_that_their_words_name(question: str, expected: str) -> None:
    assert best(state(question, *LOOKED)) == expected


SOME = """
how many names ages cities customers purchases amounts different average total oldest more than 30 'Ulm' Paris for each
sorted by descending with the of and at least 2 id
"""
WORDS = st.sampled_from(SOME.split())


@given(st.lists(WORDS, min_size=1, max_size=12))
def test_every_query_parses_and_names_known_tables_and_columns_only(words: list[str]) -> None:
    columns = {"customer": ("customer_id", "name", "city", "age"), "purchase": ("purchase_id", "customer_id", "amount")}
    schema = Schema({table: tuple(map(Column, names)) for table, names in columns.items()}, listed=True)
    found = queries(" ".join(words), schema)
    assert 0 < len(found) <= MOST
    assert len({query.sql for query in found}) == len(found)
    assert [query.score for query in found] == sorted((query.score for query in found), reverse=True)
    for query in found:
        parsed = sqlglot.parse_one(query.sql, read="mysql")
        tables = {table.name for table in parsed.find_all(exp.Table)}
        assert tables <= set(columns)
        assert {each.name for each in parsed.find_all(exp.Column)} <= {
            name for table in tables for name in columns[table]
        }


NAMES_ = st.text(st.characters(exclude_categories=["C"]), min_size=1, max_size=8) | st.sampled_from(
    ["order", "my id", "group", "名前", "a`b", "name", "it's", "GROUP BY", "LIMIT 1", "COUNT(*)"]
)


@given(
    st.lists(WORDS, min_size=1, max_size=12), st.lists(NAMES_, min_size=2, max_size=4, unique_by=str.lower), st.data()
)
def test_any_names_of_tables_and_columns_are_queried_as_names(
    words: list[str], columns: list[str], data: st.DataObject
) -> None:
    table = data.draw(NAMES_)
    schema = Schema({table: tuple(map(Column, columns))}, listed=True)
    for query in queries(" ".join([*words, table, *columns]), schema):
        parsed = sqlglot.parse_one(query.sql, read="mysql")
        assert {each.name for each in parsed.find_all(exp.Table)} == {table}
        assert {each.name for each in parsed.find_all(exp.Column)} <= set(columns)


def test_names_that_are_no_plain_words_are_asked_for_in_back_ticks_and_known_again() -> None:
    start = "Database: shop"
    listed = ("SHOW TABLES", "[('order',), ('my`odd table',)]")
    assert set(guess(state("Which table is odd? Which order?", listed)).actions) == {
        "DESCRIBE `order`",
        "DESCRIBE `my``odd table`",
    }
    answer = "[('my id', 'int', 'NO', 'PRI', None, ''), ('name', 'text', 'YES', '', None, '')]"
    looked = (listed, ("DESCRIBE `order`", answer), ("DESCRIBE `my``odd table`", answer))
    where = state("Show the names in the odd table", *looked, start=start)
    assert set(schema_of(where).described) == {"order", "my`odd table"}
    assert best(where) == "SELECT name FROM `my``odd table`"
    shown = schema_of(state("?", start="Database: shop\nTables:\n* my table(my id, name)"))
    assert [column.name for column in shown.described["my table"]] == ["my id", "name"]


@given(st.text(st.characters(exclude_categories=["C"])))
def test_any_text_reaches_a_command_of_the_shell_as_one_argument(text: str) -> None:
    line = shlex.split(f'/bin/bash -c "cat {quoted(text)}"')
    assert shlex.split(line[2]) == ["cat", text]


@pytest.mark.parametrize("word", ["it's", 'say "no"', "a/b", "back\\slash", "$HOME `id`"])
def test_commands_keep_the_word_of_a_request_whole(word: str) -> None:
    mark = "'" if '"' in word else '"'
    found = [command for command, _ in commands(f"Replace the word {mark}{word}{mark} in the file /depot/a.txt")]
    lines = [shlex.split(shlex.split(f'/bin/bash -c "{command}"')[2]) for command in found]
    assert ["grep", "-r", word, "/depot/a.txt"] in lines
    script = "s/" + word.replace("\\", "\\\\").replace("/", "\\/") + "//g"
    assert ["sed", "-i", script, "/depot/a.txt"] in lines


@pytest.mark.parametrize(
    ("request_", "expected"),
    [
        ("Count the lines of /depot/a.txt", "wc -l /depot/a.txt"),
        ("Find all files named 'notes.txt' under /depot", "find /depot -type f -name 'notes.txt'"),
        ('Search for the word "todo" below /depot', "grep -r 'todo' /depot"),
        ("Print the first 3 lines of /depot/a.txt", "head -n 3 /depot/a.txt"),
        ("How many *.csv files are in /depot?", "find /depot -type f -name '*.csv' | wc -l"),
        ("Copy /depot/a.txt to /depot/b", "cp -r /depot/a.txt /depot/b"),
        ("Delete all .tmp files in /depot", "find /depot -type f -name '*.tmp' -delete"),
    ],
)
def test_simple_requests_get_the_command_that_their_words_name(request_: str, expected: str) -> None:
    assert commands(request_)[0][0] == expected
    start = "File system: fs_1; working directory: /"
    assert best(state(request_, start=start, domain="intercode-bash")) == expected
    after = state(request_, (expected, "done"), start=start, domain="intercode-bash")
    assert best(after) == SUBMIT


@given(st.text(max_size=200))
def test_any_text_gets_distinct_commands(text: str) -> None:
    found = commands(text)
    assert len({command for command, _ in found}) == len(found) >= 2
    assert len(found) <= len(RULES)


def test_tables_are_read_from_the_first_observation_and_from_answers_with_text_or_bytes_as_types() -> None:
    shown = schema_of(state("?", start=START))
    assert [column.name for column in shown.described["purchase"]] == ["purchase_id", "customer_id", "amount"]
    answer = "[('id', b'int', 'NO', 'PRI', None, ''), ('name', b'text', 'YES', '', None, '')]"
    asked = schema_of(state("?", ("SHOW TABLES", "[('t',), ('u',)]"), ("desc `t`", answer)))
    assert asked.described == {"t": (Column("id", True, True), Column("name", False, False))}
    assert (asked.listed, asked.tables["u"]) == (True, None)
    assert not schema_of(state("?", ("SHOW TABLES", "Error executing query: no"))).listed


def test_words_are_compared_without_endings_and_names_by_their_parts() -> None:
    assert [stem(word) for word in ("cities", "boxes", "addresses", "singing", "status")] == [
        "city",
        "box",
        "address",
        "sing",
        "status",
    ]
    assert content("How many students are in the FlightNo table?") == ("student", "flight", "no", "table")
    assert coverage("first_name", ("first", "name")) == 1
    assert coverage("descr_text", ("description",)) == 0.5


def test_it_is_deterministic_keeps_the_best_k_and_says_that_no_model_is_behind_it() -> None:
    prior = build("guesses")
    assert isinstance(prior, Guesses)
    assert is_deterministic(prior)
    assert provenance(prior)["model"] is None
    where = state("What is the average age of customers?", *LOOKED)
    assert guess(where, k=2).actions == guess(where).actions[:2]


def test_it_refuses_other_worlds_and_options(kitchen: State) -> None:
    with pytest.raises(PriorError, match="the prior guesses knows intercode-sql, intercode-bash only"):
        guess(kitchen)
    with pytest.raises(InputError, match="takes no argument"):
        build("guesses:fast")
