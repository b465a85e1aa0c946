"""The embedded tasks: their spread, the file system they are about, and gold commands against stored outcomes."""

import io
import json
import os
import shlex
import shutil
import tarfile
from collections import Counter
from collections.abc import Iterator
from decimal import Decimal
from hashlib import md5
from pathlib import Path
from typing import Any

import pytest

from envs.intercode.bash.probe import require
from envs.intercode.bash.sandbox import Sandbox
from envs.intercode.bash.tree import prepare
from envs.intercode.embedded.tree import archive
from envs.intercode.layout import EMBEDDED, find
from envs.intercode.sql.dump import read_dump
from envs.intercode.sql.result import SqlEngine
from slinvit.errors import InputError

SQL, BASH = EMBEDDED / "sql", EMBEDDED / "bash"


def stored(file: Path) -> list[dict[str, Any]]:
    content = json.loads(file.read_text())
    assert isinstance(content, list)
    return content


SQL_TASKS, SQL_EXPECTED = stored(SQL / "tasks.json"), stored(SQL / "expected.json")
BASH_TASKS, BASH_EXPECTED = stored(BASH / "tasks.json"), stored(BASH / "expected.json")


def missing(reason: str) -> None:
    if os.environ.get("CI"):
        pytest.fail(reason)
    pytest.skip(reason)


@pytest.fixture(scope="module", params=["sqlite", "mariadb"])
def engine(request: pytest.FixtureRequest) -> Iterator[SqlEngine]:
    """Every SQL engine in turn; the server is a real one, started for these tests."""
    if request.param == "sqlite":
        from envs.intercode.sql.sqlite import SqliteEngine

        yield SqliteEngine()
        return
    from envs.intercode.sql.mysql import MysqlEngine
    from envs.intercode.sql.server import PrivateServer

    if not shutil.which("mariadbd") and not shutil.which("mysqld") and not Path("/usr/sbin/mariadbd").exists():
        missing("needs an installed MariaDB server")
    with PrivateServer() as server:
        engine = MysqlEngine(host=server.host, port=server.port, user=server.user, password=server.password)
        yield engine
        engine.close()


@pytest.fixture(scope="module")
def sandbox(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sandbox]:
    """The embedded file system in a real sandbox."""
    try:
        require()
    except InputError as error:
        missing(str(error))
    file = tmp_path_factory.mktemp("tree") / "fs_1.tar"
    file.write_bytes(archive(BASH / "tree.json"))
    with Sandbox(prepare("fs_1", file)) as running:
        yield running


def normal(value: Any) -> str | None:
    """Return a value as it is stored: numbers rounded to four decimals."""
    if isinstance(value, int | float | Decimal):
        return f"{round(float(value), 4):g}"
    return None if value is None else str(value)


def test_the_embedded_tasks_are_spread_over_databases_and_hardness() -> None:
    assert Counter(task["db"] for task in SQL_TASKS) == {"town_library": 33, "river_ferries": 35, "corner_bakery": 35}
    spread = Counter((task["db"], task["hardness"]) for task in SQL_TASKS)
    assert min(spread.values()) >= 5
    assert {hardness for _, hardness in spread} == {"easy", "medium", "hard", "extra"}
    assert len({task["query"] for task in SQL_TASKS}) == len(SQL_TASKS)
    assert [task["query"] for task in SQL_TASKS] == [task["query"] for task in SQL_EXPECTED]
    assert sum(not task["rows"] for task in SQL_EXPECTED) == 1


def test_the_embedded_databases_have_tables_keys_nulls_and_some_hundred_rows() -> None:
    databases = read_dump(SQL / "databases.sql").databases
    assert {name: len(database.tables) for name, database in databases.items()} == {
        "town_library": 5,
        "river_ferries": 4,
        "corner_bakery": 4,
    }
    rows = [row for database in databases.values() for table in database.rows.values() for row in table]
    assert len(rows) == 364
    assert any(value is None for row in rows for value in row)
    assert any("Maeve O'Hara" in row for row in rows)


def test_gold_statements_give_the_stored_rows(engine: SqlEngine) -> None:
    session = engine.session(read_dump(SQL / "databases.sql"))
    wrong = []
    for task, expected in zip(SQL_TASKS, SQL_EXPECTED, strict=True):
        session.open(task["db"])
        result = session.execute(task["gold"])
        rows = [[normal(value) for value in row] for row in result.rows or ()]
        wanted = expected["rows"]
        ordered = "ORDER BY" in task["gold"].rpartition(")")[2]
        if result.error or (rows if ordered else sorted(map(str, rows))) != (
            wanted if ordered else sorted(map(str, wanted))
        ):
            wrong.append((task["query"], result.error or rows, wanted))
    session.close()
    assert wrong == []


