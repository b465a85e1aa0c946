"""The real dump, for tests of the SQL engines."""

import json
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from envs.intercode.sql.dump import Dump, parse_dump
from envs.intercode.sql.server import PrivateServer
from slinvit.errors import InputError


def real(path: str) -> Path:
    folder = Path(os.environ.get("SLINVIT_DATA", ""))
    file = folder / path
    if os.environ.get("SLINVIT_DATA") and file.exists():
        return file
    reason = f"needs $SLINVIT_DATA/{path}"
    if os.environ.get("CI"):
        pytest.fail(reason)
    pytest.skip(reason)


@pytest.fixture(scope="session")
def dump_file() -> Path:
    """The dump of 20 databases."""
    return real("intercode/sql/ic_spider_dbs.sql.xz")


@pytest.fixture(scope="session")
def task_file() -> Path:
    """The SQL tasks with their gold statements."""
    return real("intercode/sql/ic_spider_dev.json")


SHOP = """
CREATE DATABASE IF NOT EXISTS `Shop`;
USE `Shop`;
DROP TABLE IF EXISTS `fruit`;
CREATE TABLE `fruit` (
  `Id` int NOT NULL AUTO_INCREMENT,
  `Name` varchar(20) NOT NULL,
  `Price` decimal(5,2) DEFAULT NULL,
  `Origin` text,
  PRIMARY KEY (`Id`)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_general_ci;
LOCK TABLES `fruit` WRITE;
INSERT INTO `fruit` VALUES (1,'apple',1.50,'Norway'),(2,'pear',2.25,'Italy'),(3,'plum',3.00,NULL);
INSERT INTO `fruit` VALUES (4,'fig',2.25,'Italy');
UNLOCK TABLES;
CREATE DATABASE IF NOT EXISTS `zoo`;
USE `zoo`;
CREATE TABLE `animal` (
  `Id` int NOT NULL,
  `Name` varchar(20) DEFAULT NULL,
  PRIMARY KEY (`Id`)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4;
INSERT INTO `animal` VALUES (1,'owl'),(2,'lynx');
"""

QUESTIONS = (
    ("Shop", "SELECT Name FROM fruit WHERE Price > 2 ORDER BY Name", "Which fruit cost more than 2?", "easy"),
    ("Shop", "SELECT Origin, count(*) FROM fruit GROUP BY Origin", "How many kinds come from where?", "medium"),
    ("Shop", "SELECT Name FROM fruit WHERE Price > 100", "What is expensive?", "easy"),
    ("zoo", "SELECT count(*) FROM animal", "How many animals are there?", "hard"),
    ("Shop", "SELECT Name, count(*) FROM fruit GROUP BY Origin", "What is refused?", "extra"),
)


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    """A folder with two small databases and five questions."""
    records = [dict(zip(("db", "gold", "query", "hardness"), question, strict=True)) for question in QUESTIONS]
    (tmp_path / "tasks.json").write_text(json.dumps(records))
    (tmp_path / "databases.sql").write_text(SHOP)
    return tmp_path


@pytest.fixture(scope="session")
def server() -> Iterator[PrivateServer]:
    """A server that tests may fill but not stop."""
    try:
        started = PrivateServer()
    except InputError as error:
        if os.environ.get("CI"):
            pytest.fail(str(error))
        pytest.skip(str(error))
    with started:
        yield started


ZOO = """
CREATE DATABASE `zoo`;
USE `zoo`;
CREATE TABLE `kind` (
  `Code` char(3) NOT NULL DEFAULT '',
  `Name` varchar(20) DEFAULT NULL,
  `Legs` int DEFAULT NULL,
  `Size` text,
  PRIMARY KEY (`Code`)
) ENGINE=InnoDB;
INSERT INTO `kind` VALUES ('BIR','Bird',2,'10'),('CAT','Cat',4,'9'),('DOG','Dog',4,'100'),('FIS','Fish',0,NULL);
CREATE TABLE `animal` (
  `Id` int NOT NULL AUTO_INCREMENT,
  `Name` varchar(20) NOT NULL,
  `Kind` char(3) DEFAULT NULL,
  `Weight` float DEFAULT NULL,
  `Price` decimal(8,2) DEFAULT NULL,
  `Length` float(6,2) DEFAULT NULL,
  `Born` date DEFAULT NULL,
  `Seen` datetime DEFAULT NULL,
  PRIMARY KEY (`Id`),
  KEY `by_kind` (`Kind`),
  CONSTRAINT `animal_kind` FOREIGN KEY (`Kind`) REFERENCES `kind` (`Code`)
) ENGINE=InnoDB;
INSERT INTO `animal` VALUES (1,'Ara','BIR',1.1,10.00,0.90,'2015-03-01','2020-01-01 10:00:00'),
(2,'Zoé','CAT',4.5,20.50,0.60,'2016-02-29','2020-01-02 00:00:00'),
(3,'ara','BIR',0.9,12.25,0.85,'2017-12-31',NULL),
(4,'Rex','DOG',30.25,NULL,1.10,NULL,'2020-06-30 23:59:59'),
(5,'Tom ','CAT',5,20.50,0.55,'2014-07-15','2020-01-01 10:00:00');
CREATE DATABASE `shop`;
USE `shop`;
CREATE TABLE `item` (`Id` int NOT NULL, `What` varchar(10) DEFAULT NULL, PRIMARY KEY (`Id`));
INSERT INTO `item` VALUES (1,'seed'),(2,'hay');
"""


@pytest.fixture(scope="session")
def zoo() -> Dump:
    """A small dump of two databases, ``zoo`` and ``shop``."""
    return parse_dump(ZOO)
