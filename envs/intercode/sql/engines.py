"""SQL engines by name."""

from collections.abc import Mapping
from contextlib import AbstractContextManager, ExitStack
from typing import Any, Protocol

from envs.intercode.sql.dump import Dump
from envs.intercode.sql.result import SqlEngine, SqlSession
from slinvit.errors import InputError, UnknownName, did_you_mean
from slinvit.registry import Spec, parse_spec

ENGINES = ("sqlite", "mariadb", "mysql", "docker")

PORT = 3306

OPTIONS: Mapping[str, tuple[str, ...]] = {"mysql": ("port", "user", "password")}
"""What the engines take beside an argument."""


class Server(Protocol):
    """A running MySQL-protocol server."""

    host: str
    port: int
    user: str
    password: str

    def close(self) -> None:
        """Stop it."""
        ...


def parse_engine(text: str) -> Spec:
    """Return the parts of ``NAME``, ``NAME:ARGUMENT`` or ``NAME:ARGUMENT,key=value``.

    Raises:
        UnknownName: no such engine or option.
        InputError: it cannot be read.
    """
    spec = parse_spec(text)
    if spec.name not in ENGINES:
        raise UnknownName("SQL engine", spec.name, ENGINES)
    known = OPTIONS.get(spec.name, ())
    for option in spec.options:
        if option not in known:
            its = f"it takes {', '.join(known)}" if known else "it takes none"
            raise InputError(f"the engine {spec.name} has no option {option!r}{did_you_mean(option, known)}; {its}")
    if spec.argument and spec.name in ("sqlite", "mariadb"):
        raise InputError(f"the engine {spec.name} takes no argument {spec.argument!r}")
    _port(spec)
    return spec


def make_engine(spec: Spec) -> SqlEngine:
    """Return the engine that ``spec`` names, started.

    Raises:
        MissingExtra: a package it needs is not installed.
        InputError: the server is not installed, or not reached.
    """
    if spec.name == "sqlite":
        from envs.intercode.sql.sqlite import SqliteEngine

        return SqliteEngine()
    if spec.name == "mysql":
        from envs.intercode.sql.mysql import MysqlEngine

        user, password = spec.options.get("user", "root"), spec.options.get("password", "")
        return MysqlEngine(spec.argument or "127.0.0.1", _port(spec), user, password)
    return ServedEngine(_server(spec))


class ServedEngine:
    """An engine on a server of its own, which ends with it.

    Args:
        server: it runs.
    """

    def __init__(self, server: Server) -> None:
        from envs.intercode.sql.mysql import MysqlEngine

        with ExitStack() as stack:
            stack.callback(server.close)
            self._engine: SqlEngine = MysqlEngine(server.host, server.port, server.user, server.password)
            self._stack: AbstractContextManager[Any] = stack.pop_all()

    def session(self, dump: Dump) -> SqlSession:
        """Return a new session over the databases of ``dump``."""
        return self._engine.session(dump)

    def provenance(self) -> Mapping[str, Any]:
        """State the engine, its version and its limits."""
        return self._engine.provenance()

    def close(self) -> None:
        """Close the engine and stop the server; harmless when repeated."""
        self._engine.close()
        self._stack.__exit__(None, None, None)


def _server(spec: Spec) -> Server:
    if spec.name == "docker":
        from envs.intercode.docker import sql_server

        return sql_server(spec.argument)
    from envs.intercode.sql.server import PrivateServer

    return PrivateServer()


def _port(spec: Spec) -> int:
    text = spec.options.get("port", str(PORT))
    if not text.isdecimal() or not 0 < int(text) < 65536:
        raise InputError(f"cannot read port={text}: a number from 1 to 65535")
    return int(text)
