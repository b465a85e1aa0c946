import copy
import pickle

import pytest

from slinvit import errors
from slinvit.errors import (
    BudgetExceeded,
    InputError,
    LimitReached,
    MissingExtra,
    SlinvitError,
    TooLong,
    UnknownName,
    did_you_mean,
)

EXAMPLES = [
    InputError("no such file: x.pddl"),
    UnknownName("planner", "slinvi", ["slinvit", "beam"]),
    MissingExtra("alfworld", "alfworld"),
    BudgetExceeded("nodes", 3, 1),
    LimitReached("--max-usd 5 is reached"),
    TooLong("the model reads at most 32 tokens"),
]


def test_a_suggestion_is_the_nearest_known_name_or_nothing() -> None:
    assert did_you_mean("blockworld", ["alfworld", "blocksworld"]) == "; did you mean 'blocksworld'?"
    assert did_you_mean("xyz", ["alfworld", "blocksworld"]) == ""


@pytest.mark.parametrize("error", EXAMPLES, ids=lambda error: type(error).__name__)
def test_errors_are_one_line_and_survive_the_way_back_from_a_worker(error: SlinvitError) -> None:
    assert "\n" not in str(error)
    for clone in (pickle.loads(pickle.dumps(error)), copy.copy(error)):
        assert type(clone) is type(error)
        assert str(clone) == str(error)
        assert vars(clone) == vars(error)


def test_messages_say_what_to_do() -> None:
    assert str(EXAMPLES[1]) == "unknown planner 'slinvi'; did you mean 'slinvit'?; known: beam, slinvit"
    assert str(EXAMPLES[2]) == "alfworld is not installed; run: pip install 'slinvit[alfworld]'"
    assert str(EXAMPLES[3]) == "the budget allows 1 more nodes, the next step needs 3"


def test_the_tree_in_the_docstring_lists_every_error_below_its_base() -> None:
    found = {kind for kind in vars(errors).values() if isinstance(kind, type) and issubclass(kind, SlinvitError)}
    drawn = errors.__doc__ or ""
    assert all(kind.__name__ in drawn for kind in found)
