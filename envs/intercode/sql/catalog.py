"""The schema of databases: what rules, translation and SHOW read."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property


@dataclass(frozen=True, slots=True)
class Column:
    """One column.

    Attributes:
        name: as written.
        type: in MySQL's words and lower case, as DESCRIBE shows it: ``int``, ``varchar(20)``, ``decimal(19,4)``,
            ``enum('a','b')``, ``int unsigned``.
        nullable: NULL is allowed.
        default: the default value as text; ``None`` for NULL or none.
        extra: ``auto_increment``, ``DEFAULT_GENERATED`` or nothing.
        collation: of text; ``None`` for the table's.
        comment: of the column.
        plain: its texts are ASCII, without spaces at the end and without the signs between ``Z`` and ``a``, so that
            simpler collations order them as ``utf8mb4_general_ci`` does. A fact about the rows, not the schema.
    """

    name: str
    type: str
    nullable: bool = True
    default: str | None = None
    extra: str = ""
    collation: str | None = None
    comment: str = ""
    plain: bool = field(default=False, compare=False, repr=False)

    @property
    def base(self) -> str:
        """The type without length and attributes: ``varchar``."""
        return self.type.split("(")[0].split()[0]


@dataclass(frozen=True, slots=True)
class Key:
    """A primary key (named ``PRIMARY``), a unique key, or a plain index.

    Attributes:
        name: of the key.
        columns: in the order of the key, as the table writes them.
        unique: no two rows agree on all of them (NULLs aside).
        prefixes: per column, the indexed length, or ``None`` for the whole.
    """

    name: str
    columns: tuple[str, ...]
    unique: bool
    prefixes: tuple[int | None, ...] = ()

    @property
    def primary(self) -> bool:
        """Whether it is the primary key."""
        return self.name == "PRIMARY"

    @property
    def whole(self) -> bool:
        """Whether all columns are indexed in full, so that ``unique`` speaks of whole values."""
        return all(length is None for length in self.prefixes)


@dataclass(frozen=True, slots=True)
class ForeignKey:
    """Columns whose values are found in another table.

    Attributes:
        name: of the constraint.
        columns: here.
        table: there, lower case.
        target: columns there.
        database: of that table; ``None`` for the same.
        action: what follows it, ``ON DELETE CASCADE`` for example.
    """

    name: str
    columns: tuple[str, ...]
    table: str
    target: tuple[str, ...]
    database: str | None = None
    action: str = ""


@dataclass(frozen=True)
class Table:
    """One table or view. Names of tables are lower case, as with ``lower_case_table_names=1``."""

    name: str
    columns: tuple[Column, ...]
    keys: tuple[Key, ...] = ()
    foreign_keys: tuple[ForeignKey, ...] = ()
    options: str = "ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_general_ci"
    view: bool = False

    @cached_property
    def by_name(self) -> Mapping[str, Column]:
        """Columns by lower-case name."""
        return {column.name.lower(): column for column in self.columns}

    def column(self, name: str) -> Column | None:
        """Return a column whatever the case of ``name``."""
        return self.by_name.get(name.lower())

    @property
    def primary(self) -> tuple[str, ...]:
        """Columns of the primary key; empty without one."""
        return next((key.columns for key in self.keys if key.primary), ())


@dataclass(frozen=True, eq=False)
class Catalog:
    """The tables of all databases, one of which is current.

    Compared and hashed by identity: an engine gives the same object as long as the schema does not change, so that
    what is derived from it can be cached.

    Attributes:
        database: the current one, lower case; ``None`` without one.
        databases: tables by lower-case name, by lower-case name of the database.
    """

    database: str | None
    databases: Mapping[str, Mapping[str, Table]] = field(default_factory=dict)

    @property
    def tables(self) -> Mapping[str, Table]:
        """Tables of the current database by lower-case name."""
        return self.databases.get(self.database or "", {})

    def table(self, name: str, database: str | None = None) -> Table | None:
        """Return a table of the current or the named database, whatever the case."""
        tables = self.tables if not database else self.databases.get(database.lower(), {})
        return tables.get(name.lower())


__all__ = ["Catalog", "Column", "ForeignKey", "Key", "Table"]
