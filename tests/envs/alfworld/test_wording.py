import pytest
from hypothesis import given
from hypothesis import strategies as st

from envs.alfworld.twin import HELP
from envs.alfworld.wording import GRAMMARS, Grammar, as_grammar, command_in, commands_in, feedback_in
from slinvit import UnknownName

things = st.from_regex(r"[a-z]{1,12} [1-9][0-9]?", fullmatch=True)


@given(things, things)
def test_commands_and_feedback_go_there_and_back(thing: str, place: str) -> None:
    move, put = f"move {thing} to {place}", f"put {thing} in/on {place}"
    said, told = f"You move the {thing} to the {place}.", f"You put the {thing} in/on the {place}."
    for command in (move, put):
        assert (command_in("move", command), command_in("put", command)) == (move, put)
    for text in (said, told):
        assert (feedback_in("move", text), feedback_in("put", text)) == (said, told)


@given(things, things, st.sampled_from(GRAMMARS))
def test_everything_else_stays_as_it_is(thing: str, place: str, grammar: Grammar) -> None:
    for command in (f"take {thing} from {place}", f"go to {place}", "put", f"move {thing}", "look"):
        assert command_in(grammar, command) == command
    for text in ("Nothing happens.", f"You arrive at {place}. On the {place}, you see a {thing}."):
        assert feedback_in(grammar, text) == text


def test_commands_are_sorted_in_their_wording() -> None:
    assert commands_in("put", ["help", "move mug 1 to shelf 1", "take pen 1 from shelf 1"]) == (
        "help",
        "put mug 1 in/on shelf 1",
        "take pen 1 from shelf 1",
    )


def test_the_help_text_names_the_command_in_use() -> None:
    put = feedback_in("put", HELP)
    assert "put (object) in/on (receptacle):" in put
    assert "move (object)" not in put
    assert feedback_in("move", put) == HELP


def test_an_unknown_grammar_is_named() -> None:
    assert [as_grammar(name) for name in GRAMMARS] == list(GRAMMARS)
    with pytest.raises(UnknownName, match="unknown grammar 'moves'; did you mean 'move'"):
        as_grammar("moves")
