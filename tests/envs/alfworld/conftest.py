import json
import os
from importlib.util import find_spec
from pathlib import Path

import pytest

from envs.alfworld.domain import AlfworldDomain
from envs.alfworld.task import AlfworldTask


@pytest.fixture(scope="session")
def archives() -> Path:
    """The folder with the real games; CI must have it."""
    root = os.environ.get("SLINVIT_DATA", "")
    folder = Path(root) / "alfworld"
    if root and folder.is_dir():
        return folder
    if os.environ.get("CI"):
        pytest.fail("SLINVIT_DATA must name the folder with the data")
    pytest.skip("SLINVIT_DATA does not name a folder with alfworld/ in it")


@pytest.fixture(scope="session")
def valid_seen(archives: Path) -> list[AlfworldTask]:
    return AlfworldDomain().load(str(archives / "valid_seen.tar.xz"))


@pytest.fixture(scope="session")
def installed() -> None:
    """The real engine."""
    if find_spec("alfworld") is None or find_spec("textworld") is None:
        pytest.skip("the real engine is not installed: pip install 'slinvit[alfworld]'")


@pytest.fixture
def split(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A data folder of our own with a split of six games, which no engine could play."""
    monkeypatch.setenv("ALFWORLD_DATA", str(tmp_path))
    monkeypatch.delenv("SLINVIT_DATA", raising=False)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    folder = tmp_path / "json_2.1.1" / "mine"
    for number, kind in enumerate(("look_at_obj_in_light", "pick_heat_then_place_in_recep") * 3):
        game = folder / f"{kind}-Mug-None-Shelf-{number}" / f"trial_{number}" / "game.tw-pddl"
        game.parent.mkdir(parents=True)
        content = {"pddl_domain": "d", "grammar": f"Your task is to: do {number}.", "pddl_problem": "p"}
        game.write_text(json.dumps({**content, "solvable": True, "walkthrough": ["look"]}), encoding="utf-8")
    return folder
