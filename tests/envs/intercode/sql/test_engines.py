import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from envs.intercode.sql.domain import SqlDomain
from envs.intercode.sql.engines import ServedEngine, make_engine, parse_engine
from envs.intercode.sql.server import find_server
from envs.intercode.sql.sqlite import SqliteEngine
from slinvit import InputError
from slinvit.errors import UnknownName


@pytest.fixture(scope="module")
def mariadb() -> Iterator[SqlDomain]:
    """A domain on a private server; CI must have one."""
    try:
        find_server()
    except InputError as error:
        pytest.fail(str(error)) if os.environ.get("CI") else pytest.skip(str(error))
    pytest.importorskip("pymysql")
    domain = SqlDomain("mariadb")
    yield domain
    domain.close()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("mysql:localhost,prt=1", r"no option 'prt'; did you mean 'port'\?; it takes port, user, password"),
        ("mysql:localhost,port=x", "cannot read port=x: a number from 1 to 65535"),
        ("mysql:localhost,port=0", "cannot read port=0"),
        ("mysql:a,b", "one argument"),
        ("sqlite:file", "takes no argument 'file'"),
        ("sqlite:user=me", "no option 'user'; it takes none"),
        ("mariadb:x,user=y", "has no option 'user'; it takes none"),
        ("mariadb:x", "takes no argument 'x'"),
    ],
)
def test_an_engine_that_cannot_be_read_is_refused_with_what_is_allowed(text: str, message: str) -> None:
    with pytest.raises(InputError, match=message):
        parse_engine(text)


def test_an_unknown_engine_is_refused_with_the_known_ones() -> None:
    with pytest.raises(UnknownName, match="unknown SQL engine 'postgres'; known: docker, mariadb, mysql, sqlite"):
        parse_engine("postgres")


def test_the_embedded_engine_needs_nothing() -> None:
    engine = make_engine(parse_engine("sqlite"))
    assert isinstance(engine, SqliteEngine)
    engine.close()


def test_a_server_that_is_not_there_is_refused_with_host_and_port() -> None:
    pytest.importorskip("pymysql")
    with pytest.raises(InputError, match=r"127\.0\.0\.1:1\b"):
        make_engine(parse_engine("mysql:127.0.0.1,port=1"))


def test_the_same_tasks_are_graded_alike_on_a_private_server(mariadb: SqlDomain, shop: Path) -> None:
    sqlite = SqlDomain()
    statements = ("SELECT Name FROM fruit WHERE Price > 2", "SELECT Name FROM fruit", "SELECT nothing", "USE zoo")
    for task in mariadb.load(str(shop)):
        rewards = []
        for domain in (mariadb, sqlite):
            world, grade = domain.world(task), domain.grader(task)
            world.reset()
            states = [world.step(statement).state for statement in (task.gold, *statements)]
            rewards.append([grade(state).reward for state in states])
            world.close()
        assert rewards[0] == rewards[1]
    sqlite.close()


def test_a_private_server_ends_with_its_engine() -> None:
    class Server:
        host, port, user, password = "127.0.0.1", 1, "nobody", ""
        closed = 0

        def close(self) -> None:
            self.closed += 1

    pytest.importorskip("pymysql")
    server = Server()
    with pytest.raises(InputError):
        ServedEngine(server)
    assert server.closed == 1


def test_a_private_server_is_named_in_provenance(mariadb: SqlDomain) -> None:
    found = mariadb.provenance()
    assert "limits" in found
    assert str(found["server"])[0].isdigit()
