"""MySQL's statements on SQLite: what they give, and how they are refused."""

import datetime
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from envs.intercode.sql.dump import Dump, parse_dump
from envs.intercode.sql.sqlite import SqliteEngine, SqliteSession
from envs.intercode.sql.translation import dates, texts
from envs.intercode.sql.translation.dialect import MySQLError, parse


@pytest.fixture(scope="module")
def session(zoo: Dump) -> Iterator[SqliteSession]:
    made = SqliteEngine().session(zoo)
    made.open("zoo")
    yield made
    made.close()


D = Decimal
day = datetime.date

VALUES: list[tuple[str, list[tuple[Any, ...]]]] = [
    # types as the connector gives them
    ("SELECT count(*), sum(Id), avg(Id) FROM animal", [(5, D(15), D("3.0000"))]),
    ("SELECT sum(Price), avg(Price), max(Price) FROM animal", [(D("63.25"), D("15.812500"), D("20.50"))]),
    ("SELECT sum(Length), avg(Length) FROM animal", [(4.0, 0.8)]),
    ("SELECT Weight, Price, Length, Born FROM animal WHERE Id = 1", [(1.1, D("10.00"), 0.9, day(2015, 3, 1))]),
    ("SELECT Seen FROM animal WHERE Id = 4", [(datetime.datetime(2020, 6, 30, 23, 59, 59),)]),
    ("SELECT 7 / 2, 7 DIV 2, 7 % 2, 1 / 0, 1.5 * 2, 2.50 + 1", [(D("3.5000"), 3, 1, None, D("3.0"), D("3.50"))]),
    ("SELECT 1 = 1, NULL IS NULL, NOT 1, 1 AND 0, 1 XOR 1, 3 <=> NULL", [(1, 1, 0, 0, 0, 0)]),
    ("SELECT ROUND(2.5), ROUND(2.345, 2), ROUND(AVG(Id), 1) FROM animal", [(D(3), D("2.35"), D("3.0"))]),
    ("SELECT SUM(Name) FROM kind", [(0.0,)]),
    ("SELECT CAST('12abc' AS SIGNED), CAST(3.7 AS SIGNED), CAST(5 AS CHAR), CAST('1.239' AS DECIMAL(5,2))",
     [(12, 4, "5", D("1.24"))]),
    # text
    ("SELECT Id FROM animal WHERE Name = 'ARA'", [(1,), (3,)]),
    ("SELECT Id FROM animal WHERE Name = 'zoe'", [(2,)]),
    ("SELECT Id FROM animal WHERE Name = 'Tom'", [(5,)]),
    ("SELECT Id FROM animal WHERE Name LIKE 'tom'", []),
    ("SELECT Id FROM animal WHERE Name LIKE 'z_E'", [(2,)]),
    ("SELECT Id FROM animal WHERE Name NOT LIKE '%r%'", [(2,), (5,)]),
    ("SELECT Id FROM animal WHERE Name = BINARY 'ara'", [(3,)]),
    ("SELECT Id FROM animal WHERE Name COLLATE utf8mb4_bin = 'Ara'", [(1,)]),
    ("SELECT Id FROM animal WHERE Name REGEXP '^[ar]' AND Name RLIKE 'X$'", [(4,)]),
    ('SELECT "it\'s", \'a\\\'b\', "say ""hi"""', [("it's", "a'b", 'say "hi"')]),
    ("SELECT COUNT(DISTINCT Name), COUNT(DISTINCT Kind, Price) FROM animal", [(4, 3)]),
    ("SELECT Name FROM animal ORDER BY Name, Id", [("Ara",), ("ara",), ("Rex",), ("Tom ",), ("Zoé",)]),
    ("SELECT DISTINCT Name FROM animal WHERE Kind = 'bir'", [("Ara",)]),
    ("SELECT CONCAT('a', 1, NULL), CONCAT_WS('-', 'a', NULL, 2), 'a' || 0", [(None, "a-2", 0)]),
    ("SELECT SUBSTRING_INDEX('a.b.c', '.', 2), SUBSTRING('abcd', -2), LEFT('abc', 2), LOCATE('C', 'abc')",
     [("a.b", "cd", "ab", 3)]),
    ("SELECT GROUP_CONCAT(DISTINCT Kind ORDER BY Kind DESC SEPARATOR '|') FROM animal", [("DOG|CAT|BIR",)]),
    ("SELECT CONCAT(Price, '/', Length, '/', Weight) FROM animal WHERE Id = 1", [("10.00/0.90/1.1",)]),
    # conversions
    ("SELECT Name FROM kind WHERE Size > 9", [("Bird",), ("Dog",)]),
    ("SELECT Name FROM kind WHERE Size > '9'", []),
    ("SELECT Name FROM kind WHERE Legs = '4abc' OR Legs IN ('2')", [("Bird",), ("Cat",), ("Dog",)]),
    ("SELECT Id FROM animal WHERE Weight = 1.1", []),
    ("SELECT Id FROM animal WHERE Born > '2016-2-1'", [(2,), (3,)]),
    ("SELECT Id FROM animal WHERE Seen = '2020-01-02'", [(2,)]),
    ("SELECT Id FROM animal WHERE Born BETWEEN '2014-01-01' AND '2015-12-31' ORDER BY Born", [(5,), (1,)]),
    ("SELECT Id FROM animal WHERE YEAR(Born) = 2016 AND MONTH(Born) = '02'", [(2,)]),
    ("SELECT DATEDIFF('2020-03-01', '2020-02-01'), DATE_ADD('2016-02-29', INTERVAL 1 YEAR), LAST_DAY('2019-02-03')",
     [(29, "2017-02-28", day(2019, 2, 28))]),
    ("SELECT TIMESTAMPDIFF(YEAR, Born, '2020-02-29') FROM animal WHERE Id = 2", [(4,)]),
    ("SELECT Born + INTERVAL 1 DAY FROM animal WHERE Id = 3", [(day(2018, 1, 1),)]),
    ("SELECT DATE_FORMAT(Born, '%M %D, %y') FROM animal WHERE Id = 1", [("March 1st, 15",)]),
    # conditions
    ("SELECT IF(Legs > 2, 'many', 'few'), IFNULL(Size, '-'), COALESCE(NULL, Legs) FROM kind WHERE Code = 'FIS'",
     [("few", "-", 0)]),
    ("SELECT CASE Legs WHEN 4 THEN 'four' ELSE 'other' END FROM kind WHERE Code = 'DOG'", [("four",)]),
    ("SELECT NULLIF(Legs, 4), GREATEST(1, 2.5), LEAST('b', 'A') FROM kind WHERE Code = 'CAT'", [(None, D("2.5"), "A")]),
    # joins, groups, order
    ("SELECT a.Id, k.Name FROM animal a JOIN kind AS k ON k.Code = a.Kind WHERE a.Id < 3", [(1, "Bird"), (2, "Cat")]),
    ("SELECT k.Code FROM animal a RIGHT JOIN kind k ON a.Kind = k.Code WHERE a.Id IS NULL", [("FIS",)]),
    ("SELECT count(*) FROM animal, kind", [(20,)]),
    ("SELECT * FROM (SELECT 1 AS x, 2 AS y) q NATURAL JOIN (SELECT 1 AS x, 3 AS z) r", [(1, 2, 3)]),
    ("SELECT * FROM (SELECT 1 AS x, 2 AS y) q JOIN (SELECT 3 AS z, 1 AS x) r USING (x)", [(1, 2, 3)]),
    ("SELECT Kind, count(*) AS n FROM animal GROUP BY Kind HAVING n > 1 ORDER BY n DESC, 1", [("BIR", 2), ("CAT", 2)]),
    ("SELECT Price FROM animal GROUP BY Price", [(D("10.00"),), (D("20.50"),), (D("12.25"),), (None,)]),
    ("SELECT Id % 2 AS odd FROM animal GROUP BY odd ORDER BY odd", [(0,), (1,)]),
    ("SELECT Id AS x FROM animal HAVING x > 4", [(5,)]),
    ("SELECT Id FROM animal ORDER BY Price DESC, Id DESC LIMIT 1, 2", [(2,), (3,)]),
    ("SELECT Code FROM kind WHERE Legs >= ALL (SELECT Legs FROM kind)", [("CAT",), ("DOG",)]),
    ("SELECT Code FROM kind WHERE Legs < ANY (SELECT Legs FROM kind WHERE Legs < 3)", [("FIS",)]),
    ("SELECT Id FROM animal WHERE (Kind, Price) IN (SELECT Kind, max(Price) FROM animal GROUP BY Kind)",
     [(2,), (3,), (5,)]),
    ("SELECT Name FROM kind k WHERE NOT EXISTS (SELECT 1 FROM animal WHERE Kind = k.Code)", [("Fish",)]),
    ("SELECT Name FROM kind WHERE Code = (SELECT Kind FROM animal WHERE Id = 4)", [("Dog",)]),
    ("SELECT (SELECT Name FROM animal WHERE Id = 99)", [(None,)]),
    ("SELECT Name FROM kind WHERE Legs = (SELECT MIN(Legs) FROM animal) AND Code = 'CAT'", [("Cat",)]),
    ("SELECT 'b' UNION SELECT 'a' UNION SELECT 'B'", [("b",), ("a",)]),
    ("SELECT Kind FROM animal EXCEPT SELECT 'cat'", [("BIR",), ("DOG",)]),
    ("SELECT Kind FROM animal INTERSECT SELECT Code FROM kind WHERE Legs = 4", [("CAT",), ("DOG",)]),
    ("(SELECT 3) UNION ALL (SELECT 1) ORDER BY 1 LIMIT 1", [(1,)]),
    ("WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 3) SELECT i FROM n", [(1,), (2,), (3,)]),
    ("SELECT Id, RANK() OVER (ORDER BY Price DESC) FROM animal WHERE Price > 11", [(2, 1), (5, 1), (3, 3)]),
    ("SELECT What FROM shop.item WHERE Id = 2", [("hay",)]),
    ("SELECT z.Name FROM zoo.kind z, shop.item i WHERE i.Id = z.Legs", [("Bird",)]),
    ("SELECT DATABASE(), 1 FROM dual", [("zoo", 1)]),
    # rows
    ("SELECT Id FROM animal WHERE (Price, Id) > (12.25, 3)", [(2,), (5,)]),
    ("SELECT Id FROM animal WHERE (Price, Id) <= (12.25, 3)", [(1,), (3,)]),
    ("SELECT Id FROM animal WHERE (Id, Kind) <> (2, 'cat')", [(1,), (3,), (4,), (5,)]),
    ("SELECT Id FROM animal WHERE (Id, Price) <=> (4, NULL)", [(4,)]),
    ("SELECT (1, NULL) <> (2, 3), (1, NULL) <> (1, 3), (1, 2) IN ((3, 4), (1, 2))", [(1, None, 1)]),
    # unions of several kinds
    ("SELECT 1 UNION SELECT '1' UNION SELECT '2'", [("1",), ("2",)]),
    ("SELECT 7 UNION SELECT Name FROM animal WHERE Id IN (1, 3)", [("7",), ("Ara",)]),
    ("SELECT 10 UNION SELECT '9' ORDER BY 1", [("10",), ("9",)]),
    # functions
    ("SELECT GROUP_CONCAT(DISTINCT x) FROM (SELECT 1 AS x UNION ALL SELECT 2 UNION ALL SELECT 3 UNION ALL SELECT 2) q",
     [("1,2,3",)]),
    ("SELECT CONV('ff', 16, 2), CONV(-1, 10, 16), CONV(-1, 10, -16), CONV('8z', 10, 8), CONV(1, 1, 2)",
     [("11111111", "FFFFFFFFFFFFFFFF", "-1", "10", None)]),
    ("SELECT 5 ^ 3, 1 ^ NULL, TRIM(LEADING 'ab' FROM 'ababxab'), TRIM('  x '), FORMAT(1234.5, 2)",
     [(6, None, "xab", "x", "1,234.50")]),
    ("SELECT 'a_c' LIKE 'a\\_c', 'abc' LIKE 'a\\_c', 'xabcab' LIKE '%a_%ab', 'ab' LIKE '%ab%ab', 'Zoé' LIKE 'z_E'",
     [(1, 0, 1, 0, 1)]),
    ("SELECT REGEXP_REPLACE('a1b22', '[0-9]+', '-'), REPLACE('aXa', 'a', 'bb')", [("a-b-", "bbXbb")]),
    ("SELECT " + " ^ ".join(["1"] * 40) + ", 7 ^ (2 ^ 1) ^ -1", [(0, -5)]),
    ("SELECT NULL IS UNKNOWN, 1 IS TRUE, 0 IS NOT FALSE", [(1, 1, 0)]),
]  # fmt: skip


