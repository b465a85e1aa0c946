import runpy
from pathlib import Path
from typing import Any

import pytest

from agent.grid import expand, read_config

EXAMPLES = Path(__file__).parents[2] / "examples"
SCRIPTS = sorted(EXAMPLES.glob("*.py"))


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: str(path.stem))
def test_every_example_runs(script: Path, capsys: pytest.CaptureFixture[str]) -> None:
    main: Any = runpy.run_path(str(script))["main"]
    assert main([]) == 0
    assert capsys.readouterr().out


def test_the_lam_of_the_third_example_turns_the_choice(capsys: pytest.CaptureFixture[str]) -> None:
    runpy.run_path(str(EXAMPLES / "03_your_own_parts.py"))["main"]([])
    choices = [line.split()[1] for line in capsys.readouterr().out.splitlines()]
    assert choices == ["right", "right", "left"]


def test_the_demo_compares_the_pair_with_its_controls_on_at_least_40_tasks() -> None:
    rows = expand(read_config(EXAMPLES / "demo.yaml"))
    assert {"bundled prior + SLINVIT", "uniform prior + SLINVIT", "prior alone"} <= {row.name for row in rows}
    assert int(rows[0].settings.tasks.removeprefix("random:").split(",")[0]) >= 40


def test_the_intercode_comparison_has_its_controls_beside_it_and_one_labelled_upper_reference() -> None:
    rows = expand(read_config(EXAMPLES / "intercode.yaml"))
    assert {"prior alone", "self-consistency"} <= {row.name for row in rows}
    assert [row.name for row in rows if row.settings.value == "oracle"] == ["SLINVIT, sees the grader"]
    assert {(row.settings.env, row.settings.tasks) for row in rows} == {("intercode-sql:schema=shown", "embedded")}
