import pytest

import agent


def test_every_public_name_can_be_loaded() -> None:
    for name in agent.__all__:
        assert getattr(agent, name) is not None


def test_other_names_are_not_there() -> None:
    with pytest.raises(AttributeError, match="no attribute 'Agnet'"):
        agent.Agnet  # noqa: B018