@pytest.mark.parametrize(("statement", "rows"), VALUES, ids=[statement for statement, _ in VALUES])
def test_a_query_gives_what_mysql_gives(session: SqliteSession, statement: str, rows: list[tuple[Any, ...]]) -> None:
    result = session.execute(statement)
    assert result.error is None
    found = list(result.rows or ())
    assert found == rows if "ORDER BY" in statement or "UNION" in statement else sorted(map(str, found)) == sorted(
        map(str, rows)
    )  # fmt: skip
    assert [[type(value) for value in row] for row in found] == [
        [type(v) for v in row] for row in rows
    ] or "GROUP" in statement


ERRORS = [
    ("SELECT nothing FROM kind", "Unknown column 'nothing' in 'field list'"),
    ("SELECT Name FROM kind WHERE k.x = 1", "Unknown column 'k.x' in 'where clause'"),
    ("SELECT Name FROM kind ORDER BY nothing", "Unknown column 'nothing' in 'order clause'"),
    ("SELECT count(*) FROM kind GROUP BY nothing", "Unknown column 'nothing' in 'group statement'"),
    ('SELECT Name FROM kind WHERE "Name" = x', "Unknown column 'x' in 'where clause'"),
    ("SELECT * FROM animal a JOIN kind k ON a.x = k.Code", "Unknown column 'a.x' in 'on clause'"),
    ("SELECT * FROM animal a, kind k JOIN shop.item i ON a.Id = i.Id", "Unknown column 'a.Id' in 'on clause'"),
    ("SELECT Name FROM animal, kind", "Column 'Name' in field list is ambiguous"),
    ("SELECT * FROM nothing", "Table 'zoo.nothing' doesn't exist"),
    ("SELECT * FROM shop.nothing", "Table 'shop.nothing' doesn't exist"),
    ("SELECT * FROM nowhere.kind", "Unknown database 'nowhere'"),
    ("USE nowhere", "Unknown database 'nowhere'"),
    ("SELECT 1 FROM kind, kind", "Not unique table/alias: 'kind'"),
    ("SELECT x.* FROM kind", "Unknown table 'x'"),
    ("SELECT (SELECT Id, Name FROM animal)", "Operand should contain 1 column(s)"),
    ("SELECT Id FROM animal WHERE Id = (SELECT Id FROM animal)", "Subquery returns more than 1 row"),
    ("SELECT 1 UNION SELECT 1, 2", "The used SELECT statements have a different number of columns"),
    ("SELECT Id FROM animal WHERE count(*) > 1", "Invalid use of group function"),
    ("SELECT * FROM (SELECT 1 AS x, 2 AS x) q", "Duplicate column name 'x'"),
    ("SELECT Id FROM animal WHERE Born = 'soon'", "Incorrect DATE value: 'soon'"),
    ("SELECT STRFTIME('%Y', Born) FROM animal", "FUNCTION zoo.STRFTIME does not exist"),
    ("SELECT LEFT('a') FROM animal", "Incorrect parameter count in the call to native function 'LEFT'"),
    ("SELECT (1, 2) = (1, 2, 3)", "Operand should contain 2 column(s)"),
    ("CREATE TABLE sqlite_x (a INT)", "the SQLite engine keeps names that begin with sqlite_ for itself: 'sqlite_x'"),
    ("", "Query was empty"),
    ("SELECT 1; SELECT 2", "Use cmd_query_iter for statements with multiple queries."),
]


