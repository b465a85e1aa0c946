import shutil
import subprocess
import sys
import time
from pathlib import Path

import agent.guard
from agent.guard import PACKAGES, problem

CODE = "from agent.cli import main; main(['--version'])"


def start(code: str, *path: Path) -> "subprocess.CompletedProcess[str]":
    begin = f"import sys; sys.path[:0] = {[str(folder) for folder in path]}; {code}"
    return subprocess.run([sys.executable, "-c", begin], capture_output=True, text=True, check=False)


def test_nothing_is_in_the_way_here_and_looking_costs_little() -> None:
    times = []
    for _ in range(5):
        begin = time.perf_counter()
        assert problem() is None
        times.append(time.perf_counter() - begin)
    assert min(times) < 0.03


def test_a_folder_that_hides_one_of_our_packages_is_named(tmp_path: Path) -> None:
    (tmp_path / "envs").mkdir()
    (tmp_path / "envs" / "__init__.py").touch()
    done = start(CODE, tmp_path)
    assert done.returncode == 2
    assert f"the package 'envs' of slinvit is hidden by {tmp_path / 'envs'}" in done.stderr
    assert done.stderr.count("\n") == 1


def installed(folder: Path, name: str, *packages: str) -> None:
    """Make ``folder`` look as if a distribution that ships ``packages`` was installed there."""
    info = folder / f"{name}-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n")
    (info / "RECORD").write_text("".join(f"{package}/__init__.py,,\n" for package in packages))
    for package in packages:
        (folder / package).mkdir(exist_ok=True)
        (folder / package / "__init__.py").touch()


def test_another_distribution_that_hides_a_package_is_named(tmp_path: Path) -> None:
    installed(tmp_path, "gymthings", "envs")
    done = start(CODE, tmp_path)
    assert done.returncode == 2
    assert "hidden by the distribution 'gymthings'" in done.stderr


def test_another_distribution_in_the_same_folder_is_named(tmp_path: Path) -> None:
    site = tmp_path / "site"
    site.mkdir()
    installed(site, "slinvit", *PACKAGES)
    shutil.copy(agent.guard.__file__, site / "agent" / "guard.py")
    look = "from agent.guard import problem; print(problem())"
    assert start(look, site).stdout.strip() == "None"
    installed(site, "gymthings", "gymthings", "envs")
    assert "the distribution 'gymthings' also ships the package 'envs'" in start(look, site).stdout
