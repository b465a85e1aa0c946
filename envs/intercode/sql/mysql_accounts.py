"""The accounts with which agents' statements run: random names, rights on their own databases, gone afterwards."""

import secrets
from collections.abc import Callable, Iterable
from typing import Any

from envs.intercode.sql.mysql_connection import Address
from envs.intercode.sql.mysql_scripts import quoted

Ask = Callable[[str], tuple[tuple[Any, ...], ...]]

LOOPBACK = ("127.0.0.1", "localhost", "::1")
RIGHTS = "SELECT, INSERT, UPDATE, DELETE, CREATE, DROP, REFERENCES, INDEX, ALTER, CREATE TEMPORARY TABLES, CREATE VIEW"
"""No routines, triggers, events, files or locks: what is written is then in the tables, and in no other place."""


class Account:
    """One account of agents.

    Args:
        ask: runs a statement with the rights to make accounts.
        server: where, as that account sees it.
        mariadb: the server is MariaDB, not MySQL.

    Attributes:
        address: with its name and password.
    """

    def __init__(self, ask: Ask, server: Address, *, mariadb: bool) -> None:
        self._ask = ask
        self._mariadb = mariadb
        # TLS takes fifty times as long to set up as the rest; MySQL's default way to log in needs it.
        plain = mariadb and server.host in LOOPBACK
        name, password = f"slinvit_{secrets.token_hex(6)}", f"{secrets.token_hex(12)}-A"
        self.address = Address(server.host, server.port, name, password, plain)
        self._databases: list[str] = []
        self._create()

    def grant(self, databases: Iterable[str]) -> None:
        """Give the rights of agents on databases."""
        for database in databases:
            # The name is a pattern here.
            pattern = database.replace("\\", "\\\\").replace("_", "\\_").replace("%", "\\%")
            self._ask(f"GRANT {RIGHTS}, SHOW VIEW ON {quoted(pattern)}.* TO {self._name}")
            self._databases.append(database)

    def mend(self) -> None:
        """Make the account again when it is not what it was: everybody may set a password of one's own."""
        if self._shown() != self._made:
            self.drop()
            databases, self._databases = self._databases, []
            self._create()
            self.grant(databases)

    def drop(self) -> None:
        """Remove the account; harmless when it is not there."""
        self._ask(f"DROP USER IF EXISTS {self._name}")

    @property
    def _name(self) -> str:
        return f"'{self.address.user}'@'%'"

    def _create(self) -> None:
        self._ask(f"CREATE USER {self._name} IDENTIFIED BY '{self.address.password}'")
        if not self._mariadb:
            self._ask(f"GRANT SESSION_VARIABLES_ADMIN ON *.* TO {self._name}")
        self._made = self._shown()

    def _shown(self) -> object:
        return self._ask(f"SHOW CREATE USER {self._name}")


__all__ = ["RIGHTS", "Account"]
