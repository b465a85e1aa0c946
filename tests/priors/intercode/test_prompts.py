import pytest
from hypothesis import given
from hypothesis import strategies as st

from priors.intercode.actions import Language, command
from priors.intercode.prompts import BASH_EXAMPLE, LONGEST, ROWS, SQL_EXAMPLE, WIDEST, Example, rewarded, shortened
from priors.templates import TEMPLATES, template
from slinvit import InputError, State, Task

NAMES = sorted(name for name in TEMPLATES if name.startswith("intercode"))


def state(
    domain: str,
    *steps: tuple[str, str],
    goal: str = "How many books?",
    start: str = "Database: shelf",
    horizon: int = 10,
) -> State:
    task = Task("t", domain, goal, horizon, metadata={"start": start})
    return State(task, steps[-1][1] if steps else start, history=steps)


def domain_of(name: str) -> str:
    return "-".join(name.split("-")[:2])


def test_there_are_three_ways_to_ask_in_both_worlds() -> None:
    assert [f"intercode-{world}{way}" for world in ("bash", "sql") for way in ("", "-plan", "-react")] == NAMES


@pytest.mark.parametrize("name", NAMES)
def test_a_prompt_shows_task_place_turns_and_every_step_and_ends_where_the_reply_begins(name: str) -> None:
    steps = (("SHOW TABLES", "[('book',)]"), ("SELECT COUNT(*) FROM book", "[(7,)]"))
    prompt = template(name).prompt(state(domain_of(name), *steps, horizon=4))
    cue = {"plan": "Plan:", "react": "Thought:"}.get(name.rsplit("-", 1)[-1], "Action:")
    assert prompt.endswith(
        "Task: How many books?\nDatabase: shelf\nTurns: 4\nAction: SHOW TABLES\nObservation: [('book',)]\n"
        f"Action: SELECT COUNT(*) FROM book\nObservation: [(7,)]\n{cue}"
    )


@pytest.mark.parametrize("name", NAMES)
def test_a_prompt_grows_at_its_end_so_that_what_was_read_is_not_read_again(name: str) -> None:
    short = template(name).prompt(state(domain_of(name)))
    long = template(name).prompt(state(domain_of(name), ("ls", "a\nb")))
    assert long.startswith(short.rpartition("\n")[0] + "\n")


def test_tables_that_the_first_observation_shows_stay_in_sight_in_later_turns() -> None:
    start = "Database: shelf\nTables:\n* book(isbn, title)"
    prompt = template("intercode-sql").prompt(state("intercode-sql", ("SELECT 1", "[(1,)]"), start=start))
    assert f"\n{start}\nTurns: 10\nAction: SELECT 1\n" in prompt


def test_a_template_refuses_the_states_of_other_worlds() -> None:
    with pytest.raises(InputError, match="the template for intercode-sql cannot describe 'intercode-bash'"):
        template("intercode-sql-react").prompt(state("intercode-bash"))


@pytest.mark.parametrize(("example", "language"), [(SQL_EXAMPLE, "sql"), (BASH_EXAMPLE, "bash")])
def test_every_action_of_the_worked_examples_is_read_as_itself_in_every_style(
    example: Example, language: Language
) -> None:
    for way in ("", "-react", "-plan"):
        prompt = template(f"intercode-{language}{way}").prompt(state(f"intercode-{language}"))
        reply = TEMPLATES[f"intercode-{language}{way}"].reply
        assert reply is not None
        for turn in example.turns:
            assert turn.action in prompt
            assert command(turn.action, language) == turn.action
            for text in (turn.action, f"Action: {turn.action}", f" {turn.thought}\nAction: execute[{turn.action}]"):
                if way == "" or "Action" in text:
                    assert reply.read(text) == turn.action
    assert example.turns[-1].action == "submit"


def test_long_observations_are_cut_after_characters_or_rows_and_say_so() -> None:
    for tabular in (True, False):
        assert shortened("x" * LONGEST, tabular=tabular) == "x" * LONGEST
        assert shortened("x" * (LONGEST + 1), tabular=tabular) == "x" * LONGEST + " ..."
    rows = [(i, "name") for i in range(ROWS + 5)]
    assert shortened(str(rows[:ROWS]), tabular=True) == str(rows[:ROWS])
    assert shortened(str(rows), tabular=True).count("'name'") == ROWS
    assert shortened(str(rows), tabular=True).endswith(" ...")


@pytest.mark.parametrize("domain", ["intercode-sql", "intercode-bash"])
def test_no_observation_makes_a_prompt_endless(domain: str) -> None:
    short = len(template(domain).prompt(state(domain, ("cat a", ""))))
    most = WIDEST if domain == "intercode-sql" else LONGEST
    for seen in (str([("x" * 10**6,)]), str([("x" * 10**5, 1)] * 30), "[(" + "y" * 10**6, "z" * 10**6):
        assert len(template(domain).prompt(state(domain, ("cat a", seen)))) <= short + most + len(" ...")


@given(st.text(max_size=2 * LONGEST), st.floats(-1, 1).map(lambda value: f"{value:.2f}"), st.booleans())
def test_a_reward_stays_in_sight_however_long_the_observation_is(seen: str, reward: str, tabular: bool) -> None:
    assert shortened(f"{seen}\nReward: {reward}", tabular=tabular).endswith(f"\nReward: {reward}")
    assert len(shortened(seen, tabular=tabular)) <= max(LONGEST + len(" ..."), len(seen))


def test_rewards_are_shown_where_every_turn_ends_with_one() -> None:
    shown, printed = ("ls", "a\nReward: 0.50"), ("cat a", "b\nReward: high\nc")
    assert rewarded(state("intercode-bash", shown, shown))
    for steps in ((), (printed,), (shown, printed), (("cat a", "b\nReward: 0.50\n"),)):
        assert not rewarded(state("intercode-bash", *steps))
