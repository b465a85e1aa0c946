import json
import tarfile
from collections import Counter
from pathlib import Path

import pytest

from envs.blocksworld.core import TABLE, Fact
from envs.blocksworld.oracle import optimal_length
from envs.blocksworld.pddl import DOMAIN_PDDL
from envs.blocksworld.plans import plan_length
from envs.blocksworld.tasks import load
from slinvit import InputError, UnknownName

SWAP = """(define (problem swap) (:domain blocksworld-4ops) (:objects a b)
(:init (handempty) (on a b) (ontable b) (clear a))
(:goal (on b a)))
"""
PLAN = "(unstack a b)\n(put-down a)\n(pick-up b)\n(stack b a)\n"


def swap(name: str, domain: str = "blocksworld-4ops") -> str:
    return SWAP.replace("problem swap", f"problem {name}").replace("blocksworld-4ops", domain)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Three problems, one of them below, and their domain under a name that says nothing."""
    (tmp_path / "more").mkdir()
    for number in (10, 2):
        (tmp_path / f"swap-{number}.pddl").write_text(swap(f"s{number}"))
    (tmp_path / "more" / "swap-1.pddl").write_text(swap("s1"))
    (tmp_path / "rules.pddl").write_text(DOMAIN_PDDL)
    return tmp_path


def packed(folder: Path, target: Path, mode: str) -> Path:
    with tarfile.open(target, mode) as tar:  # type: ignore[call-overload]
        tar.add(folder, arcname=".")
    return target


def listed(folder: Path, entries: object) -> Path:
    path = folder / "tasks.json"
    path.write_text(entries if isinstance(entries, str) else json.dumps(entries))
    return path


@pytest.mark.parametrize(("steps", "count"), [(2, 30), (4, 57), (6, 114), (8, 139)])
def test_the_real_lists_load_with_valid_plans_of_optimal_length(
    data: Path, monkeypatch: pytest.MonkeyPatch, steps: int, count: int
) -> None:
    monkeypatch.setenv("SLINVIT_DATA", str(data.parent))
    problems = load(f"step_{steps}", horizon="2x")
    assert len(problems) == len({problem.id for problem in problems}) == count
    for problem in problems:
        assert problem.plan is not None
        assert plan_length(problem, problem.plan) == steps
        assert optimal_length(problem.start, problem.goal) == problem.optimal == steps
        assert problem.horizon == 2 * steps


def test_the_real_archive_loads_with_the_known_optimal_lengths(data: Path) -> None:
    lengths = Counter(problem.optimal for problem in load(str(data / "instances.tar.xz")))
    assert lengths == {2: 30, 4: 57, 6: 114, 8: 139, 10: 113, 12: 46, 14: 1, 16: 1}


def test_a_real_list_loads_by_its_path(data: Path) -> None:
    by_path = load(str(data / "step_4.json"), instances=data / "instances.tar.xz", limit=3)
    assert [problem.id for problem in by_path] == [f"generated_basic/instance-{n}" for n in (1, 2, 12)]
    assert by_path[0].names == ("red", "blue", "orange", "yellow")


def test_a_pddl_file_loads(folder: Path) -> None:
    (problem,) = load(str(folder / "swap-2.pddl"))
    assert (problem.id, problem.start, problem.goal) == ("swap-2", (1, TABLE), (Fact("on", (1, 0)),))
    assert (problem.optimal, problem.horizon) == (4, 8)


def test_a_folder_loads_in_natural_order_without_its_domain(folder: Path) -> None:
    assert [problem.id for problem in load(str(folder))] == ["more/swap-1", "swap-2", "swap-10"]
    assert [problem.id for problem in load(str(folder), limit=2)] == ["more/swap-1", "swap-2"]


@pytest.mark.parametrize(("ending", "mode"), [(".tar.xz", "w:xz"), (".tar.gz", "w:gz"), (".tgz", "w:gz")])
def test_an_archive_loads_as_its_folder_does(folder: Path, tmp_path: Path, ending: str, mode: str) -> None:
    archive = packed(folder, tmp_path / f"all{ending}", mode)
    keys = [(p.id, p.start, p.goal, p.optimal, p.horizon) for p in load(str(archive))]
    assert keys == [(p.id, p.start, p.goal, p.optimal, p.horizon) for p in load(str(folder))]


def test_a_list_finds_its_instances_beside_it_or_where_it_is_told(folder: Path, tmp_path: Path) -> None:
    elsewhere = tmp_path / "lists"
    elsewhere.mkdir()
    entries = [["swap-2.pddl", PLAN, 4], ["more/swap-1.pddl", PLAN, 4]]
    beside = load(str(listed(folder, entries)))
    told = load(str(listed(elsewhere, entries)), instances=folder)
    assert [p.id for p in beside] == [p.id for p in told] == ["swap-2", "more/swap-1"]
    packed(folder, elsewhere / "instances.tar.xz", "w:xz")
    assert len(load(str(elsewhere / "tasks.json"))) == 2


def test_a_domain_beside_a_file_gives_the_names(tmp_path: Path) -> None:
    (tmp_path / "domain.pddl").write_text(DOMAIN_PDDL.replace("pick-up", "grab").replace("ontable", "floor"))
    (tmp_path / "p.pddl").write_text(SWAP.replace("ontable", "floor"))
    assert load(str(tmp_path / "p.pddl"))[0].start == (1, TABLE)
    entries = [["p.pddl", PLAN.replace("pick-up", "grab"), 4]]
    assert load(str(listed(tmp_path, entries)))[0].plan is not None


@pytest.mark.parametrize("spec", ["7", "random:7"])
def test_a_number_means_random_problems(spec: str) -> None:
    assert load(spec, seed=3) == load("random:7,seed=3", seed=99)
    assert load(spec, seed=3, limit=2) == load(spec, seed=3)[:2]


@pytest.mark.parametrize(("horizon", "steps"), [("2x", 8), ("1.5x", 6), ("1x", 4), ("30", 30)])
def test_the_horizon_is_a_number_or_a_multiple_of_the_optimal_length(folder: Path, horizon: str, steps: int) -> None:
    assert load(str(folder / "swap-2.pddl"), horizon=horizon)[0].horizon == steps


@pytest.mark.parametrize("horizon", ["0", "x", "-3", "0.5x", "0x", "2y", ""])
def test_an_unreadable_horizon_is_refused(horizon: str) -> None:
    with pytest.raises(InputError, match="cannot read the horizon"):
        load("3", horizon=horizon)


def test_beyond_twelve_blocks_the_optimal_length_is_computed_only_where_the_horizon_needs_it(tmp_path: Path) -> None:
    names = [f"box{number}" for number in range(14)]
    init = " ".join(f"(ontable {name}) (clear {name})" for name in names)
    text = SWAP.replace("(on a b) (ontable b) (clear a)", init).replace("(on b a)", "(on box1 box0)")
    text = text.replace("(:objects a b)", f"(:objects {' '.join(names)})")
    (tmp_path / "many.pddl").write_text(text)
    assert load(str(tmp_path / "many.pddl"), horizon="20")[0].optimal is None
    (problem,) = load(str(tmp_path / "many.pddl"), horizon="2x")
    assert (problem.optimal, problem.horizon, problem.names) == (2, 4, tuple(names))


@pytest.mark.parametrize(
    ("entries", "message"),
    [
        ("[[1,\n2", "tasks.json:2: not JSON"),
        ({"a": 1}, "tasks.json: expected a list"),
        ([], "tasks.json: expected a list"),
        ([["swap-2.pddl", PLAN]], r"tasks.json: entry 1: expected \[instance path, plan, optimal length\]"),
        ([["swap-2.pddl", PLAN, "4"]], "tasks.json: entry 1: expected"),
        ([["swap-2.pddl", PLAN, 4], ["swap-3.pddl", PLAN, 4]], "entry 2: .* has no file 'swap-3.pddl'; did you mean"),
        ([["swap-2.pddl", PLAN, 4], ["swap-2.pddl", PLAN, 4]], "entry 2: swap-2.pddl is listed twice"),
        ([["swap-2.pddl", "(pick-up b)", 1]], "entry 1: task 'swap-2': action 1 of 1 does not apply"),
        ([["swap-2.pddl", "(pick-up c)", 1]], "entry 1: .*action 1: unknown block 'c'"),
        ([["swap-2.pddl", "(unstack a b)", 1]], "entry 1: .*the goal does not hold after all 1 actions"),
        ([["swap-2.pddl", PLAN, 6]], "entry 1: .*stated as 6, but the plan takes 4 steps"),
        ([["swap-2.pddl", PLAN, 2]], "entry 1: .*stated as 2, but it is 4"),
        ([["rules.pddl", PLAN, 4]], "entry 1: .*rules.pddl:1: expected a problem"),
    ],
)
def test_a_bad_list_is_refused_with_its_entry(folder: Path, entries: object, message: str) -> None:
    with pytest.raises(InputError, match=message):
        load(str(listed(folder, entries)))


def test_bad_sources_are_refused_with_what_to_do(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "text.txt").write_text("")
    (tmp_path / "broken.tar.xz").write_bytes(b"not an archive")
    (tmp_path / "empty").mkdir()
    (tmp_path / "data" / "blocksworld").mkdir(parents=True)
    (tmp_path / "data" / "blocksworld" / "step_6.json").write_text("[]")
    monkeypatch.delenv("SLINVIT_DATA", raising=False)
    for source, message in {
        "step_6": "environment variable SLINVIT_DATA names, and it is not set",
        str(tmp_path / "missing.pddl"): "does not exist",
        str(tmp_path / "text.txt"): r"expected \*.pddl, a folder or archive",
        str(tmp_path / "broken.tar.xz"): "cannot be read as an archive",
        str(tmp_path / "empty"): r"has no \*.pddl files",
        str(folder / "rules.pddl"): "has a domain but no problem",
        "random:3,block=4": "unknown option 'block'; did you mean 'blocks'",
        "random:3,blocks=x": "'x' is not a number",
        "random": "'' is not a number",
        "random:3,4": "one argument",
    }.items():
        with pytest.raises(InputError, match=message):
            load(source)
    monkeypatch.setenv("SLINVIT_DATA", str(tmp_path / "data"))
    with pytest.raises(UnknownName, match="did you mean 'step_6'"):
        load("step_7")
    with pytest.raises(InputError, match="limit on tasks must be 1 or more"):
        load("3", limit=0)
    with pytest.raises(InputError, match="--instances is for lists"):
        load(str(folder), instances=folder)


def test_a_torn_archive_and_a_file_that_is_not_text_are_refused(folder: Path, tmp_path: Path) -> None:
    archive = packed(folder, tmp_path / "torn.tar.gz", "w:gz")
    archive.write_bytes(archive.read_bytes()[:150])
    with pytest.raises(InputError, match="cannot be read as an archive"):
        load(str(archive))
    (tmp_path / "more" / "binary.pddl").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(InputError, match=r"binary\.pddl is not a text file"):
        load(str(folder))


def test_a_goal_that_holds_at_the_start_and_an_unknown_domain_are_refused(folder: Path) -> None:
    (folder / "swap-2.pddl").write_text(SWAP.replace("(on b a)", "(on a b)"))
    with pytest.raises(InputError, match=r"swap-2\.pddl: the goal holds at the start"):
        load(str(folder))
    (folder / "swap-2.pddl").write_text(swap("s2", "blocksworld-4opz"))
    with pytest.raises(InputError, match=r"swap-2\.pddl:1: unknown domain 'blocksworld-4opz'; did you mean"):
        load(str(folder))


def test_multiples_of_the_optimal_length_are_exact() -> None:
    (problem,) = load("random:1,blocks=8-12,length=20,seed=1", horizon="1.1x")
    assert (problem.optimal, problem.horizon) == (20, 22)
