"""InterCode-SQL on a MySQL-protocol server: MariaDB or MySQL, over PyMySQL.

The server is pristine between any two steps. A step that reads runs on the pristine data. A session that has written
keeps a journal: its step takes the server for itself, runs the journal again in a connection of its own, then the
statement, rolls back, and repairs what an implicit commit has left. Sessions and workers can thus share one server.
"""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from typing import Any

from envs.intercode.sql.catalog import Catalog
from envs.intercode.sql.dump import Dump
from envs.intercode.sql.journal import Store
from envs.intercode.sql.mysql_accounts import Account
from envs.intercode.sql.mysql_connection import Address, AgentConnection, Lost, require_driver
from envs.intercode.sql.mysql_session import MysqlSession
from envs.intercode.sql.result import Limits
from envs.intercode.sql.rules import check
from slinvit.errors import EnvironmentFailure, InputError

Rules = Callable[[str, Catalog], str | None]


class MysqlEngine:
    """Sessions on a server that runs already.

    Args:
        host: of the server.
        port: TCP.
        user: an account that may create databases and accounts, and grant rights on them; agents never use it.
        password: of that account.
        limits: of one statement.
        rules: what MySQL 8 refuses though MariaDB would not, ``None`` for no such rules; MySQL itself is not asked
            to follow them, it knows them.

    Raises:
        InputError: no such server or account.
        MissingExtra: PyMySQL is not installed.
    """

    def __init__(
        self,
        host: str = "127.0.0.1",
        port: int = 3306,
        user: str = "root",
        password: str = "",
        *,
        limits: Limits | None = None,
        rules: Rules | None = check,
    ) -> None:
        require_driver()
        self.keeper = Address(host, port, user, password)
        self.limits = limits or Limits()
        self._given_rules = rules
        self.version = ""
        self.recalculates = False
        self._accounts: list[Account] = []
        self._reader: AgentConnection | None = None
        self._stores: dict[str, Store] = {}
        try:
            self._connect()
        except EnvironmentFailure as error:
            raise InputError(
                f"{error}; --engine mysql:HOST,port=PORT,user=NAME,password=TEXT names a server"
            ) from error

    @property
    def rules(self) -> Rules | None:
        """What is checked before a statement is sent."""
        return self._given_rules if self.mariadb else None

    def session(self, dump: Dump) -> MysqlSession:
        """Return a new session; the dump is loaded where its databases are not on the server yet.

        Raises:
            InputError: the server has databases of the same names that are not the dump's.
            EnvironmentFailure: the server is gone.
        """
        with self.guarded():
            self.store(dump)
        return MysqlSession(self, dump)

    def provenance(self) -> Mapping[str, Any]:
        """State the server, its version and the limits."""
        limits = {"seconds": self.limits.seconds, "rows": self.limits.rows, "characters": self.limits.size}
        rules = "checked before" if self.rules else "none" if self.mariadb else "the server's"
        # Plans follow the statistics, and the order of rows that no query asks for follows the plans.
        fixed = all(store.fixed for store in self._stores.values())
        statistics = "as loaded" if self.mariadb and fixed else "the server's"
        return {
            "engine": "mysql",
            "server": self.version,
            "rules": rules,
            "statistics": statistics,
            "limits": limits,
        }

    def close(self) -> None:
        """Remove the accounts of the agents and disconnect; harmless when repeated."""
        from pymysql.err import Error

        self._forget_reader()
        if self._connection.open:
            with suppress(Error):
                self._drop_accounts()
        if self._connection.open:
            self._connection.close()
        self._accounts.clear()
        self._stores.clear()

    def store(self, dump: Dump) -> Store:
        """Return the databases of ``dump`` on the server; connects again after a failure."""
        if not self._connection.open:
            self._connect()
        if dump.key not in self._stores:
            store = Store(self._connection, dump, mariadb=self.mariadb, recalculates=self.recalculates)
            # Who writes could end the connections of one's own account, so the reader has another one.
            while len(self._accounts) < 2:
                self._accounts.append(Account(self._ask, self.keeper, mariadb=self.mariadb))
            for account in self._accounts:
                account.grant(dump.databases)
            self._stores[dump.key] = store
        return self._stores[dump.key]

    def reader(self) -> AgentConnection:
        """Return the connection for statements that only read."""
        if self._reader is None or not self._reader.open:
            self._reader = self._agent(self._accounts[0], autocommit=True)
        return self._reader

    def writer(self) -> AgentConnection:
        """Return a new connection for statements that may write, without commits of its own."""
        return self._agent(self._accounts[1], autocommit=False)

    def repair(self, store: Store) -> None:
        """Make everything as it was before a step that wrote; the caller holds the lock."""
        store.repair()
        self._accounts[1].mend()

    @contextmanager
    def guarded(self) -> Iterator[None]:
        """Turn the loss of the server into a failure of the episode; the next ``open`` connects again.

        Raises:
            EnvironmentFailure: the server is gone.
        """
        from pymysql.err import Error

        try:
            yield
        except (Lost, Error) as error:
            self._forget_reader()
            if self._connection.open:
                self._connection.close()
            raise self._gone(error) from error

    def alive(self) -> bool:
        """Whether the server answers."""
        from pymysql.err import Error

        try:
            self._connection.ping(reconnect=False)
        except Error:
            return False
        return True

    def _connect(self) -> None:
        from pymysql.err import Error

        try:
            self._connection = self.keeper.connect(timeout=150.0, several=True, autocommit=True)
            facts = "@@lower_case_table_names, @@innodb_stats_auto_recalc, @@innodb_stats_persistent"
            ((self.version, cases, recalculates, stores),) = self._ask(f"SELECT VERSION(), {facts}")
            self._drop_accounts()
        except Error as error:
            raise self._gone(error) from error
        if cases != 1:
            self._connection.close()
            raise InputError(
                f"the server at {self.keeper.host}:{self.keeper.port} tells tables apart by case, the original does "
                "not; start it with --lower-case-table-names=1 on an empty data folder"
            )
        self.mariadb = "MariaDB" in self.version
        self.recalculates = bool(recalculates or not stores)
        self._stores.clear()

    def _drop_accounts(self) -> None:
        for account in self._accounts:
            account.drop()
        self._accounts.clear()

    def _agent(self, account: Account, *, autocommit: bool) -> AgentConnection:
        return AgentConnection(
            account.address, self.limits, mariadb=self.mariadb, kill=self._kill, autocommit=autocommit
        )

    def _ask(self, statement: str) -> tuple[tuple[Any, ...], ...]:
        with self._connection.cursor() as cursor:
            cursor.execute(statement)
            return tuple(cursor.fetchall())

    def _kill(self, number: int) -> None:
        from pymysql.err import Error

        # It may have ended by itself in between.
        with suppress(Error):
            self._ask(f"KILL {number}")

    def _forget_reader(self) -> None:
        if self._reader is not None:
            self._reader.close()
            self._reader = None

    def _gone(self, error: Exception) -> EnvironmentFailure:
        reason = error.args[-1] if error.args else type(error).__name__
        return EnvironmentFailure(f"the MySQL server at {self.keeper.host}:{self.keeper.port} failed: {reason}")


__all__ = ["MysqlEngine", "Rules"]
