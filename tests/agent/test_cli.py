import json
import os
import resource
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from agent.bench import load_domain, load_instances
from agent.episode import Episode
from agent.loop import replay
from agent.records import read_records
from agent.settings import Settings
from envs.alfworld.generate import generate

KEYS = {
    *("env", "prior", "planner", "value", "episodes", "successes", "success_rate", "ci95", "mean_steps", "ledger"),
    *("oracle", "run_dir"),
}
LEDGER_KEYS = {
    *("llm_calls", "prompt_tokens", "tokens_forwarded", "completion_tokens", "env_steps", "sim_steps", "nodes"),
    "seconds",
}
TOY = ("--prior", "uniform", "--value", "zero", "--depth", 2)
Slinvit = Callable[..., Any]
Start = Callable[..., "subprocess.Popen[str]"]


def lines(folder: Path) -> dict[str, Any]:
    """Return the recorded episodes by task, without times."""

    def timeless(value: Any) -> Any:
        if isinstance(value, dict):
            return {key: timeless(inner) for key, inner in value.items() if key != "seconds"}
        return [timeless(inner) for inner in value] if isinstance(value, list) else value

    records = [json.loads(line) for line in (folder / "episodes.jsonl").read_text().splitlines()]
    return {record["task"]: timeless(record) for record in records}


def test_help_answers_at_once_and_loads_nothing_heavy() -> None:
    heavy = ("torch", "transformers", "matplotlib", "pddlgym", "scipy", "openai", "numpy")
    code = (
        "import sys\nfrom agent.cli import main\n"
        "try: main(['--help'])\n"
        f"finally: print('HEAVY', [name for name in {heavy} if name in sys.modules])"
    )
    times = []
    for _ in range(3):
        begin = _children_cpu()
        done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
        times.append(_children_cpu() - begin)
        assert "HEAVY []" in done.stdout
        assert "train-prior" in done.stdout
    assert min(times) < 0.5


