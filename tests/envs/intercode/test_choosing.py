from pathlib import Path

import pytest

from envs.intercode.choosing import gather, turns, wish_of
from envs.intercode.task import SQL, InterCodeTask
from slinvit import InputError
from slinvit.errors import UnknownName

DATABASES = ("pets", "cars")
FACETS = {"db": lambda task: task.place, "hardness": lambda task: str(task.facts["type"])}


def tasks_of(place: Path) -> list[InterCodeTask]:
    kinds = ("easy", "hard")
    return [
        InterCodeTask(f"sql-{i:04d}", SQL, f"q{i}", "SELECT 1", DATABASES[i % 2], place, facts={"type": kinds[i // 5]})
        for i in range(10)
    ]


def ids(tasks: str, place: Path, **options: int) -> list[int]:
    found = gather(tasks.format(place), tasks_of, FACETS, **options)
    return [int(task.id[4:]) for task in found]


def test_tasks_are_chosen_by_number_id_and_facets(tmp_path: Path) -> None:
    assert ids("{}", tmp_path) == list(range(10))
    assert ids("{},number=2-4", tmp_path) == [1, 2, 3]
    assert ids("{},number=10", tmp_path) == [9]
    assert ids("{},id=sql-0003+sql-0001", tmp_path) == [1, 3]
    assert ids("{},db=PETS,hardness=hard", tmp_path) == [6, 8]
    assert ids("{},db=pets+cars", tmp_path, limit=3) == [0, 1, 2]


def test_a_draw_depends_on_the_seed_only_and_comes_in_order(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SLINVIT_DATA", str(tmp_path))
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "home"))
    (tmp_path / "intercode").mkdir()
    drawn = ids("random:4", tmp_path, seed=1)
    assert drawn == sorted(set(drawn)) == ids("4", tmp_path, seed=1)
    assert len(drawn) == 4
    assert {tuple(ids("4", tmp_path, seed=seed)) for seed in range(5)} != {tuple(drawn)}


def test_a_draw_without_data_uses_the_embedded_tasks_and_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.delenv("SLINVIT_DATA", raising=False)
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    places = list[Path]()

    def read(place: Path) -> list[InterCodeTask]:
        places.append(place)
        return tasks_of(place)

    gather("3", read, FACETS)
    assert [place.name for place in places] == ["embedded"]
    assert "drawing from the embedded tasks" in caplog.text


@pytest.mark.parametrize(
    ("tasks", "message"),
    [
        ("{},number=0", "a number from 1 to 10"),
        ("{},number=3-11", "a number from 1 to 10"),
        ("{},id=sql-0010", "unknown task 'sql-0010'; did you mean"),
        ("{},db=pest", "unknown db 'pest'; did you mean 'pets'"),
        ("{},size=3", "unknown option of InterCode tasks 'size'"),
        ("{},3", "options are number, id, db, hardness"),
        ("{},number=1,db=cars", "none of the 10 tasks .* fits number=1,db=cars"),
        ("random:none", "the count must be a whole number"),
        ("random:0", "the count must be a whole number"),
        ("oficial", "did you mean 'official'"),
    ],
)
def test_a_wish_that_cannot_be_met_names_what_is_allowed(tmp_path: Path, tasks: str, message: str) -> None:
    with pytest.raises(InputError, match=message):
        ids(tasks, tmp_path)


def test_limits_and_horizons_are_checked(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="1 or more, not 0"):
        ids("{}", tmp_path, limit=0)
    assert (turns("2x"), turns("3")) == (10, 3)
    for bad in ("0", "3x", "-1"):
        with pytest.raises(InputError, match="InterCode takes a number of turns"):
            turns(bad)
    with pytest.raises(UnknownName, match="did you mean 'number'"):
        wish_of("embedded,numbr=1", ("number", "id"))