@pytest.mark.parametrize(("statement", "message"), ERRORS)
def test_a_refused_query_has_the_servers_message(session: SqliteSession, statement: str, message: str) -> None:
    result = session.execute(statement)
    assert result.error == message
    assert result.observation == f"Error executing query: {message}"


@pytest.mark.parametrize(
    "statement",
    [
        "SELECT FROM animal",
        "It seems that there is no such table.",
        "SELECT 'open",
        "SELECT Id FROM animal WHERE Id NOT NULL",
        "SELECT Id FROM animal LIMIT x",
        "SELECT * FROM animal FULL OUTER JOIN kind ON 1 = 1",
        "PRAGMA table_info(animal)",
        "SELEC 1",
        "SELECT Name, FROM kind",
        "SELECT , Name FROM kind",
        "SELECT Name, , Code FROM kind",
        "SELECT Name FROM kind WHERE Legs IS 4",
        "SELECT Name FROM kind WHERE Legs IS Code",
        "SELECT Name FROM kind WHERE Name ! LIKE 'a'",
        "SELECT Name FROM kind WHERE Legs BETWEEN 2 4",
        "SELECT Name FROM kind 'k'",
    ],
)
def test_what_mysql_cannot_parse_is_a_syntax_error(session: SqliteSession, statement: str) -> None:
    assert "error in your SQL syntax" in str(session.execute(statement).error)


