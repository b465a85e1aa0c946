-- Three small databases made up for SLINVIT: a library, ferries, a bakery. MIT licence, as the rest of the package.
CREATE DATABASE IF NOT EXISTS `town_library` /*!40100 DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_general_ci */;
USE `town_library`;

/*!40101 SET NAMES utf8mb4 */;
/*!40014 SET @OLD_FOREIGN_KEY_CHECKS=@@FOREIGN_KEY_CHECKS, FOREIGN_KEY_CHECKS=0 */;

--
-- Table structure for table `author`
--

DROP TABLE IF EXISTS `author`;
CREATE TABLE `author` (
  `author_id` int NOT NULL,
  `full_name` varchar(80) COLLATE utf8mb4_general_ci NOT NULL,
  `country` varchar(40) COLLATE utf8mb4_general_ci DEFAULT NULL,
  `birth_year` int DEFAULT NULL,
  PRIMARY KEY (`author_id`)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_general_ci;

--
-- Dumping data for table `author`
--

LOCK TABLES `author` WRITE;
/*!40000 ALTER TABLE `author` DISABLE KEYS */;
INSERT INTO `author` VALUES (1,'Ines Carvalho','Portugal',1951),
(2,'Maeve O\'Hara','Ireland',1978),
(3,'Tomas Lindqvist','Sweden',1939),
(4,'Aiko Morita','Japan',1966),
(5,'Samuel Adeyemi','Nigeria',1984),
(6,'Renée Dufour','France',1945),
(7,'Pavel Novotny','Czechia',NULL),
(8,'Greta Hollmann','Germany',1972),
(9,'Rahul Deshpande','India',1990),
(10,'Lucia Ferrante','Italy',1958),
(11,'Owen Pritchard','Wales',NULL),
(12,'Maya Castellanos','Mexico',1981),
(13,'Anders Lindqvist','Sweden',1969),
(14,'Hana Kobayashi','Japan',1993);
/*!40000 ALTER TABLE `author` ENABLE KEYS */;
UNLOCK TABLES;

--
-- Table structure for table `book`
--

DROP TABLE IF EXISTS `book`;
CREATE TABLE `book` (
  `book_id` int NOT NULL,
  `title` varchar(120) COLLATE utf8mb4_general_ci NOT NULL,
  `author_id` int NOT NULL,
  `genre` varchar(20) COLLATE utf8mb4_general_ci DEFAULT NULL,
  `published_year` int DEFAULT NULL,
  `pages` int DEFAULT NULL,
  `price` decimal(6,2) NOT NULL,
  PRIMARY KEY (`book_id`),
  KEY `author_id` (`author_id`),
  CONSTRAINT `book_ibfk_1` FOREIGN KEY (`author_id`) REFERENCES `author` (`author_id`)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_general_ci;

--
-- Dumping data for table `book`
--

LOCK TABLES `book` WRITE;
/*!40000 ALTER TABLE `book` DISABLE KEYS */;
INSERT INTO `book` VALUES (1,'The Salt Road',3,'novel',1972,262,11.85),
(2,'A Winter of Bees',8,'novel',2012,348,22.65),
(3,'Letters to Nobody',6,'poetry',2018,NULL,8.55),
(4,'Under Twelve Bridges',1,'novel',2007,492,17.25),
(5,'The Glass Orchard',4,'novel',1991,106,26.85),
(6,'Night Ferry',2,'crime',2008,309,21.25),
(7,'Small Engines Explained',8,'science',1986,499,13.55),
(8,'The Cartographer\'s Daughter',1,'novel',1978,389,12.75),
(9,'Bread and Stone',10,'history',2012,457,17.55),
(10,'Seven Quiet Rooms',6,'novel',1994,122,7.05),
(11,'Field Guide to Mosses',11,'science',1984,NULL,15.65),
(12,'The Last Lamplighter',5,'crime',1982,203,15.45),
(13,'Numbers at Play',9,'science',2019,186,26.05),
(14,'River Without a Name',3,'novel',1996,305,9.35),
(15,'Cooking for Two',10,'cooking',2020,350,13.15),
(16,'The Tin Whistle',2,'poetry',2021,373,8.05),
(17,'Mapping the Night Sky',9,'science',1972,425,11.05),
(18,'An Honest Thief',5,'crime',1993,196,14.85),
(19,'Gardens of the North',13,'gardening',1999,456,6.15),
(20,'The Clockmaker',4,'novel',2007,317,17.35),
(21,'Rain on the Roof',6,'poetry',2019,116,24.35),
(22,'A Short History of Tea',7,'history',2015,481,20.25),
(23,'Paper Boats',12,'children',2009,326,21.95),
(24,'The Copper Coast',2,'crime',1972,199,26.65),
(25,'Learning to Juggle',12,'hobby',1997,351,21.85),
(26,'Ashes and Ink',3,'novel',1981,466,28.25),
(27,'The Long Afternoon',1,'novel',2014,337,23.55),
(28,'Wooden Toys',11,'hobby',2018,355,8.75),
(29,'Mountain Weather',13,'science',2020,398,7.75),
(30,'The Second Key',5,'crime',1993,447,14.35);
/*!40000 ALTER TABLE `book` ENABLE KEYS */;
UNLOCK TABLES;

--
-- Table structure for table `branch`
--

DROP TABLE IF EXISTS `branch`;
CREATE TABLE `branch` (
  `branch_id` int NOT NULL,
  `name` varchar(40) COLLATE utf8mb4_general_ci NOT NULL,
  `street` varchar(60) COLLATE utf8mb4_general_ci DEFAULT NULL,
  `opened_on` date NOT NULL,
  `floor_area` decimal(8,2) DEFAULT NULL,
  PRIMARY KEY (`branch_id`),
  UNIQUE KEY `name` (`name`)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_general_ci;

--
-- Dumping data for table `branch`
--

LOCK TABLES `branch` WRITE;
/*!40000 ALTER TABLE `branch` DISABLE KEYS */;
INSERT INTO `branch` VALUES (1,'Market Square','4 Market Square','1962-05-02',1240.50),
(2,'Harbour','18 Quay Road','1987-09-14',415.00),
(3,'Northfield','77 Elm Avenue','2004-03-01',630.75),
(4,'Mill Lane','2 Mill Lane','2016-11-21',298.20);
/*!40000 ALTER TABLE `branch` ENABLE KEYS */;
UNLOCK TABLES;

--
-- Table structure for table `loan`
--

DROP TABLE IF EXISTS `loan`;
CREATE TABLE `loan` (
  `loan_id` int NOT NULL,
  `book_id` int NOT NULL,
  `reader_id` int NOT NULL,
  `borrowed_on` date NOT NULL,
  `returned_on` date DEFAULT NULL,
  `fine` decimal(5,2) NOT NULL DEFAULT '0.00',
  PRIMARY KEY (`loan_id`),
  KEY `book_id` (`book_id`),
  KEY `reader_id` (`reader_id`),
  CONSTRAINT `loan_ibfk_1` FOREIGN KEY (`book_id`) REFERENCES `book` (`book_id`),
  CONSTRAINT `loan_ibfk_2` FOREIGN KEY (`reader_id`) REFERENCES `reader` (`reader_id`)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_general_ci;

--
-- Dumping data for table `loan`
--

LOCK TABLES `loan` WRITE;
/*!40000 ALTER TABLE `loan` DISABLE KEYS */;
INSERT INTO `loan` VALUES (1,6,19,'2023-01-05','2023-01-15',0.00),
(2,27,19,'2023-01-11','2023-01-24',0.00),
(3,16,15,'2023-01-12','2023-02-14',1.25),
(4,16,1,'2023-01-13','2023-02-15',1.25),
(5,30,3,'2023-01-14','2023-01-31',0.00),
(6,7,4,'2023-01-20','2023-02-23',1.50),
(7,19,5,'2023-01-28','2023-02-04',0.00),
(8,11,1,'2023-01-30','2023-03-05',1.50),
(9,22,13,'2023-02-02','2023-03-02',0.00),
(10,27,19,'2023-02-07','2023-02-19',0.00),
(11,4,2,'2023-02-10','2023-03-22',3.00),
(12,9,11,'2023-02-12','2023-03-15',0.75),
(13,1,18,'2023-02-20','2023-03-25',1.25),
(14,19,11,'2023-02-22','2023-03-22',0.00),
(15,10,3,'2023-02-25','2023-04-01',1.75),
(16,9,13,'2023-02-28','2023-03-06',0.00),
(17,20,15,'2023-03-02','2023-04-11',3.00),
(18,23,8,'2023-03-05','2023-03-21',0.00),
(19,21,1,'2023-03-10','2023-04-13',1.50),
(20,17,1,'2023-03-11','2023-04-14',1.50),
(21,15,7,'2023-03-12','2023-04-07',0.00),
(22,4,9,'2023-03-13','2023-04-20',2.50),
(23,2,6,'2023-03-19','2023-03-28',0.00),
(24,3,8,'2023-03-22','2023-04-23',1.00),
(25,4,13,'2023-03-28','2023-04-23',0.00),
(26,14,18,'2023-04-03','2023-05-07',1.50),
(27,18,16,'2023-04-05','2023-05-01',0.00),
(28,22,15,'2023-04-07','2023-05-17',3.00),
(29,10,13,'2023-04-09','2023-04-30',0.00),
(30,6,3,'2023-04-15','2023-04-25',0.00),
(31,25,20,'2023-04-20','2023-05-08',0.00),
(32,16,11,'2023-04-23',NULL,0.00),
(33,7,6,'2023-04-25','2023-05-02',0.00),
(34,9,14,'2023-04-26','2023-05-12',0.00),
(35,27,2,'2023-05-01','2023-05-30',0.25),
(36,16,6,'2023-05-06','2023-05-17',0.00),
(37,17,1,'2023-05-11','2023-06-14',1.50),
(38,20,14,'2023-05-19','2023-06-27',2.75),
(39,29,13,'2023-05-27','2023-06-01',0.00),
(40,10,2,'2023-06-04','2023-07-03',0.25),
(41,18,14,'2023-06-07','2023-07-17',3.00),
(42,3,9,'2023-06-15','2023-07-02',0.00),
(43,11,19,'2023-06-23','2023-06-26',0.00),
(44,12,11,'2023-06-25','2023-07-29',1.50),
(45,4,6,'2023-07-03',NULL,0.00),
(46,14,12,'2023-07-06','2023-07-15',0.00),
(47,21,13,'2023-07-11','2023-08-18',2.50),
(48,14,20,'2023-07-17','2023-08-22',2.00),
(49,12,4,'2023-07-22','2023-08-10',0.00),
(50,23,16,'2023-07-24','2023-08-30',2.25),
(51,15,9,'2023-07-29',NULL,0.00),
(52,17,8,'2023-08-04','2023-08-23',0.00),
(53,5,19,'2023-08-10','2023-08-17',0.00),
(54,27,3,'2023-08-18',NULL,0.00),
(55,25,9,'2023-08-24','2023-09-10',0.00),
(56,24,18,'2023-08-26',NULL,0.00),
(57,1,15,'2023-09-01',NULL,0.00),
(58,8,13,'2023-09-09',NULL,0.00);
/*!40000 ALTER TABLE `loan` ENABLE KEYS */;
UNLOCK TABLES;

--
-- Table structure for table `reader`
--

DROP TABLE IF EXISTS `reader`;
CREATE TABLE `reader` (
  `reader_id` int NOT NULL,
  `full_name` varchar(80) COLLATE utf8mb4_general_ci NOT NULL,
  `joined_on` date NOT NULL,
  `branch_id` int NOT NULL,
  `birth_date` date DEFAULT NULL,
  `email` varchar(60) COLLATE utf8mb4_general_ci DEFAULT NULL,
  PRIMARY KEY (`reader_id`),
  KEY `branch_id` (`branch_id`),
  CONSTRAINT `reader_ibfk_1` FOREIGN KEY (`branch_id`) REFERENCES `branch` (`branch_id`)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_general_ci;

--
-- Dumping data for table `reader`
--

LOCK TABLES `reader` WRITE;
/*!40000 ALTER TABLE `reader` DISABLE KEYS */;
INSERT INTO `reader` VALUES (1,'Ada Birch','2019-06-10',4,'1962-11-03','ada@mail.example'),
(2,'Bruno Keller','2016-01-06',2,'2007-11-05','bruno@post.example'),
(3,'Chiara Monti','2023-02-28',2,'1955-10-21','chiara@post.example'),
(4,'Dev Anand','2021-02-14',3,'1982-07-17',NULL),
(5,'Elsa Berg','2020-02-03',2,'1965-05-19','elsa@post.example'),
(6,'Farid Rahmani','2019-07-21',1,'1977-04-01','farid@post.example'),
(7,'Gwen Howells','2015-12-03',1,'1994-06-14','gwen@mail.example'),
(8,'Hugo Petit','2021-08-14',2,'2001-07-27','hugo@post.example'),
(9,'Ivana Kral','2019-07-30',2,'1954-01-22',NULL),
(10,'Jon Aske','2022-11-24',4,'2000-05-27','jon@mail.example'),
(11,'Kofi Mensah','2020-10-13',2,'1953-03-13','kofi@post.example'),
(12,'Lena Fuchs','2019-05-01',4,'1974-08-27','lena@post.example'),
(13,'Milo Varga','2022-08-14',4,'2003-06-28','milo@mail.example'),
(14,'Nora Quinn','2019-02-01',3,'1990-02-05','nora@post.example'),
(15,'Oskar Nyman','2016-06-01',4,'2009-08-01',NULL),
(16,'Priya Nair','2021-03-01',1,'1990-05-07','priya@mail.example'),
(17,'Quentin Roy','2020-08-14',3,'2007-03-04','quentin@post.example'),
(18,'Rosa Delgado','2022-07-18',3,'1971-11-30',NULL),
(19,'Stefan Iliev','2020-04-25',1,'1950-04-06','stefan@mail.example'),
(20,'Tara Walsh','2015-10-23',4,'1961-04-11','tara@post.example');
/*!40000 ALTER TABLE `reader` ENABLE KEYS */;
UNLOCK TABLES;

/*!40014 SET FOREIGN_KEY_CHECKS=@OLD_FOREIGN_KEY_CHECKS */;

CREATE DATABASE IF NOT EXISTS `river_ferries` /*!40100 DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_general_ci */;
USE `river_ferries`;

/*!40101 SET NAMES utf8mb4 */;
/*!40014 SET @OLD_FOREIGN_KEY_CHECKS=@@FOREIGN_KEY_CHECKS, FOREIGN_KEY_CHECKS=0 */;

--
-- Table structure for table `crossing`
--

DROP TABLE IF EXISTS `crossing`;
CREATE TABLE `crossing` (
  `crossing_id` int NOT NULL,
  `ferry_id` int NOT NULL,
  `from_port` char(3) COLLATE utf8mb4_general_ci NOT NULL,
  `to_port` char(3) COLLATE utf8mb4_general_ci NOT NULL,
  `departs` datetime NOT NULL,
  `minutes` int NOT NULL,
  `passengers` int DEFAULT NULL,
  `fare` decimal(6,2) NOT NULL,
  PRIMARY KEY (`crossing_id`),
  KEY `ferry_id` (`ferry_id`),
  KEY `from_port` (`from_port`),
  KEY `to_port` (`to_port`),
  CONSTRAINT `crossing_ibfk_1` FOREIGN KEY (`ferry_id`) REFERENCES `ferry` (`ferry_id`),
  CONSTRAINT `crossing_ibfk_2` FOREIGN KEY (`from_port`) REFERENCES `port` (`port_code`),
  CONSTRAINT `crossing_ibfk_3` FOREIGN KEY (`to_port`) REFERENCES `port` (`port_code`)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_general_ci;

--
-- Dumping data for table `crossing`
--

LOCK TABLES `crossing` WRITE;
/*!40000 ALTER TABLE `crossing` DISABLE KEYS */;
INSERT INTO `crossing` VALUES (1,5,'ALD','CST','2024-04-01 10:30:00',40,259,6.00),
(2,6,'FAR','DUN','2024-04-01 12:05:00',52,99,9.80),
(3,7,'ALD','BRN','2024-04-01 13:40:00',34,51,4.50),
(4,4,'GRE','HOL','2024-04-01 14:50:00',27,92,5.40),
(5,4,'BRN','CST','2024-04-01 16:00:00',12,133,3.20),
(6,2,'DUN','GRE','2024-04-01 19:05:00',97,41,18.75),
(7,6,'FAR','DUN','2024-04-01 20:40:00',60,124,9.80),
(8,2,'BRN','CST','2024-04-01 22:15:00',15,NULL,3.20),
(9,3,'ALD','CST','2024-04-02 07:20:00',37,11,6.00),
(10,5,'ALD','CST','2024-04-02 11:20:00',44,142,6.00),
(11,1,'HOL','GRE','2024-04-02 12:05:00',39,88,5.40),
(12,5,'HOL','GRE','2024-04-02 14:15:00',30,272,5.40),
(13,4,'GRE','HOL','2024-04-02 15:50:00',35,101,5.40),
(14,4,'ELS','FAR','2024-04-02 19:50:00',25,42,3.90),
(15,4,'GRE','HOL','2024-04-02 22:00:00',30,124,5.40),
(16,2,'FAR','DUN','2024-04-02 23:35:00',57,62,9.80),
(17,2,'BRN','CST','2024-04-03 06:20:00',17,86,3.20),
(18,6,'DUN','ELS','2024-04-03 07:05:00',45,142,7.50),
(19,2,'HOL','GRE','2024-04-03 10:10:00',30,167,5.40),
(20,6,'HOL','GRE','2024-04-03 11:45:00',30,120,5.40),
(21,2,'HOL','GRE','2024-04-03 12:55:00',35,59,5.40),
(22,4,'CST','ALD','2024-04-03 14:30:00',35,75,6.00),
(23,2,'ALD','BRN','2024-04-03 18:30:00',25,16,4.50),
(24,6,'ALD','BRN','2024-04-03 20:40:00',27,NULL,4.50),
(25,6,'ALD','CST','2024-04-03 21:25:00',44,65,6.00),
(26,7,'DUN','GRE','2024-04-03 22:35:00',104,69,18.75),
(27,6,'CST','ALD','2024-04-03 23:20:00',37,27,6.00),
(28,5,'ALD','CST','2024-04-04 06:20:00',44,267,6.00),
(29,4,'HOL','GRE','2024-04-04 07:05:00',32,128,5.40),
(30,8,'CST','ALD','2024-04-04 08:15:00',35,136,6.00),
(31,2,'FAR','DUN','2024-04-04 12:15:00',55,40,9.80),
(32,3,'HOL','GRE','2024-04-04 14:25:00',35,20,5.40),
(33,8,'ALD','CST','2024-04-04 15:10:00',35,36,6.00),
(34,6,'CST','ALD','2024-04-04 18:15:00',37,91,6.00),
(35,1,'BRN','CST','2024-04-04 22:15:00',15,38,3.20),
(36,1,'DUN','ELS','2024-04-04 23:00:00',40,20,7.50),
(37,2,'ALD','BRN','2024-04-04 23:45:00',34,11,4.50),
(38,3,'DUN','ELS','2024-04-05 06:55:00',40,72,7.50),
(39,6,'BRN','CST','2024-04-05 08:05:00',12,87,3.20),
(40,5,'ALD','BRN','2024-04-05 09:15:00',34,233,4.50),
(41,7,'ALD','BRN','2024-04-05 11:25:00',22,NULL,4.50),
(42,6,'DUN','ELS','2024-04-05 14:30:00',40,105,7.50),
(43,4,'ELS','FAR','2024-04-05 18:30:00',25,40,3.90),
(44,5,'BRN','CST','2024-04-05 22:30:00',20,256,3.20),
(45,3,'FAR','DUN','2024-04-05 23:15:00',60,16,9.80),
(46,4,'ELS','FAR','2024-04-06 06:15:00',20,53,3.90),
(47,7,'ELS','FAR','2024-04-06 08:25:00',25,75,3.90),
(48,2,'BRN','CST','2024-04-06 09:10:00',12,170,3.20),
(49,3,'ALD','CST','2024-04-06 13:10:00',32,29,6.00),
(50,5,'FAR','DUN','2024-04-06 17:10:00',55,211,9.80),
(51,5,'ALD','BRN','2024-04-06 18:20:00',27,268,4.50),
(52,4,'FAR','DUN','2024-04-06 20:30:00',60,158,9.80),
(53,8,'BRN','CST','2024-04-07 06:30:00',17,185,3.20),
(54,6,'GRE','HOL','2024-04-07 09:35:00',30,15,5.40),
(55,4,'GRE','HOL','2024-04-07 12:40:00',27,101,5.40),
(56,1,'BRN','CST','2024-04-07 13:50:00',12,29,3.20);
/*!40000 ALTER TABLE `crossing` ENABLE KEYS */;
UNLOCK TABLES;

--
-- Table structure for table `ferry`
--

DROP TABLE IF EXISTS `ferry`;
CREATE TABLE `ferry` (
  `ferry_id` int NOT NULL,
  `name` varchar(40) COLLATE utf8mb4_general_ci NOT NULL,
  `built_year` int NOT NULL,
  `capacity` int NOT NULL,
  `length_m` decimal(5,1) NOT NULL,
  `operator` varchar(40) COLLATE utf8mb4_general_ci DEFAULT NULL,
  PRIMARY KEY (`ferry_id`),
  UNIQUE KEY `name` (`name`)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_general_ci;

--
-- Dumping data for table `ferry`
--

LOCK TABLES `ferry` WRITE;
/*!40000 ALTER TABLE `ferry` DISABLE KEYS */;
INSERT INTO `ferry` VALUES (1,'Blue Heron',1989,120,31.5,'Wend Lines'),
(2,'Morning Star',2003,240,46.0,'Wend Lines'),
(3,'Old Faithful',1967,80,24.2,NULL),
(4,'Tern',2012,180,38.7,'Oss & Tarn Boats'),
(5,'Kingfisher',2018,300,52.3,'Oss & Tarn Boats'),
(6,'Lady Margaret',1978,150,35.9,'Island Trust'),
(7,'Swift',2015,95,27.4,'Wend Lines'),
(8,'Granite',1995,210,44.1,NULL),
(9,'Halcyon',2021,260,49.8,'Island Trust');
/*!40000 ALTER TABLE `ferry` ENABLE KEYS */;
UNLOCK TABLES;

--
-- Table structure for table `incident`
--

DROP TABLE IF EXISTS `incident`;
CREATE TABLE `incident` (
  `incident_id` int NOT NULL,
  `crossing_id` int NOT NULL,
  `kind` varchar(20) COLLATE utf8mb4_general_ci NOT NULL,
  `delay_minutes` int NOT NULL,
  `note` text COLLATE utf8mb4_general_ci,
  PRIMARY KEY (`incident_id`),
  KEY `crossing_id` (`crossing_id`),
  CONSTRAINT `incident_ibfk_1` FOREIGN KEY (`crossing_id`) REFERENCES `crossing` (`crossing_id`)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_general_ci;

--
-- Dumping data for table `incident`
--

LOCK TABLES `incident` WRITE;
/*!40000 ALTER TABLE `incident` DISABLE KEYS */;
INSERT INTO `incident` VALUES (1,16,'fog',53,NULL),
(2,19,'engine',6,'passenger helped by staff'),
(3,22,'medical',5,'port side'),
(4,25,'late crew',19,NULL),
(5,28,'fog',47,'oil pressure'),
(6,35,'collision',45,NULL),
(7,36,'engine',55,'passenger helped by staff'),
(8,39,'fog',15,'port side'),
(9,47,'medical',15,NULL),
(10,49,'late crew',5,'oil pressure'),
(11,52,'engine',34,NULL),
(12,53,'fog',45,'passenger helped by staff');
/*!40000 ALTER TABLE `incident` ENABLE KEYS */;
UNLOCK TABLES;

--
-- Table structure for table `port`
--

DROP TABLE IF EXISTS `port`;
CREATE TABLE `port` (
  `port_code` char(3) COLLATE utf8mb4_general_ci NOT NULL,
  `name` varchar(40) COLLATE utf8mb4_general_ci NOT NULL,
  `river` varchar(20) COLLATE utf8mb4_general_ci NOT NULL,
  `berths` int NOT NULL,
  `has_customs` tinyint(1) NOT NULL DEFAULT '0',
  PRIMARY KEY (`port_code`)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_general_ci;

--
-- Dumping data for table `port`
--

LOCK TABLES `port` WRITE;
/*!40000 ALTER TABLE `port` DISABLE KEYS */;
INSERT INTO `port` VALUES ('ALD','Alderwick','Wend',4,1),
('BRN','Brannock','Wend',2,0),
('CST','Castle Pier','Wend',3,0),
('DUN','Dunmouth','Oss',6,1),
('ELS','Elsford','Oss',2,0),
('FAR','Farrow Quay','Oss',1,0),
('GRE','Greywater','Tarn',3,1),
('HOL','Holm Island','Tarn',1,0);
/*!40000 ALTER TABLE `port` ENABLE KEYS */;
UNLOCK TABLES;

/*!40014 SET FOREIGN_KEY_CHECKS=@OLD_FOREIGN_KEY_CHECKS */;

CREATE DATABASE IF NOT EXISTS `corner_bakery` /*!40100 DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_general_ci */;
USE `corner_bakery`;

/*!40101 SET NAMES utf8mb4 */;
/*!40014 SET @OLD_FOREIGN_KEY_CHECKS=@@FOREIGN_KEY_CHECKS, FOREIGN_KEY_CHECKS=0 */;

--
-- Table structure for table `customer`
--

DROP TABLE IF EXISTS `customer`;
CREATE TABLE `customer` (
  `customer_id` int NOT NULL,
  `name` varchar(60) COLLATE utf8mb4_general_ci NOT NULL,
  `city` varchar(40) COLLATE utf8mb4_general_ci DEFAULT NULL,
  `since` date NOT NULL,
  `newsletter` tinyint(1) NOT NULL DEFAULT '0',
  PRIMARY KEY (`customer_id`)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_general_ci;

--
-- Dumping data for table `customer`
--

LOCK TABLES `customer` WRITE;
/*!40000 ALTER TABLE `customer` DISABLE KEYS */;
INSERT INTO `customer` VALUES (1,'Cafe Violet','Linden','2022-04-10',1),
(2,'Harriet Boone','Linden','2023-10-23',0),
(3,'Sunrise School','Marsh End','2019-10-09',1),
(4,'Ewan Frost','Marsh End','2018-11-25',0),
(5,'Hotel Aurora','Port Vale','2018-01-07',1),
(6,'Ingrid Solberg','Linden','2020-02-28',1),
(7,'Jasper Lowe','Port Vale','2021-09-20',0),
(8,'Kestrel Books','Linden','2021-02-17',1),
(9,'Laila Haddad','Oakham Hill','2023-12-24',0),
(10,'Mabel Tran','Oakham Hill','2020-05-18',1),
(11,'Nico Bauer','Port Vale','2023-05-28',0),
(12,'Old Mill Pub','Marsh End','2022-04-01',1),
(13,'Petra Vogel','Linden','2021-08-01',0),
(14,'Quay Hostel','Port Vale','2019-08-13',0);
/*!40000 ALTER TABLE `customer` ENABLE KEYS */;
UNLOCK TABLES;

--
-- Table structure for table `order_item`
--

DROP TABLE IF EXISTS `order_item`;
CREATE TABLE `order_item` (
  `order_id` int NOT NULL,
  `product_id` int NOT NULL,
  `quantity` int NOT NULL,
  PRIMARY KEY (`order_id`,`product_id`),
  KEY `product_id` (`product_id`),
  CONSTRAINT `order_item_ibfk_1` FOREIGN KEY (`order_id`) REFERENCES `purchase` (`order_id`),
  CONSTRAINT `order_item_ibfk_2` FOREIGN KEY (`product_id`) REFERENCES `product` (`product_id`)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_general_ci;

--
-- Dumping data for table `order_item`
--

LOCK TABLES `order_item` WRITE;
/*!40000 ALTER TABLE `order_item` DISABLE KEYS */;
INSERT INTO `order_item` VALUES (1,8,2),
(2,9,2),
(2,13,6),
(3,9,1),
(3,13,12),
(4,15,6),
(5,1,8),
(5,6,5),
(6,4,12),
(6,6,7),
(6,8,3),
(7,13,1),
(8,3,6),
(8,6,11),
(9,12,1),
(10,5,3),
(10,9,1),
(11,1,12),
(11,8,1),
(11,9,2),
(11,11,2),
(12,5,5),
(13,5,2),
(13,8,9),
(13,10,1),
(13,11,1),
(14,1,8),
(14,6,8),
(14,13,5),
(15,2,8),
(15,13,10),
(16,10,2),
(17,2,12),
(17,10,2),
(18,6,7),
(18,7,1),
(18,12,2),
(19,5,8),
(19,7,1),
(19,12,1),
(19,13,4),
(20,10,1),
(21,3,7),
(21,6,5),
(21,10,2),
(22,3,11),
(22,10,1),
(22,15,12),
(23,1,2),
(23,3,10),
(23,8,9),
(24,11,1),
(25,3,4),
(25,10,1),
(25,13,12),
(26,1,10),
(26,8,8),
(26,12,1),
(26,13,9),
(27,3,8),
(27,15,10),
(28,1,10),
(28,12,1),
(29,6,12),
(29,15,3),
(30,3,8),
(31,10,1),
(32,7,5),
(33,4,11),
(33,6,1),
(34,1,2),
(34,15,1),
(35,5,12),
(35,8,8),
(35,9,1),
(35,13,4),
(36,4,7),
(36,5,5),
(36,9,1),
(37,1,3),
(37,4,10),
(37,7,10),
(37,15,6),
(38,2,11),
(38,5,11);
/*!40000 ALTER TABLE `order_item` ENABLE KEYS */;
UNLOCK TABLES;

--
-- Table structure for table `product`
--

DROP TABLE IF EXISTS `product`;
CREATE TABLE `product` (
  `product_id` int NOT NULL,
  `name` varchar(60) COLLATE utf8mb4_general_ci NOT NULL,
  `category` varchar(20) COLLATE utf8mb4_general_ci NOT NULL,
  `unit_price` decimal(6,2) NOT NULL,
  `weight_g` int DEFAULT NULL,
  `vegan` tinyint(1) NOT NULL DEFAULT '0',
  PRIMARY KEY (`product_id`)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_general_ci;

--
-- Dumping data for table `product`
--

LOCK TABLES `product` WRITE;
/*!40000 ALTER TABLE `product` DISABLE KEYS */;
INSERT INTO `product` VALUES (1,'Country Loaf','bread',4.20,800,1),
(2,'Rye Loaf','bread',4.60,750,1),
(3,'Baguette','bread',1.90,250,1),
(4,'Seed Roll','bread',0.95,90,1),
(5,'Butter Croissant','pastry',2.10,70,0),
(6,'Almond Croissant','pastry',2.75,95,0),
(7,'Cinnamon Bun','pastry',2.50,110,0),
(8,'Apple Turnover','pastry',2.65,120,1),
(9,'Carrot Cake','cake',24.00,1400,0),
(10,'Lemon Tart','cake',19.50,900,0),
(11,'Chocolate Torte','cake',28.00,1200,1),
(12,'Gift Card','other',15.00,NULL,0),
(13,'Oat Cookie','cookie',1.20,45,1),
(14,'Ginger Cookie','cookie',1.30,50,0),
(15,'Coffee Beans','other',9.80,250,1),
(16,'Sourdough Starter','other',3.00,NULL,1);
/*!40000 ALTER TABLE `product` ENABLE KEYS */;
UNLOCK TABLES;

--
-- Table structure for table `purchase`
--

DROP TABLE IF EXISTS `purchase`;
CREATE TABLE `purchase` (
  `order_id` int NOT NULL,
  `customer_id` int DEFAULT NULL,
  `ordered_on` date NOT NULL,
  `channel` varchar(10) COLLATE utf8mb4_general_ci NOT NULL,
  PRIMARY KEY (`order_id`),
  KEY `customer_id` (`customer_id`),
  CONSTRAINT `purchase_ibfk_1` FOREIGN KEY (`customer_id`) REFERENCES `customer` (`customer_id`)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_general_ci;

--
-- Dumping data for table `purchase`
--

LOCK TABLES `purchase` WRITE;
/*!40000 ALTER TABLE `purchase` DISABLE KEYS */;
INSERT INTO `purchase` VALUES (1,5,'2024-01-09','shop'),
(2,6,'2024-01-10','phone'),
(3,1,'2024-01-12','web'),
(4,12,'2024-01-14','shop'),
(5,NULL,'2024-01-16','web'),
(6,5,'2024-01-19','shop'),
(7,1,'2024-01-23','shop'),
(8,6,'2024-01-23','phone'),
(9,13,'2024-01-25','web'),
(10,5,'2024-01-27','phone'),
(11,4,'2024-01-27','web'),
(12,NULL,'2024-01-28','shop'),
(13,5,'2024-01-31','shop'),
(14,10,'2024-02-03','phone'),
(15,7,'2024-02-04','web'),
(16,12,'2024-02-06','web'),
(17,1,'2024-02-08','phone'),
(18,5,'2024-02-11','shop'),
(19,1,'2024-02-14','web'),
(20,NULL,'2024-02-18','shop'),
(21,2,'2024-02-22','phone'),
(22,5,'2024-02-23','shop'),
(23,7,'2024-02-24','shop'),
(24,9,'2024-02-26','web'),
(25,9,'2024-02-28','web'),
(26,4,'2024-02-29','shop'),
(27,NULL,'2024-03-04','shop'),
(28,13,'2024-03-07','web'),
(29,7,'2024-03-07','web'),
(30,2,'2024-03-08','shop'),
(31,1,'2024-03-09','shop'),
(32,1,'2024-03-13','web'),
(33,2,'2024-03-14','shop'),
(34,NULL,'2024-03-16','shop'),
(35,8,'2024-03-16','shop'),
(36,1,'2024-03-20','shop'),
(37,9,'2024-03-22','phone'),
(38,9,'2024-03-25','web');
/*!40000 ALTER TABLE `purchase` ENABLE KEYS */;
UNLOCK TABLES;

/*!40014 SET FOREIGN_KEY_CHECKS=@OLD_FOREIGN_KEY_CHECKS */;

