"""Bash tasks from loading to reward: rewards at the end, oracles that say so, gold commands that really work."""

import json
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from hashlib import md5
from pathlib import Path
from typing import Any

import pytest

from envs.intercode.bash.domain import BashDomain
from envs.intercode.bash.grader import BashGrader
from envs.intercode.bash.sandbox import Sandbox
from envs.intercode.bash.status import status_of
from envs.intercode.bash.tasks import load
from envs.intercode.bash.trees import tree_of
from envs.intercode.bash.world import BashWorld
from envs.intercode.graded import SOLVED
from envs.intercode.task import InterCodeTask
from slinvit.budget import Budget
from slinvit.errors import InputError, UnknownName
from slinvit.protocols import Environment, Grader
from slinvit.types import Transition

GOLDS = Path(__file__).parent / "golds.json"
"""Exit code, digest of the output and digest of the changes of gold commands that depend on no system."""

FILES = {"a.txt": "alpha beta\n", "b.txt": "beta gamma\n", "c.log": "delta\n"}

TASKS = (
    ("Print the words of the first file", "cat /place/a.txt"),
    ("Copy the log to the notes", "cp /place/c.log /place/notes.txt"),
    ("Add a word to the second file", "echo more >> /place/b.txt"),
    ("Make a folder with a copy of the first file", "mkdir /place/new && cp /place/a.txt /place/new/a.txt"),
    ("Print what nobody wrote", "grep omega /place/a.txt"),
)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Tasks of our own about one small file system."""
    made = tmp_path_factory.mktemp("tasks")
    (made / "fs_7" / "place" / "empty").mkdir(parents=True)
    for name, text in FILES.items():
        (made / "fs_7" / "place" / name).write_text(text)
    (made / "nl2bash_fs_7.json").write_text(json.dumps([{"query": query, "gold": gold} for query, gold in TASKS]))
    return made


@pytest.fixture(scope="module")
def domain(bubblewrap: None) -> Iterator[BashDomain]:
    made = BashDomain()
    yield made
    made.close()


def played(env: Environment, *actions: str) -> Transition:
    """Return the last transition of an episode."""
    with closing(env):
        env.reset()
        return [env.step(action) for action in actions][-1]


def details(domain: BashDomain, task: InterCodeTask, action: str) -> Any:
    return played(domain.environment(task), action, "submit").details


def test_submitting_the_effect_of_the_gold_command_earns_one(domain: BashDomain, folder: Path) -> None:
    for task in domain.load(str(folder)):
        end = played(domain.environment(task), task.gold, "submit")
        assert end.reward == pytest.approx(1.0)
        assert (end.state.terminal, end.state.solved) == (True, True)
        assert set(end.details) >= {"file_diff", "file_changes", "answer_similarity", "score", "corrected"}


@pytest.mark.parametrize(
    ("number", "action", "reward"),
    [
        (0, "true", 0.67),
        (0, "cat /place/c.log", 0.67),
        (0, "cat /place/a.txt; touch /place/x", round(0.33 * (1 - 0.8427007929497149), 2) + 0.67),
        (1, "true", round(0.33 * (1 - 0.8427007929497149), 2) + 0.67),
        (1, "cp /place/a.txt /place/notes.txt", 0.67),
        (1, "cp /place/c.log /place/notes.txt; echo done", 0.67),
    ],
)
def test_a_wrong_action_earns_what_its_right_parts_are_worth(
    domain: BashDomain, folder: Path, number: int, action: str, reward: float
) -> None:
    end = played(domain.environment(domain.load(str(folder))[number]), action, "submit")
    assert end.reward == pytest.approx(reward)
    assert end.state.solved is False


def test_the_original_does_not_see_what_was_written_into_known_files(domain: BashDomain, folder: Path) -> None:
    found = details(domain, domain.load(str(folder))[2], "echo wrong >> /place/b.txt")
    assert found["intercode"] == pytest.approx(1.0)
    assert found["corrected"] == pytest.approx(0.67)


def test_the_original_does_not_see_into_new_folders(domain: BashDomain, folder: Path) -> None:
    found = details(domain, domain.load(str(folder))[3], "mkdir /place/new && cp /place/b.txt /place/new/a.txt")
    assert found["intercode"] == pytest.approx(1.0)
    assert found["corrected"] == pytest.approx(0.67)


def test_a_gold_command_without_effect_is_told_apart(domain: BashDomain, folder: Path) -> None:
    found = details(domain, domain.load(str(folder))[4], "true")
    assert found["empty_gold"] is True
    assert found["intercode"] == pytest.approx(1.0)
    assert found["corrected"] < 1


def test_a_path_with_blanks_is_scored_and_flagged(domain: BashDomain, folder: Path) -> None:
    task = replace(domain.load(str(folder))[1], gold="cp /place/c.log '/place/two words.txt'")
    right = details(domain, task, "cat /place/c.log > '/place/two words.txt'")
    wrong = details(domain, task, "cat /place/a.txt > '/place/two words.txt'")
    assert right["status_unreadable"] is True
    assert right["intercode"] == pytest.approx(1.0)
    assert wrong["intercode"] == pytest.approx(0.67)


def test_skipping_earns_nothing(domain: BashDomain, folder: Path) -> None:
    task = domain.load(str(folder))[0]
    end = played(domain.environment(task), task.gold, "skip")
    assert (end.reward, end.state.solved) == (0.0, False)


def test_the_last_turn_is_graded_without_a_submission(domain: BashDomain, folder: Path) -> None:
    task = domain.load(str(folder), horizon="2")[0]
    end = played(domain.environment(task), "ls", task.gold)
    assert (end.state.truncated, end.state.terminal, end.state.solved) == (True, False, True)
    assert end.reward == pytest.approx(1.0)


def test_removing_version_control_is_no_way_to_a_reward(domain: BashDomain, folder: Path) -> None:
    found = details(domain, domain.load(str(folder))[1], "rm -rf /.git")
    assert found["score"] < 1


def test_the_simulator_hides_rewards_and_grades_as_the_live_world(domain: BashDomain, folder: Path) -> None:
    task = domain.load(str(folder))[1]
    actions = ["true", task.gold, "touch /place/notes.txt"]
    model = domain.simulator(task)
    assert isinstance(model, Grader)
    with closing(domain.environment(task)) as env:
        start = env.reset()
        found = model.step([start] * 3, actions, budget=Budget())
        assert [(step.reward, step.details) for step in found] == [(0.0, {})] * 3
        grades = model.grade([step.state for step in found], budget=Budget())
    live = [played(domain.environment(task), action, "submit").reward for action in actions]
    assert grades.tolist() == live
    model.close()  # type: ignore[attr-defined]


def test_feedback_shows_every_reward_and_is_an_oracle(folder: Path, bubblewrap: None) -> None:
    domain = BashDomain(feedback="reward")
    with closing(domain):
        assert domain.oracle
        task = domain.load(str(folder))[0]
        with closing(domain.environment(task)) as env:
            env.reset()
            first = env.step("cat /place/c.log")
            last = env.step(task.gold)
        assert first.state.observation.endswith("Reward: 0.67")
        assert last.state.solved
        assert first.reward + last.reward == pytest.approx(1.0)


def test_empty_folders_are_gone_when_an_episode_begins(domain: BashDomain, folder: Path) -> None:
    task = domain.load(str(folder))[0]
    assert played(domain.environment(task), "ls /place").state.observation == "a.txt\nb.txt\nc.log\n"


def test_a_setup_script_makes_the_file_system(tmp_path: Path, bubblewrap: None) -> None:
    scripts = tmp_path / "docker" / "bash_scripts"
    scripts.mkdir(parents=True)
    (tmp_path / "docker" / "docker.gitignore").write_text(
        "bin\ndev\netc\nlib\nlib64\nproc\nroot\nrun\nsbin\ntmp\nusr\n"
    )
    (scripts / "setup_nl2b_fs_1.sh").write_text("#!/bin/bash\nmkdir -p /made/empty\necho -e 'x\\ny' > /made/f.txt\n")
    tasks = tmp_path / "data" / "nl2bash"
    tasks.mkdir(parents=True)
    (tasks / "nl2bash_fs_1.json").write_text(json.dumps([{"query": "Count the lines", "gold": "wc -l < /made/f.txt"}]))
    with closing(BashDomain()) as domain:
        (task,) = domain.load(str(tmp_path))
        end = played(domain.environment(task), "grep -c . /made/f.txt", "submit")
    assert end.state.observation == "2\n"
    assert end.reward == pytest.approx(1.0)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"engine": "bwarp"}, "did you mean 'bwrap'"),
        ({"score": "iou"}, "corrected"),
        ({"feedback": "rewards"}, "did you mean 'reward'"),
    ],
)
def test_an_unknown_setting_is_refused(given: dict[str, str], message: str) -> None:
    with pytest.raises(UnknownName, match=message):
        BashDomain(**given)


def test_an_argument_of_the_sandbox_is_refused() -> None:
    with pytest.raises(InputError, match="takes no argument 'x'"):
        BashDomain(engine="bwrap:x")


def test_provenance_names_what_decides(domain: BashDomain) -> None:
    found = domain.provenance()
    assert {"engine": "bwrap", "score": "intercode", "feedback": "none", "root": "host"}.items() <= found.items()
    json.dumps(dict(found))


def stored() -> dict[str, dict[str, Any]]:
    found: dict[str, dict[str, Any]] = json.loads(GOLDS.read_text())
    return found


@pytest.mark.slow
def test_gold_commands_do_what_they_did_elsewhere_and_earn_one(intercode_data: Path, bubblewrap: None) -> None:
    expected, wrong, found, earned = stored(), list[str](), dict[str, Any](), list[float]()
    tasks = [task for task in load(str(intercode_data)) if task.id in expected]
    for place in ("fs_1", "fs_2", "fs_3"):
        here = [task for task in tasks if task.place == place]
        tree = tree_of(here[0].source)
        with Sandbox(tree) as agent, Sandbox(tree) as reference:
            for task in here:
                world = BashWorld(task, lambda _, box=agent: box)  # type: ignore[misc]
                grader = BashGrader(task, lambda box=reference: box)  # type: ignore[misc]
                world.reset()
                state = world.step(task.gold).state
                status, _ = status_of(agent)
                assert status is not None
                digests = (md5(text.encode()).hexdigest() for text in (state.observation, status))
                found[task.id] = dict(zip(("output", "status"), digests, strict=True))
                earned.append(grader(state).reward)
                world.reset()
                details = grader(world.step("echo something else entirely").state).details
                wrong += [task.id] if details["intercode"] >= SOLVED else []
    assert found == {id: {key: row[key] for key in ("output", "status")} for id, row in expected.items()}
    assert sum(reward >= SOLVED for reward in earned) >= 0.99 * len(earned)
    assert wrong == []
