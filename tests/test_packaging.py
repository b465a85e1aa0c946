"""What is shipped, and what may be imported from it."""

import importlib
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PACKAGES = ("agent", "envs", "learners", "planners", "priors", "slinvit", "value_estimators")


@pytest.fixture(scope="module")
def shipped(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """Names of the files in a freshly built wheel."""
    folder = tmp_path_factory.mktemp("wheel")
    build = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)]
    subprocess.run(build, cwd=ROOT, check=True, capture_output=True)
    (wheel,) = folder.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        return archive.namelist()


def test_the_wheel_holds_exactly_our_seven_packages(shipped: list[str]) -> None:
    folders = {name.split("/")[0] for name in shipped if "dist-info" not in name}
    assert folders == set(PACKAGES)


def test_the_wheel_holds_types_models_and_data(shipped: list[str]) -> None:
    needed = {f"{package}/py.typed" for package in PACKAGES} | {
        "priors/assets/blocksworld/model.safetensors",
        "priors/assets/blocksworld/tokenizer.json",
        "priors/assets/blocksworld/README.md",
        "priors/assets/alfworld/placement.json",
        "priors/remote/prices.yaml",
        "envs/alfworld/engine_worker.py",
        *(f"envs/alfworld/assets/{name}" for name in ("rooms.json", "alfred.pddl", "alfred.twl2", "LICENSE-ALFWORLD")),
        *(f"envs/intercode/embedded/sql/{name}" for name in ("databases.sql", "tasks.json", "expected.json")),
        *(f"envs/intercode/embedded/bash/{name}" for name in ("tree.json", "tasks.json", "expected.json")),
        "value_estimators/assets/blocksworld/value.npz",
        "learners/assets/planbench_classes.txt",
    }
    assert needed <= set(shipped)


@pytest.mark.parametrize("package", PACKAGES)
def test_what_a_package_exports_is_sorted_and_there(package: str) -> None:
    module = importlib.import_module(package)
    exported = list(getattr(module, "__all__", []))
    assert exported == sorted(exported, key=lambda name: (not name.isupper(), not name[0].isupper(), name))
    assert all(hasattr(module, name) for name in exported)