def test_the_golds_of_other_questions_do_not_give_the_stored_rows(engine: SqlEngine) -> None:
    session = engine.session(read_dump(SQL / "databases.sql"))
    same = 0
    for task, other in zip(SQL_TASKS, [*SQL_TASKS[1:], SQL_TASKS[0]], strict=True):
        session.open(task["db"])
        expected = next(one["rows"] for one in SQL_EXPECTED if one["query"] == task["query"])
        rows = session.execute(other["gold"]).rows
        same += rows is not None and sorted(str([normal(v) for v in row]) for row in rows) == sorted(map(str, expected))
    session.close()
    assert same == 0


def test_the_embedded_bash_tasks_read_and_change() -> None:
    assert len(BASH_TASKS) == len({task["query"] for task in BASH_TASKS}) == 50
    assert [task["query"] for task in BASH_TASKS] == [task["query"] for task in BASH_EXPECTED]
    assert Counter(bool(task["files"]) for task in BASH_EXPECTED) == {False: 34, True: 16}
    assert all(task["files"] or task["output"] for task in BASH_EXPECTED)


def test_the_tree_has_modes_times_links_and_hidden_files_and_is_always_the_same() -> None:
    content = archive(BASH / "tree.json")
    assert archive(BASH / "tree.json") == content
    with tarfile.open(fileobj=io.BytesIO(content)) as tree:
        members = {member.name: member for member in tree}
        todo = tree.extractfile("./depot/notes/todo.txt")
        assert todo is not None
        assert todo.read().startswith(b"paint Bella\n")
    assert sum(member.isfile() for member in members.values()) == 41
    assert members["./depot/scripts/build.py"].mode == 0o600
    assert members["./depot/spare"].isdir()
    assert members["./depot/tools/latest"].linkname == "../data/trips.csv"
    assert members["./depot/LICENSE.txt"].mtime == 1667649600
    assert "./depot/.cache/old.tmp" in members


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("{", "cannot be read as a file system"),
        ("{}", "expected a list of entries"),
        ('[{"path": "a"}]', "entry 1: KeyError 'time'"),
        ('[{"path": "../a", "time": "2023-01-01T00:00:00", "mode": "644", "text": ""}]', "leaves the root"),
        ('[{"path": "a", "time": "2023-01-01T00:00:00", "mode": "9", "text": ""}]', "entry 1: ValueError"),
    ],
)
def test_a_damaged_manifest_is_named_with_its_entry(tmp_path: Path, content: str, said: str) -> None:
    (tmp_path / "tree.json").write_text(content)
    with pytest.raises(InputError, match=said):
        archive(tmp_path / "tree.json")


@pytest.mark.parametrize("number", range(len(BASH_TASKS)))
def test_gold_commands_give_the_stored_output_and_files(sandbox: Sandbox, number: int) -> None:
    task, expected = BASH_TASKS[number], BASH_EXPECTED[number]
    sandbox.restore(None)
    output = sandbox.run(shlex.split(f'/bin/bash -c "{task["gold"]}"'))
    assert (sorted(output.data.decode().splitlines()), output.code) == (
        sorted(expected["output"].splitlines()),
        expected["code"],
    )
    assert changes(sandbox, expected["files"]) == expected["files"]
    modes = {
        path: sandbox.run(["stat", "-c", "%a", f"/{path}"]).data.decode().strip() for path in expected.get("modes", {})
    }
    assert modes == expected.get("modes", {})


def changes(sandbox: Sandbox, wanted: dict[str, Any]) -> dict[str, str | None]:
    """Return what differs from the commit: checksums of files, ``None`` for what is gone, targets of links."""
    found: dict[str, str | None] = {}
    status = sandbox.run(["git", "-C", "/", "status", "--porcelain", "-z", "--untracked-files=all"]).data.decode()
    for line in filter(None, status.split("\0")):
        path = f"/{line[3:]}"
        link = sandbox.run(["readlink", path])
        content = sandbox.run(["cat", path])
        if "D" in line[:2]:
            found[path] = None
        elif link.code == 0:
            found[path] = f"-> {link.data.decode().strip()}"
        else:
            found[path] = "any" if wanted.get(path) == "any" else md5(content.data).hexdigest()
    return found


def test_the_layout_finds_the_embedded_set() -> None:
    layout = find(EMBEDDED)
    assert layout.sql() == (SQL / "tasks.json", SQL / "databases.sql")
    (source,) = layout.trees()
    assert (source.number, source.tasks, source.tree) == (1, BASH / "tasks.json", BASH / "tree.json")
