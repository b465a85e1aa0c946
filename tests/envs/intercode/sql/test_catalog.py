"""The schema that rules, translation and SHOW read."""

from envs.intercode.sql.catalog import Catalog, Column, Key, Table

CITY = Table("city", (Column("ID", "int"), Column("Name", "varchar(35)")), (Key("PRIMARY", ("ID",), True, (None,)),))


def test_names_are_found_whatever_their_case() -> None:
    catalog = Catalog("world", {"world": {"city": CITY}, "other": {}})
    assert catalog.table("CITY") is CITY
    assert catalog.table("city", "WORLD") is CITY
    assert catalog.table("city", "other") is None
    assert CITY.column("name") == Column("Name", "varchar(35)")


def test_without_a_current_database_there_are_no_tables() -> None:
    assert Catalog(None, {"world": {"city": CITY}}).tables == {}


def test_catalogs_are_compared_by_identity_so_that_they_can_be_keys_of_caches() -> None:
    first, second = Catalog("world", {}), Catalog("world", {})
    assert first != second
    assert len({first, second, first}) == 2


def test_a_key_knows_whether_whole_values_are_unique() -> None:
    assert CITY.keys[0].whole
    assert CITY.primary == ("ID",)
    assert not Key("k", ("Name",), True, (10,)).whole


def test_what_rows_say_of_a_column_is_no_part_of_the_schema() -> None:
    assert Column("a", "text", plain=True) == Column("a", "text")
    assert repr(Column("a", "text", plain=True)) == repr(Column("a", "text"))