@pytest.mark.parametrize(
    "where",
    ["NOT Legs IN (1, 2) AND ! (Legs = 0)", "Legs BETWEEN 1 AND 3 AND Code BETWEEN 'A' AND 'C'", "Legs != 3 AND !0"],
)
def test_what_only_looks_like_a_slip_is_executed(session: SqliteSession, where: str) -> None:
    assert session.execute(f"SELECT Name FROM kind WHERE {where}").error is None


@pytest.mark.parametrize("condition", ["a.n = b.n", "a.n = 'V5  '", "(a.n, 1) = (b.n, 1)", "a.n IN (b.n)"])
def test_texts_that_differ_in_their_last_spaces_are_joined(condition: str) -> None:
    rows = {"a": "", "b": " "}
    script = "".join(
        f"CREATE TABLE `{table}` (`n` varchar(9)); INSERT INTO `{table}` VALUES "
        + ",".join(f"('v{i}{end}')" for i in range(300)) + ";"
        for table, end in rows.items()
    )  # fmt: skip
    made = SqliteEngine().session(parse_dump(f"CREATE DATABASE `main`; USE `main`; {script}"))
    made.open("main")
    assert made.execute(f"SELECT count(*) FROM a, b WHERE {condition}").rows == ((300,),)
    made.close()


