from pathlib import Path

import pytest

from agent.grid import Comparison, expand, read_config
from slinvit.errors import InputError


@pytest.fixture(autouse=True)
def plugins(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(Path(__file__).parent / "plugins"))


SHARED = {"env": "toyland:Toyland", "tasks": "4", "prior": "uniform", "value": "zero"}
TWO = {**SHARED, "settings": [{"name": "search", "depth": 2}, {"name": "random", "planner": "random"}]}


def test_a_grid_is_every_combination_of_its_lists() -> None:
    rows = expand(Comparison.model_validate({**TWO, "grid": {"lam": [0, 0.3], "depth": [1, 2]}}))
    assert [row.name for row in rows] == [
        *(f"search lam={lam} depth={depth}" for lam in (0, 0.3) for depth in (1, 2)),
        "random",
    ]
    assert rows[1].settings.options == {"lam": 0, "depth": 2}


def test_what_holds_for_all_holds_where_the_planner_has_it() -> None:
    rows = expand(Comparison.model_validate({**TWO, "breadth": 3}))
    assert [row.settings.options for row in rows] == [{"breadth": 3, "depth": 2}, {}]


def test_a_setting_stands_above_what_holds_for_all() -> None:
    shared = {**SHARED, "depth": 4, "lam": 0.3, "max_llm_calls": 7}
    rows = expand(Comparison.model_validate({**shared, "settings": [{"name": "a", "depth": 2, "value": "goals-met"}]}))
    assert rows[0].settings.options == {"depth": 2, "lam": 0.3}
    assert (rows[0].settings.value, rows[0].settings.prior) == ("goals-met", "uniform")
    assert rows[0].settings.budget == {"llm_calls": 7}


def test_the_demo_can_be_read() -> None:
    demo = read_config(Path(__file__).parents[2] / "examples" / "demo.yaml")
    assert {row.settings.prior for row in expand(demo)} == {"bundled", "uniform"}


def test_what_a_setting_writes_into_its_planner_stands_above_what_holds_for_all() -> None:
    config = {**SHARED, "depth": 4, "lam": 0.3, "settings": [{"name": "a", "planner": "slinvit:lam=1"}]}
    assert expand(Comparison.model_validate(config))[0].settings.options == {"depth": 4}
    config["settings"] = [{"name": "a", "planner": "slinvit:lam=1", "lam": 2}]
    with pytest.raises(InputError, match="lam is given in its planner and beside it"):
        expand(Comparison.model_validate(config))


def test_how_many_run_together_holds_for_all_settings_and_is_no_setting() -> None:
    alone, together = (expand(Comparison.model_validate({**TWO, "together": number})) for number in (1, 8))
    assert [row.settings.together for row in (*alone, *together)] == [1, 1, 8, 8]
    assert alone[0].settings.digest() == together[0].settings.digest()
