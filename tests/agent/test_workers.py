"""Processes that run groups of episodes."""

import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from agent.bench import load_instances
from agent.episode import Episode
from agent.settings import Settings
from agent.workers import Workers
from envs.domain import Instance
from slinvit.errors import InputError, UnknownName

PLUGINS = Path(__file__).parent / "plugins"


@pytest.fixture
def toys(monkeypatch: pytest.MonkeyPatch) -> Settings:
    monkeypatch.syspath_prepend(str(PLUGINS))
    return Settings("toyland:Toyland", tasks="6", prior="uniform", value="zero", options={"depth": 2})


def in_pairs(instances: Sequence[Instance]) -> Iterator[Sequence[Instance]]:
    yield from (instances[start : start + 2] for start in range(0, len(instances), 2))


@pytest.mark.parametrize("count", [1, 2, 5])
def test_every_task_is_attempted_once_whatever_the_number_of_processes(toys: Settings, count: int) -> None:
    instances = load_instances(toys)
    with Workers(count) as crew:
        for _ in range(2):  # the same processes serve the next run
            records = list(crew.attempt(toys, list(in_pairs(instances))))
            assert sorted(record.task for record in records) == sorted(each.task.id for each in instances)
            assert all(isinstance(record, Episode) for record in records)


@pytest.mark.parametrize("count", [1, 2])
def test_an_error_in_a_process_is_raised_here_as_what_it_is_and_others_can_go_on(toys: Settings, count: int) -> None:
    instances = load_instances(toys)
    wrong = Settings("toyland:Toyland", tasks="6", prior="unifrom", value="zero")
    with Workers(count) as crew:
        with pytest.raises(UnknownName, match="did you mean 'uniform'") as caught:
            crew.describe(wrong, instances)
        assert caught.value.name == "unifrom"
        with pytest.raises(InputError, match="did you mean 'uniform'"):
            list(crew.attempt(wrong, list(in_pairs(instances))))
        assert len(list(crew.attempt(toys, list(in_pairs(instances))))) == 6


def test_whoever_does_not_want_the_rest_need_not_wait_for_it(toys: Settings) -> None:
    slow = Settings("toyland:SlowToyland", tasks="40", prior="uniform", value="zero", options={"depth": 2})
    with Workers(2) as crew:
        some = crew.attempt(slow, [[each] for each in load_instances(slow)])
        next(some)
        some.close()  # type: ignore[attr-defined]
        assert len(list(crew.attempt(toys, list(in_pairs(load_instances(toys)))))) == 6


def test_processes_that_nobody_dismissed_do_not_keep_the_program_from_ending() -> None:
    code = (
        f"import sys; sys.path.insert(0, {str(PLUGINS)!r})\n"
        "from agent.bench import load_instances\nfrom agent.settings import Settings\n"
        "from agent.workers import Workers\n"
        "if __name__ == '__main__':\n"
        "    toys = Settings('toyland:Toyland', tasks='2', prior='uniform', value='zero')\n"
        "    crew = Workers(2)\n"
        "    print(len(list(crew.attempt(toys, [[each] for each in load_instances(toys)]))))\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True)
    assert (done.stdout, done.stderr) == ("2\n", "")