def test_databases_may_have_the_names_that_sqlite_keeps(zoo: Dump) -> None:
    made = SqliteEngine().session(zoo)
    made.open("zoo")
    for statement in ("CREATE DATABASE temp", "USE temp", "CREATE TABLE t (a INT)", "INSERT INTO t VALUES (3)"):
        assert made.execute(statement).error is None
    image = made.image()
    made.execute("DELETE FROM t")
    made.restore(image)
    assert made.execute("SELECT a FROM temp.t").rows == ((3,),)
    made.close()


def test_a_statement_is_parsed_once() -> None:
    assert parse("SELECT 1 + 1") is parse("SELECT 1 + 1")
    with pytest.raises(MySQLError):
        parse("SELECT (")


@given(st.text(max_size=8), st.text(max_size=8))
def test_the_collation_orders_totally_and_ignores_case(first: str, second: str) -> None:
    assert texts.collate(first, second) == -texts.collate(second, first)
    assert texts.collate(first, first + "  ") == 0
    if first.isascii():
        assert texts.collate(first.lower(), first.upper()) == 0


@given(st.lists(st.one_of(st.integers(-(2**62), 2**62), st.none()), min_size=2, max_size=2))
def test_places_sort_as_numbers_do(values: list[int | None]) -> None:
    first, second = ((value is not None, value or 0) for value in values)
    assert (texts.place(values[0]) < texts.place(values[1])) == (first < second)


@given(st.dates(datetime.date(1, 1, 1)), st.integers(-500, 500))
def test_days_added_are_days_between(start: datetime.date, amount: int) -> None:
    moved = dates.shift(start.isoformat(), amount, "DAY")
    if moved is not None:
        assert dates.days_between(moved, start.isoformat()) == amount


@given(st.dates(datetime.date(1000, 1, 1)))
def test_weeks_of_mode_three_are_those_of_iso(when: datetime.date) -> None:
    assert dates.week(when.isoformat(), 3) == when.isocalendar()[1]
