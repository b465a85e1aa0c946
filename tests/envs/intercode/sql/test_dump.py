"""Reading what mysqldump writes."""

import lzma
import pickle
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from envs.intercode.sql.dump import parse_dump, read_dump
from slinvit.errors import InputError

DUMP = r"""-- MySQL dump
/*!40101 SET NAMES utf8 */;
CREATE DATABASE /*!32312 IF NOT EXISTS*/ `Shop` /*!40100 DEFAULT CHARACTER SET utf8mb4 */;
USE `Shop`;
DROP TABLE IF EXISTS `Item`;
/*!50503 SET character_set_client = utf8mb4 */;
CREATE TABLE `Item` (
  `Item_ID` int(11) unsigned NOT NULL AUTO_INCREMENT,
  `Name` varchar(20) COLLATE utf8mb4_general_ci NOT NULL DEFAULT 'it''s, (new)',
  `Price` decimal(8,2) DEFAULT NULL,
  `Weight` float(10,2) DEFAULT '1.50',
  `Kind` enum('a,b','c)') DEFAULT NULL COMMENT 'one of; two',
  `Photo` blob,
  `Flag` bit(1) DEFAULT b'0',
  `Made` timestamp NOT NULL DEFAULT CURRENT_TIMESTAMP ON UPDATE CURRENT_TIMESTAMP,
  `Shop_ID` int DEFAULT NULL,
  PRIMARY KEY (`Item_ID`),
  UNIQUE KEY `by_name` (`Name`(10),`Shop_ID`),
  KEY `fk` (`Shop_ID`) USING BTREE,
  CONSTRAINT `item_shop` FOREIGN KEY (`Shop_ID`) REFERENCES `shop` (`Shop_ID`) ON DELETE CASCADE
) ENGINE=InnoDB AUTO_INCREMENT=4 DEFAULT CHARSET=utf8mb4;
LOCK TABLES `Item` WRITE;
INSERT INTO `Item` VALUES (1,'a\'b\n;--',12.50,-1.5,'a,b',0x4142,b'1','2018-01-01 00:00:00',NULL),
(2,'semi;colon',NULL,1e3,NULL,_binary 'x\\y',NULL,'2018-01-02 00:00:00',7);
INSERT INTO `Item` (`Name`,`Item_ID`) VALUES ('third',3);
UNLOCK TABLES;
/*!50001 CREATE VIEW `v` AS SELECT 1 AS `id`*/;
DELIMITER ;;
/*!50003 CREATE*/ /*!50017 DEFINER=`root`@`%`*/ /*!50003 TRIGGER `t` BEFORE INSERT ON `Item` FOR EACH ROW SET @x=1; */;;
DELIMITER ;
"""


def test_a_dump_gives_databases_tables_keys_and_rows() -> None:
    dump = parse_dump(DUMP)
    item = dump.databases["shop"].tables["item"]
    assert [column.type for column in item.columns] == [
        "int unsigned",
        "varchar(20)",
        "decimal(8,2)",
        "float(10,2)",
        "enum('a,b','c)')",
        "blob",
        "bit(1)",
        "timestamp",
        "int",
    ]
    assert item.primary == ("Item_ID",)
    assert [(key.name, key.columns, key.unique, key.prefixes) for key in item.keys] == [
        ("PRIMARY", ("Item_ID",), True, (None,)),
        ("by_name", ("Name", "Shop_ID"), True, (10, None)),
        ("fk", ("Shop_ID",), False, (None,)),
    ]
    foreign = item.foreign_keys[0]
    assert (foreign.table, foreign.target, foreign.action) == ("shop", ("Shop_ID",), "ON DELETE CASCADE")
    name = item.column("NAME")
    assert name is not None
    assert (name.nullable, name.default) == (False, "it's, (new)")
    assert item.columns[0].extra == "auto_increment"
    assert item.columns[4].comment == "one of; two"


def test_values_keep_their_kind_and_their_escapes() -> None:
    first, second, third = parse_dump(DUMP).databases["shop"].rows["item"]
    made = "2018-01-01 00:00:00"
    assert first == (1, "a'b\n;--", Decimal("12.50"), Decimal("-1.5"), "a,b", b"AB", 1, made, None)
    assert second[3:6] == (1000.0, None, b"x\\y")
    assert third == (3, "third", None, None, None, None, None, None, None)


def test_the_line_of_what_is_wrong_is_named() -> None:
    with pytest.raises(InputError, match="line 3: INSERT INTO b: no such table"):
        parse_dump("CREATE TABLE a (x int);\n\nINSERT INTO b VALUES (1);")
    with pytest.raises(InputError, match=r"line 2: .*has 2 values, not 1"):
        parse_dump("CREATE TABLE a (x int);\nINSERT INTO a VALUES (1,2);")
    with pytest.raises(InputError, match="line 2: the quote ' is never closed"):
        parse_dump("CREATE TABLE a (x int);\nINSERT INTO a VALUES ('x);")
    with pytest.raises(InputError, match="generated columns"):
        parse_dump("CREATE TABLE a (x int, y int GENERATED ALWAYS AS (x + 1) STORED);")


@pytest.mark.parametrize("text", ["", "hello", "SET x = 1;", "Dear Sir; I am no dump;"])
def test_what_is_no_dump_is_refused(text: str) -> None:
    with pytest.raises(InputError):
        parse_dump(text)


def test_a_missing_or_broken_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="cannot read the dump"):
        read_dump(tmp_path / "none.sql")
    broken = tmp_path / "broken.sql.xz"
    broken.write_bytes(b"no xz")
    with pytest.raises(InputError, match="cannot read the dump"):
        read_dump(broken)


def test_a_file_is_read_once_and_again_when_it_changes(tmp_path: Path) -> None:
    file = tmp_path / "d.sql.xz"
    file.write_bytes(lzma.compress(DUMP.encode()))
    first = read_dump(file)
    assert read_dump(file) is first
    file.write_bytes(lzma.compress(DUMP.replace("third", "other one").encode()))
    assert read_dump(file) is not first
    assert pickle.loads(pickle.dumps(first)).key == first.key


@given(st.text(st.characters(codec="utf-8"), max_size=40))
def test_every_text_survives_the_escapes_of_mysqldump(text: str) -> None:
    escaped = text.replace("\\", "\\\\").replace("'", "\\'").replace("\n", "\\n").replace("\0", "\\0")
    dump = parse_dump(f"CREATE TABLE a (x text);\nINSERT INTO a VALUES ('{escaped}');")
    assert dump.databases["main"].rows["a"] == ((text,),)


def test_the_real_dump_has_its_tables_and_rows(dump_file: Path) -> None:
    dump = read_dump(dump_file)
    tables = sum(len(database.tables) for database in dump.databases.values())
    rows = sum(len(each) for database in dump.databases.values() for each in database.rows.values())
    assert (len(dump.databases), tables, rows) == (20, 81, 6952)
    assert all(name == name.lower() for name in dump.databases)