def _children_cpu() -> float:
    """CPU seconds of finished child processes: what counts is the work, not how busy the machine is."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def test_the_packages_can_be_imported_without_torch() -> None:
    packages = "slinvit, envs, priors, value_estimators, planners, agent.runner, agent.compare"
    code = f"import sys, {packages}; print('torch' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"


def test_the_version_is_printed(slinvit: Slinvit) -> None:
    assert slinvit("--version").out.startswith("slinvit 0.")


def test_a_lazy_command_answers_help_with_its_own_options(slinvit: Slinvit) -> None:
    outcome = slinvit("train-value", "--help")
    assert outcome.code == 0
    assert "--seed" in outcome.out


def test_run_json_prints_exactly_one_object_with_the_promised_keys(slinvit: Slinvit) -> None:
    outcome = slinvit("run", "toyland:Toyland", "--tasks", 4, *TOY, "--json")
    assert outcome.code == 0
    summary = outcome.json
    assert summary.keys() >= KEYS
    assert summary["ledger"].keys() >= LEDGER_KEYS
    assert (summary["episodes"], summary["errors"], summary["oracle"]) == (4, 0, False)
    assert summary["success_rate"] == summary["successes"] / 4
    assert summary["ledger"]["env_steps"] == sum(
        len(decision["steps"]) for line in lines(Path(summary["run_dir"])).values() for decision in line["decisions"]
    )


def test_run_prints_a_table_with_rate_interval_and_cost(slinvit: Slinvit) -> None:
    outcome = slinvit("run", "toyland:Toyland", "--tasks", 2, *TOY)
    for words in ("success rate", "[", "plan length / optimal", "per solved task", "oracle"):
        assert words in outcome.out


def test_the_same_command_again_keeps_what_is_finished(slinvit: Slinvit) -> None:
    first = slinvit("run", "toyland:Toyland", "--tasks", 3, *TOY, "--json").json
    folder = Path(first["run_dir"])
    content = (folder / "episodes.jsonl").read_bytes()
    second = slinvit("run", "toyland:Toyland", "--tasks", 3, *TOY, "--json").json
    assert second == first
    assert (folder / "episodes.jsonl").read_bytes() == content


def test_same_seed_same_record_but_for_times(slinvit: Slinvit) -> None:
    for out in ("one", "two"):
        slinvit("run", "toyland:Toyland", "--tasks", 3, *TOY, "--out", out)
    assert lines(Path("one")) == lines(Path("two"))
    assert Path("one/run.json").read_text() == Path("two/run.json").read_text()


def test_results_do_not_depend_on_the_number_of_workers(slinvit: Slinvit) -> None:
    for workers in (1, 2):
        slinvit("run", "toyland:Toyland", "--tasks", 4, *TOY, "--workers", workers, "--out", f"w{workers}")
    assert lines(Path("w1")) == lines(Path("w2"))
    assert Path("w1/run.json").read_text() == Path("w2/run.json").read_text()


@pytest.mark.parametrize("prior", ["uniform", "toyland:keen"])
def test_results_do_not_depend_on_how_many_run_together(slinvit: Slinvit, prior: str) -> None:
    for together, workers in ((1, 1), (3, 1), (7, 1), (3, 2), (2, 8)):
        outcome = slinvit(
            *("run", "toyland:Toyland", "--tasks", 7, *TOY, "--prior", prior),
            *("--together", together, "--workers", workers, "--out", f"{together}-{workers}"),
        )
        assert outcome.code == 0
        folder = Path(f"{together}-{workers}")
        assert lines(folder) == lines(Path("1-1"))
        header, first = (json.loads((each / "run.json").read_text()) for each in (folder, Path("1-1")))
        assert header == {**first, "together": together}


def test_a_prior_that_gains_from_batches_serves_16_episodes_at_once(slinvit: Slinvit) -> None:
    slinvit("run", "toyland:Toyland", "--tasks", 18, *TOY, "--prior", "toyland:keen", "--out", "run")
    assert json.loads(Path("run/run.json").read_text())["together"] == 16
    batches = [tuple(map(int, line.split())) for line in Path("batches").read_text().splitlines()]
    assert batches[0] == (1, 16)
    assert sum(size for _, size in batches) == sum(each["ledger"]["llm_calls"] for each in lines(Path("run")).values())
    # Every group starts with a prior that has computed nothing.
    assert {number for number, _ in batches} == {1}
    slinvit("run", "toyland:Toyland", "--tasks", 2, *TOY, "--out", "alone")
    assert json.loads(Path("alone/run.json").read_text())["together"] == 1


def test_a_run_may_go_on_with_another_number_together(slinvit: Slinvit) -> None:
    command = ("run", "toyland:Toyland", "--tasks", 5, *TOY, "--out", "run")
    slinvit(*command, "--together", 2)
    whole = lines(Path("run"))
    file = Path("run/episodes.jsonl")
    file.write_text("".join(file.read_text().splitlines(keepends=True)[:2]))
    assert slinvit(*command, "--together", 4).code == 0
    assert lines(Path("run")) == whole


def test_limits_hold_for_each_episode(slinvit: Slinvit) -> None:
    slinvit("run", "toyland:Toyland", "--tasks", 5, *TOY, "--max-sim-steps", 6, "--out", "run")
    spent = [line["ledger"]["sim_steps"] for line in lines(Path("run")).values()]
    assert max(spent) <= 6
    assert {line["stopped_by"] for line in lines(Path("run")).values()} >= {"solved", "budget"}


@pytest.mark.parametrize("together", [1, 3])
def test_an_episode_that_fails_to_run_has_no_score_and_is_tried_again(slinvit: Slinvit, together: int) -> None:
    Path("broken").touch()
    command = ("run", "toyland:BrokenToyland", "--tasks", 3, *TOY, "--together", together, "--json", "--out", "run")
    failed = slinvit(*command)
    assert failed.code == 1
    assert failed.err.strip() == "error: 1 episode failed to run, the first with: the lights went out"
    assert (failed.json["episodes"], failed.json["errors"]) == (2, 1)
    assert "the lights went out" in slinvit("show", "run").out
    Path("broken").unlink()
    healed = slinvit(*command)
    assert healed.code == 0
    assert (healed.json["episodes"], healed.json["errors"]) == (3, 0)


def test_a_torn_line_is_repaired_on_resume(slinvit: Slinvit) -> None:
    slinvit("run", "toyland:Toyland", "--tasks", 3, *TOY, "--out", "run")
    file = Path("run/episodes.jsonl")
    before = lines(Path("run"))
    file.write_bytes(file.read_bytes()[:-20])
    assert slinvit("run", "toyland:Toyland", "--tasks", 3, *TOY, "--out", "run").code == 0
    assert lines(Path("run")) == before


BAD_INPUT = [
    (("run", "toylnd"), "unknown environment 'toylnd'"),
    (("run", "blocksword"), "did you mean 'blocksworld'?"),
    (("run", "toyland:Toyland", "--tasks", "many"), "tasks must be a number, not 'many'"),
    (("run", "toyland:Toyland", "--tasks", "0"), "holds no tasks"),
    (("run", "toyland:Toyland", "--tasks", "2", "--prior", "unifrom"), "did you mean 'uniform'?"),
    (("run", "toyland:Toyland", "--tasks", "2", "--prior", "uniform", "--value", "zeroo"), "did you mean 'zero'?"),
    (("run", "toyland:Toyland", "--tasks", "2", *TOY, "--planner", "slimvit"), "did you mean 'slinvit'?"),
    (("run", "toyland:Toyland", "--tasks", "2", *TOY, "--breadth", "0"), "breadth"),
    (("run", "toyland:Toyland", "--tasks", "2", *TOY, "--depth", "0"), "depth"),
    (("run", "toyland:Toyland", "--tasks", "2", *TOY, "--lam", "-1"), "lam"),
    (("run", "toyland:Toyland", "--tasks", "2", *TOY, "--planner", "greedy", "--breadth", "3"), "breadth"),
    (("run", "toyland:Toyland", "--tasks", "2", *TOY, "--expand", "some"), "'prior', 'all'"),
    (("run", "toyland:Toyland", "--tasks", "2", *TOY, "--engine", "fast"), "leave --engine out"),
    (("run", "toyland:Toyland", "--tasks", "2", *TOY, "--workers", "0"), "--workers must be 1 or more"),
    (("run", "toyland:Toyland", "--tasks", "2", *TOY, "--workers", "2", "--depth", "0"), "depth"),
    (("run", "toyland:Toyland", "--tasks", "2", *TOY, "--together", "0"), "together must be 1 or more"),
    (("run", "toyland:Toyland", "--tasks", "2", *TOY, "--limit", "0"), "limit must be 1 or more"),
    (("run", "toyland:Toyland", "--tasks", "2", *TOY, "--seed", "-1"), "seed must be 0 or more"),
    (("run", "toyland:Toyland", "--tasks", "2", *TOY, "--max-sim-steps", "-1"), "sim_steps must be 0 or more"),
    (("run", "toyland:Toyland", "--tasks", "2", *TOY, "--out", "file/run"), "cannot write to file/run"),
    (("run",), "Missing argument"),
    (("run", "toyland:Toyland", "--taks", "2"), "No such option"),
    (("rum",), "Did you mean 'run'?"),
    (("show", "nowhere"), "nowhere is not a run folder"),
    (("compare", "nowhere.yaml"), "cannot read nowhere.yaml"),
]


@pytest.mark.parametrize(("arguments", "words"), BAD_INPUT, ids=lambda value: None)
def test_bad_input_is_one_line_and_exit_code_2(slinvit: Slinvit, arguments: tuple[object, ...], words: str) -> None:
    Path("file").write_text("in the way")
    outcome = slinvit(*arguments)
    assert outcome.code == 2
    assert outcome.out == ""
    assert outcome.err.startswith("error: ")
    assert words in outcome.err
    assert outcome.err.count("\n") == 1
    assert not Path("runs").exists()


def test_other_settings_in_the_same_folder_are_refused(slinvit: Slinvit) -> None:
    slinvit("run", "toyland:Toyland", "--tasks", 2, *TOY, "--out", "run")
    outcome = slinvit("run", "toyland:Toyland", "--tasks", 2, *TOY, "--seed", 1, "--out", "run")
    assert outcome.code == 2
    assert "another settings.seed: 0 there, 1 now" in outcome.err


def wait_for(condition: Callable[[], bool], seconds: float = 30) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "waited too long"
        time.sleep(0.02)


def finished(folder: Path) -> int:
    file = folder / "episodes.jsonl"
    return file.read_bytes().count(b"\n") if file.exists() else 0


@pytest.mark.parametrize(("workers", "together"), [(1, 1), (2, 1), (1, 12), (2, 6)])
def test_a_killed_run_keeps_what_was_finished_and_goes_on(
    slinvit: Slinvit, start: Start, tmp_path: Path, workers: int, together: int
) -> None:
    command = (
        *("run", "toyland:SlowToyland", "--tasks", 12, *TOY),
        *("--workers", workers, "--together", together, "--out", "run"),
    )
    process = start(*command)
    wait_for(lambda: finished(tmp_path / "run") >= 3)
    process.kill()
    process.communicate()
    kept = (tmp_path / "run" / "episodes.jsonl").read_bytes()
    whole = kept[: kept.rfind(b"\n") + 1]
    assert 3 <= whole.count(b"\n") < 12
    resumed = slinvit(*command, "--json")
    assert resumed.json["episodes"] == 12
    assert (tmp_path / "run" / "episodes.jsonl").read_bytes().startswith(whole)


@pytest.mark.parametrize(("workers", "together"), [(1, 1), (2, 1), (2, 20)])
def test_ctrl_c_leaves_finished_work_and_exits_130(start: Start, tmp_path: Path, workers: int, together: int) -> None:
    process = start(
        *("run", "toyland:SlowToyland", "--tasks", 40, *TOY),
        *("--workers", workers, "--together", together, "--out", "run"),
    )
    wait_for(lambda: finished(tmp_path / "run") >= 2)
    os.kill(process.pid, signal.SIGINT)
    _, err = process.communicate(timeout=30)
    assert process.returncode == 130
    assert err.strip() == "error: interrupted; finished episodes are kept, the same command continues"
    assert finished(tmp_path / "run") >= 2


def test_a_worker_that_dies_ends_the_run_with_what_to_do(slinvit: Slinvit) -> None:
    outcome = slinvit("run", "toyland:DyingToyland", "--tasks", 8, *TOY, "--workers", 2, "--out", "run")
    assert outcome.code == 1
    assert "error: a worker process died" in outcome.err
    assert 1 <= finished(Path("run")) < 8


def test_list_names_everything(slinvit: Slinvit) -> None:
    outcome = slinvit("list", "--json")
    found = outcome.json
    assert {"environments", "priors", "planners", "value_estimators"} == set(found)
    names = {kind: {entry["name"] for entry in entries} for kind, entries in found.items()}
    assert {"bundled", "uniform", "hf", "scripted"} <= names["priors"]
    assert {"goals-met", "obstacles", "rollout", "learned", "zero", "exact"} <= names["value_estimators"]
    planners = {entry["name"]: entry for entry in found["planners"]}
    assert planners["slinvit"]["options"]["breadth"] == 2
    for entries in found.values():
        for entry in entries:
            assert entry["description"], entry["name"]
    assert "slinvit" in slinvit("list").out


def test_list_does_not_load_torch() -> None:
    code = "import sys\nfrom agent.listing import listing\nlisting()\nprint('torch' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"


def test_show_tells_the_episode_as_a_reader_would_want_it(slinvit: Slinvit) -> None:
    slinvit("run", "toyland:Toyland", "--tasks", 3, *TOY, "--out", "run")
    listed = slinvit("show", "run").out
    assert "corridor-3" in listed
    by_name, by_number = slinvit("show", "run", "corridor-2").out, slinvit("show", "run", 1).out
    assert by_name == by_number
    for words in ("goal: reach room 2", "state: room 0", "50.0%  right", "tree", "* right", "score", "chosen:", "why:"):
        assert words in by_name, words


def test_show_says_which_episodes_there_are(slinvit: Slinvit) -> None:
    slinvit("run", "toyland:Toyland", "--tasks", 3, *TOY, "--out", "run")
    outcome = slinvit("show", "run", "coridor-3")
    assert outcome.code == 2
    assert "did you mean 'corridor-3'?" in outcome.err
    assert "a number from 0 to 2" in outcome.err


def test_the_bundled_model_solves_blocksworld_end_to_end(slinvit: Slinvit) -> None:
    summary = slinvit("run", "blocksworld", "--tasks", "random:2,blocks=4", "--out", "run", "--json").json
    assert (summary["prior"], summary["planner"], summary["value"]) == ("bundled", "slinvit", "goals-met")
    assert (summary["episodes"], summary["prior_method"]) == (2, "exact")
    assert min(summary["ledger"][key] for key in ("llm_calls", "tokens_forwarded", "sim_steps", "nodes")) > 0
    header = json.loads(Path("run/run.json").read_text())
    assert len(header["prior"]["sha256"]) == len(header["tasks"]["sha256"]) == 64
    assert header["planner"]["lam"] == 0.3


def test_a_recorded_run_can_be_replayed_in_the_real_world(slinvit: Slinvit) -> None:
    settings = Settings("blocksworld", tasks="random:3,blocks=4", prior="uniform", value="obstacles")
    slinvit(
        "run", "blocksworld", "--tasks", settings.tasks, *("--prior", "uniform", "--value", "obstacles"), "--out", "run"
    )
    records, domain = read_records(Path("run")), load_domain(settings)
    for instance in load_instances(settings):
        episode = records[instance.task.id]
        assert isinstance(episode, Episode)
        assert replay(domain.environment(instance), episode).solved == episode.solved


def test_bad_tasks_can_be_left_out_and_are_counted(slinvit: Slinvit, tmp_path: Path) -> None:
    for seed in range(2):
        game, folder = generate(seed, "pick_and_place_simple"), tmp_path / "games" / f"pick_and_place_simple-{seed}"
        text = {"pddl_domain": game.domain, "grammar": game.grammar, "pddl_problem": game.problem, "solvable": True}
        (folder / "trial_1").mkdir(parents=True)
        (folder / "trial_1" / "game.tw-pddl").write_text(json.dumps(text if seed else {}))
    command = ("run", "alfworld", "--tasks", str(tmp_path / "games"), "--prior", "uniform", "--planner", "random")
    assert slinvit(*command).code == 2
    summary = slinvit(*command, "--skip-bad", "--json").json
    assert (summary["episodes"], summary["left_out"]) == (1, 1)
    refused = slinvit("run", "blocksworld", "--skip-bad")
    assert refused.code == 2
    assert "leave --skip-bad out" in refused.err


def test_the_published_list_of_tasks_runs(slinvit: Slinvit) -> None:
    if "SLINVIT_DATA" not in os.environ:
        assert "CI" not in os.environ, "SLINVIT_DATA must name the folder of real data"
        pytest.skip("SLINVIT_DATA does not name the folder of real data")
    summary = slinvit(
        "run",
        "blocksworld",
        "--tasks",
        "step_4",
        "--limit",
        5,
        "--prior",
        "uniform",
        "--expand",
        "all",
        "--depth",
        4,
        "--json",
    ).json
    assert (summary["episodes"], summary["errors"]) == (5, 0)
