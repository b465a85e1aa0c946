"""Statements with the verdict that MySQL 8.0 in its default mode gives, as its manual has it."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from envs.intercode.sql.catalog import Catalog
from envs.intercode.sql.dump import parse_dump
from envs.intercode.sql.rules import check
from envs.intercode.sql.rules_words import RESERVED

SHOP = parse_dump(
    """
CREATE DATABASE `shop`;
USE `shop`;
CREATE TABLE `customer` (
  `id` int NOT NULL, `name` varchar(20) DEFAULT NULL, `city` varchar(20) DEFAULT NULL, `mail` varchar(20) NOT NULL,
  `phone` varchar(20) DEFAULT NULL,
  PRIMARY KEY (`id`), UNIQUE KEY `mail` (`mail`), UNIQUE KEY `phone` (`phone`)
);
CREATE TABLE `sale` (
  `id` int NOT NULL, `customer_id` int DEFAULT NULL, `day` date DEFAULT NULL, `price` int DEFAULT NULL,
  PRIMARY KEY (`id`)
);
CREATE TABLE `line` (`sale_id` int NOT NULL, `number` int NOT NULL, `item` text, PRIMARY KEY (`sale_id`,`number`));
CREATE TABLE `show` (`id` int NOT NULL, `rank` int DEFAULT NULL, PRIMARY KEY (`id`));
CREATE TABLE `odd` (`id` int, `glob` int, `ilike` int, `qualify` int, `notnull` int, `isnull` int, `at` datetime);
CREATE DATABASE `old`;
USE `old`;
CREATE TABLE `sale` (`id` int, `price` int);
"""
)
CATALOG = Catalog("shop", {name: database.tables for name, database in SHOP.databases.items()})

GROUPED = "is not in GROUP BY clause and contains nonaggregated column"
ALONE = "In aggregated query without GROUP BY"
SYNTAX = "You have an error in your SQL syntax"
UNKNOWN = "Unknown column"
DISTINCT = "is not in SELECT list, references column"
LIMIT_IN = "LIMIT & IN/ALL/ANY/SOME subquery"
BLANK = "Function Name Parsing and Resolution"
ABSENT = "does not exist"

ACCEPTED = [
    "SELECT name, city FROM customer",
    "SELECT COUNT(*), MAX(price) FROM sale",
    "SELECT city, COUNT(*) FROM customer GROUP BY city",
    "SELECT CITY, COUNT(*) FROM Customer GROUP BY customer.city",
    # Columns that a key determines.
    "SELECT id, name, city FROM customer GROUP BY id",
    "SELECT * FROM customer GROUP BY id",
    "SELECT name FROM customer GROUP BY mail",
    "SELECT item FROM line GROUP BY sale_id, number",
    "SELECT c.name, COUNT(*) FROM customer c JOIN sale s ON s.customer_id = c.id GROUP BY c.id",
    # Equalities determine, in WHERE and in joins.
    "SELECT c.name, COUNT(*) FROM customer c JOIN sale s ON s.customer_id = c.id GROUP BY s.customer_id",
    "SELECT c.name FROM customer c, sale s WHERE c.id = s.customer_id GROUP BY s.customer_id",
    "SELECT c.name FROM customer c JOIN sale s ON s.customer_id = c.id GROUP BY s.id",
    "SELECT c.name FROM sale s LEFT JOIN customer c ON s.customer_id = c.id GROUP BY s.id",
    "SELECT c.name FROM customer c RIGHT JOIN sale s ON s.customer_id = c.id GROUP BY s.id",
    "SELECT a.name, b.name FROM customer a JOIN customer b USING (id) GROUP BY a.id",
    "SELECT city, COUNT(*) FROM customer WHERE city = 'Oslo'",
    "SELECT city, name, COUNT(*) FROM customer WHERE name = 'x' GROUP BY city",
    "SELECT name FROM customer WHERE id = 1 GROUP BY city",
    "SELECT name, COUNT(*) FROM customer WHERE mail = 'x'",
    "SELECT price, COUNT(*) FROM sale WHERE price = (SELECT MAX(price) FROM sale)",
    "SELECT name FROM customer WHERE phone IS NULL AND (id = 3) GROUP BY city",
    # Through derived tables and common table expressions.
    "SELECT t.id, t.name FROM (SELECT id, name FROM customer) t GROUP BY t.id",
    "SELECT t.city, t.n FROM (SELECT city, COUNT(*) n FROM customer GROUP BY city) t GROUP BY t.city",
    "WITH t AS (SELECT id, name FROM customer) SELECT id, name FROM t GROUP BY id",
    "SELECT n, COUNT(*) FROM (SELECT COUNT(*) AS n FROM sale) t",
    # Expressions, positions and aliases.
    "SELECT YEAR(day), COUNT(*) FROM sale GROUP BY YEAR(day)",
    "SELECT YEAR(day) + 1 FROM sale GROUP BY YEAR(sale.day)",
    "SELECT YEAR(day) AS y, COUNT(*) FROM sale GROUP BY y",
    "SELECT YEAR(day) y, COUNT(*) FROM sale GROUP BY 1 ORDER BY 2 DESC",
    "SELECT CONCAT(city, name) FROM customer GROUP BY city, name",
    "SELECT city FROM customer GROUP BY city HAVING COUNT(*) > 2",
    "SELECT city, COUNT(*) AS n FROM customer GROUP BY city HAVING n > 2 ORDER BY n",
    "SELECT city FROM customer GROUP BY city ORDER BY COUNT(*) DESC LIMIT 1",
    "SELECT name, city FROM customer HAVING city = 'Oslo'",
    "SELECT ANY_VALUE(name), city FROM customer GROUP BY city",
    "SELECT ANY_VALUE(name), COUNT(*) FROM customer",
    "SELECT 1, 'x', COUNT(*) FROM customer",
    "SELECT COUNT(*) FROM sale ORDER BY price",
    "SELECT price, RANK() OVER (ORDER BY price) FROM sale",
    "SELECT city, SUM(COUNT(*)) OVER () FROM customer GROUP BY city",
    # Subqueries: outer columns are constants inside.
    "SELECT name FROM customer c WHERE 2 < (SELECT COUNT(*) FROM sale s WHERE s.customer_id = c.id)",
    "SELECT city, (SELECT COUNT(*) FROM sale) FROM customer GROUP BY city",
    "SELECT city, (SELECT MAX(x.name) FROM customer x WHERE x.city = c.city) FROM customer c GROUP BY city",
    "SELECT name FROM customer WHERE id IN (SELECT customer_id FROM sale GROUP BY day)",
    "SELECT name FROM customer WHERE id = (SELECT customer_id FROM sale ORDER BY price LIMIT 1)",
    "SELECT name FROM customer WHERE id IN (SELECT * FROM (SELECT customer_id FROM sale LIMIT 3) t)",
    "SELECT name FROM customer WHERE EXISTS (SELECT 1 FROM sale LIMIT 1)",
    # DISTINCT and ORDER BY.
    "SELECT DISTINCT city FROM customer ORDER BY city",
    "SELECT DISTINCT city, name FROM customer ORDER BY CONCAT(name, city)",
    "SELECT DISTINCT city c FROM customer ORDER BY c",
    "SELECT DISTINCT city FROM customer GROUP BY city ORDER BY COUNT(*)",
    # Words.
    "SELECT `rank` FROM `show`",
    "SELECT s.rank FROM `show` s",
    "SELECT 1 AS `groups`, 2 AS 'rows'",
    "SELECT COUNT(*), SUM(price), AVG (price) FROM sale",
    "SELECT CAST(price AS CHAR), CAST(price AS SIGNED), CAST(price AS DECIMAL(5,2)) FROM sale",
    "SELECT price FROM sale LIMIT 2, 3",
    "SELECT price FROM sale LIMIT 3 OFFSET 2;",
    "(SELECT price FROM sale ORDER BY price LIMIT 1) UNION (SELECT id FROM sale)",
    "SELECT id FROM sale UNION SELECT id FROM customer ORDER BY id LIMIT 3",
    "SELECT id FROM sale INTERSECT SELECT id FROM customer",
    "SELECT id FROM sale EXCEPT SELECT id FROM customer",
    "SELECT CURRENT_DATE, DATE_ADD(day, INTERVAL 1 DAY) FROM sale",
    'SELECT name FROM customer WHERE city = "Oslo"',
    "SELECT price FROM old.sale",
    "SELECT a.price FROM sale a JOIN old.sale b ON a.id = b.id",
    # Words of others that are names here, and keywords that are values.
    "SELECT UTC_DATE, UTC_TIME, UTC_TIMESTAMP, LOCALTIME, CURRENT_USER FROM sale",
    "SELECT day FROM sale WHERE day < UTC_DATE - INTERVAL 1 DAY",
    "SELECT GET_FORMAT(DATE, 'USA'), DATE_FORMAT(day, GET_FORMAT(DATETIME, 'ISO')) FROM sale",
    "WITH total(n) AS (SELECT 1) SELECT n FROM total",
    "WITH x AS (SELECT 1 AS i), age(n) AS (SELECT (2)) SELECT n FROM age",
    "WITH max (n, m) AS (SELECT 1, 2) SELECT n FROM max",
    "WITH RECURSIVE changes(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM changes WHERE n < 3) SELECT n FROM changes",
    "SELECT glob, ilike, odd.qualify, notnull, isnull FROM odd",
    "SELECT id FROM odd WHERE glob = 1 AND ilike > 2 AND NOT qualify AND notnull AND isnull ORDER BY glob, notnull",
    "SELECT id glob, id AS ilike, id notnull FROM odd qualify",
    "SELECT glob.id FROM odd glob JOIN odd qualify ON glob.id = qualify.id",
    "SELECT id FROM odd WHERE ISNULL(glob)",
    # Left to the engine.
    "SELECT nothing FROM nowhere",
    "SHOW TABLES",
    "DESCRIBE customer",
    "INSERT INTO sale VALUES (1, 2, NULL, 3)",
    "WITH RECURSIVE r AS (SELECT 1 AS i UNION ALL SELECT i + 1 FROM r WHERE i < 3) SELECT * FROM r",
    "what is this",
]

REFUSED = [
    ("SELECT name FROM customer WHERE name ILIKE 'x'", SYNTAX),
    ("SELECT name FROM customer WHERE name NOT ILIKE 'x'", SYNTAX),
    ("SELECT name FROM customer WHERE (name) GLOB 'x*'", SYNTAX),
    ("SELECT name GLOB 'x*' FROM customer", SYNTAX),
    ("SELECT name FROM customer WHERE name NOTNULL", SYNTAX),
    ("SELECT name FROM customer WHERE city = 'x' AND name ISNULL", SYNTAX),
    ("SELECT name FROM customer WHERE id > 1 QUALIFY id = 1", SYNTAX),
    ("SELECT TOTAL(price) FROM sale", ABSENT),
    ("WITH total(n) AS (SELECT 1) SELECT MAX (n) FROM total", BLANK),
    ("SELECT name, COUNT(*) FROM customer", ALONE),
    ("SELECT city, MAX(name) FROM customer WHERE id > 3", ALONE),
    ("SELECT name FROM customer HAVING COUNT(*) > 1", ALONE),
    ("SELECT name FROM customer ORDER BY COUNT(*)", ALONE),
    ("SELECT *, COUNT(*) FROM customer", ALONE),
    ("SELECT t.city, MAX(t.n) FROM (SELECT city, COUNT(*) n FROM customer GROUP BY city) t", ALONE),
    ("SELECT name, COUNT(*) FROM customer GROUP BY city", GROUPED),
    ("SELECT * FROM customer GROUP BY city", GROUPED),
    ("SELECT name FROM customer GROUP BY phone", GROUPED),
    ("SELECT item FROM line GROUP BY sale_id", GROUPED),
    ("SELECT s.price FROM customer c JOIN sale s ON s.customer_id = c.id GROUP BY c.id", GROUPED),
    ("SELECT c.name, s.day FROM customer c JOIN sale s ON s.customer_id = c.id GROUP BY c.name", GROUPED),
    ("SELECT s.customer_id FROM sale s LEFT JOIN customer c ON s.customer_id = c.id GROUP BY c.id", GROUPED),
    ("SELECT name FROM customer WHERE city = 'Oslo' OR id = 1 GROUP BY city", GROUPED),
    ("SELECT name FROM customer WHERE id > 1 GROUP BY city", GROUPED),
    ("SELECT city, COUNT(*) FROM customer GROUP BY city ORDER BY name", GROUPED),
    ("SELECT CONCAT(city, name) FROM customer GROUP BY city", GROUPED),
    ("SELECT day FROM sale GROUP BY YEAR(day)", GROUPED),
    ("SELECT city, RANK() OVER (ORDER BY name) FROM customer GROUP BY city", GROUPED),
    ("SELECT city, (SELECT MAX(s.id) FROM sale s WHERE s.customer_id = c.id) FROM customer c GROUP BY city", GROUPED),
    ("SELECT t.name FROM (SELECT city, name FROM customer) t GROUP BY t.city", GROUPED),
    ("SELECT id FROM sale WHERE id IN (SELECT MAX(id) FROM customer GROUP BY city ORDER BY name)", GROUPED),
    ("SELECT city FROM customer GROUP BY city HAVING name = 'x'", UNKNOWN),
    ("SELECT name FROM customer HAVING city = 'x'", UNKNOWN),
    ("SELECT city AS c FROM customer WHERE c = 'x'", UNKNOWN),
    ("SELECT nam FROM customer", UNKNOWN),
    ("SELECT customer.name FROM customer c", UNKNOWN),
    ("SELECT name FROM customer ORDER BY age", UNKNOWN),
    ("SELECT DISTINCT city FROM customer ORDER BY name", DISTINCT),
    ("SELECT DISTINCT city FROM customer ORDER BY CONCAT(city, name)", DISTINCT),
    ("SELECT DISTINCT name FROM customer GROUP BY id ORDER BY COUNT(*)", "contains aggregate function"),
    ("SELECT name FROM customer WHERE id IN (SELECT customer_id FROM sale LIMIT 3)", LIMIT_IN),
    ("SELECT name FROM customer WHERE id = ANY (SELECT customer_id FROM sale LIMIT 3)", LIMIT_IN),
    ("SELECT name FROM customer WHERE id NOT IN (SELECT customer_id FROM sale ORDER BY id LIMIT 1)", LIMIT_IN),
    ("SELECT COUNT(*) FROM (SELECT id FROM sale)", "Every derived table must have its own alias"),
    ("SELECT * FROM (SELECT id, id FROM sale) t", "Duplicate column name 'id'"),
    ("SELECT 1 FROM sale s JOIN line s ON s.id = s.sale_id", "Not unique table/alias: 's'"),
    ("SELECT AVG(rank) FROM show", SYNTAX),
    ("SELECT rank FROM customer", SYNTAX),
    ("SELECT COUNT(*) AS rank FROM customer", SYNTAX),
    ("SELECT COUNT(*) groups FROM customer", SYNTAX),
    ("SELECT system.name FROM customer system", SYNTAX),
    ("SELECT COUNT (*) FROM sale", SYNTAX),
    ("SELECT COUNT (DISTINCT price) FROM sale", SYNTAX),
    ("SELECT MAX (price) FROM sale", BLANK),
    ("SELECT STRFTIME('%Y', day) FROM sale", ABSENT),
    ("SELECT IIF(price > 1, 1, 2) FROM sale", ABSENT),
    ("SELECT NVL(price, 1) FROM sale", ABSENT),
    ("SELECT CAST(price AS INT) FROM sale", SYNTAX),
    ("SELECT CAST(price AS VARCHAR(10)) FROM sale", SYNTAX),
    ("SELECT CAST(price AS INTEGER) FROM sale", SYNTAX),
    ("SELECT price::char FROM sale", SYNTAX),
    ("SELECT name FROM customer WHERE name ILIKE 'x'", SYNTAX),
    ("SELECT name FROM customer WHERE id == 1", SYNTAX),
    ("SELECT name FROM customer ORDER BY name NULLS LAST", SYNTAX),
    ("SELECT name FROM customer FETCH FIRST 1 ROWS ONLY", SYNTAX),
    ("SELECT name FROM customer LIMIT 1 + 1", SYNTAX),
    ("SELECT name FROM customer LIMIT (SELECT 1)", SYNTAX),
    ("SELECT name FROM customer ORDER BY name WHERE id = 1", SYNTAX),
    ("SELECT city FROM customer HAVING COUNT(*) > 1 GROUP BY city", SYNTAX),
    ("SELECT 1 FROM customer c FULL OUTER JOIN sale s ON s.customer_id = c.id", SYNTAX),
    ("SELECT 1 FROM customer LEFT JOIN sale", SYNTAX),
    ("SELECT DISTINCT ON (city) name FROM customer", SYNTAX),
    ("SELECT id FROM sale ORDER BY id UNION SELECT id FROM customer", "Incorrect usage of UNION and ORDER BY"),
    ("SELECT id FROM sale LIMIT 1 UNION SELECT id FROM customer", "Incorrect usage of UNION and LIMIT"),
    ("-- nothing", "Query was empty"),
]


def test_the_table_is_long_enough() -> None:
    assert len(ACCEPTED) >= 60
    assert len(REFUSED) >= 60


@pytest.mark.parametrize("statement", ACCEPTED)
def test_what_mysql_accepts_is_not_refused(statement: str) -> None:
    assert check(statement, CATALOG) is None


@pytest.mark.parametrize(("statement", "problem"), REFUSED)
def test_what_mysql_refuses_is_refused_in_its_words(statement: str, problem: str) -> None:
    assert problem in str(check(statement, CATALOG))


def test_messages_name_expression_and_column() -> None:
    assert check("SELECT c.city, c.name FROM customer c GROUP BY c.city", CATALOG) == (
        "Expression #2 of SELECT list is not in GROUP BY clause and contains nonaggregated column 'shop.c.name' which "
        "is not functionally dependent on columns in GROUP BY clause; this is incompatible with "
        "sql_mode=only_full_group_by"
    )
    assert check("SELECT COUNT(*), name FROM customer", CATALOG) == (
        "In aggregated query without GROUP BY, expression #2 of SELECT list contains nonaggregated column "
        "'shop.customer.name'; this is incompatible with sql_mode=only_full_group_by"
    )


COLUMNS = ["customer_id", "day", "price"]
FILTERS = st.sampled_from(["", " WHERE price > 2", " WHERE day IS NOT NULL AND price < 7"])


@settings(max_examples=200, deadline=None)
@given(
    columns=st.lists(st.sampled_from(COLUMNS), min_size=1, max_size=3, unique=True),
    aggregate=st.sampled_from(["COUNT(*)", "SUM(price)", "MAX(id) + 1", "GROUP_CONCAT(id)"]),
    condition=FILTERS,
    ordered=st.booleans(),
    positions=st.booleans(),
)
def test_a_query_that_groups_by_all_it_selects_is_never_refused(
    columns: list[str], aggregate: str, condition: str, ordered: bool, positions: bool
) -> None:
    keys = [str(i + 1) for i in range(len(columns))] if positions else columns
    order = f" ORDER BY {columns[-1]}, {aggregate}" if ordered else ""
    query = f"SELECT {', '.join(columns)}, {aggregate} FROM sale{condition} GROUP BY {', '.join(keys)}{order}"
    assert check(query, CATALOG) is None


@settings(max_examples=200, deadline=None)
@given(
    columns=st.lists(st.sampled_from(COLUMNS), min_size=2, max_size=3, unique=True),
    condition=FILTERS,
    wrapped=st.sampled_from(["{}", "{} + 1", "COALESCE({}, 0)", "CASE WHEN {} > 1 THEN 1 ELSE 2 END"]),
)
def test_a_query_that_selects_a_column_that_nothing_determines_is_always_refused(
    columns: list[str], condition: str, wrapped: str
) -> None:
    *keys, loose = columns
    query = f"SELECT {wrapped.format(loose)} FROM sale{condition} GROUP BY {', '.join(keys)}"
    message = check(query, CATALOG)
    assert message is not None
    assert f"'shop.sale.{loose}'" in message


@settings(max_examples=100, deadline=None)
@given(word=st.sampled_from(sorted(RESERVED)))
def test_a_reserved_word_in_quotes_is_a_name_like_any_other(word: str) -> None:
    assert check(f"SELECT 1 AS `{word}`, c.name AS `{word.lower()}2` FROM customer AS c", CATALOG) is None


@settings(max_examples=200, deadline=None)
@given(text=st.text(max_size=40))
def test_any_text_has_a_verdict(text: str) -> None:
    for statement in (text, f"SELECT {text}", f"SELECT name FROM customer WHERE {text}"):
        verdict = check(statement, CATALOG)
        assert verdict is None or isinstance(verdict, str)
