"""From what models wrote to commands: shapes as they stand in recordings, and those that older parsers got wrong."""

import json
import lzma
import os
import time
from collections import Counter
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from priors.intercode.actions import LONGEST, SKIP, SUBMIT, Language, bash_command, command, looks, same, sql_command

SQL_SHAPES = [
    ("SELECT name FROM singer", "SELECT name FROM singer"),
    ("SELECT name FROM singer;", "SELECT name FROM singer"),
    ("select Name from Singer where Country = 'France;x'", "select Name from Singer where Country = 'France;x'"),
    ("execute[SELECT Name FROM conductor ORDER BY Age ASC]", "SELECT Name FROM conductor ORDER BY Age ASC"),
    ("execute[SELECT a FROM b]\nObservation", "SELECT a FROM b"),
    ("execute[SELECT a FROM b; SELECT c FROM d]", "SELECT a FROM b"),
    (
        "Thought 12: I need [all] names\nAction 12: execute[SELECT n FROM t]\nObservation 12: [('x',)]",
        "SELECT n FROM t",
    ),
    ("execute[SELECT Model FROM car_names WHERE", None),
    ("execute[submit]", SUBMIT),
    ("submit", SUBMIT),
    ("Action 3: submit", SUBMIT),
    ("skip", SKIP),
    ("```sql\nSELECT AVG(age)\nFROM student\n```", "SELECT AVG(age)\nFROM student"),
    ("```SQL SELECT 1```", "SELECT 1"),
    ("Sure! Here it is:\n\n```\nSELECT a FROM b;\n```\nIt lists a.", "SELECT a FROM b"),
    ("```sql\nSELECT country FROM t", "SELECT country FROM t"),
    ('SELECT count(*) FROM t WHERE author = "Joseph" \n```', 'SELECT count(*) FROM t WHERE author = "Joseph"'),
    ("SELECT a FROM b \nMySQL Database Output:\n```\n+---+\n| a |\n```\nReward: 1.0", "SELECT a FROM b"),
    ("SELECT a FROM b \nThis query selects a from b; SELECT is a keyword.", "SELECT a FROM b"),
    ("SELECT a FROM b\n\nReward: 1.0\n\nExplanation:\nThe query", "SELECT a FROM b"),
    ("SELECT a FROM b\n\nUNION\n\nSELECT c FROM d", "SELECT a FROM b\n\nUNION\n\nSELECT c FROM d"),
    ("### Human: go on\n### Assistant: ```sql\nSELECT * FROM pets;", "SELECT * FROM pets"),
    ("SQL: SELECT a FROM b", "SELECT a FROM b"),
    ("The answer is: SELECT a FROM b", "SELECT a FROM b"),
    ("`SELECT a FROM b`", "SELECT a FROM b"),
    ("You could run `SELECT a FROM b` for that.", "SELECT a FROM b"),
    ("SELECT `a` FROM `b`", "SELECT `a` FROM `b`"),
    ("SELECT first\\_name FROM t WHERE x LIKE '%\\_%'", "SELECT first_name FROM t WHERE x LIKE '%\\_%'"),
    ("WITH t AS (SELECT 1 AS x) SELECT x FROM t", "WITH t AS (SELECT 1 AS x) SELECT x FROM t"),
    ("With the tables above we can go on.", None),
    ("DESCRIBE airports\nReward: 0.0\nMySQL Database Output: [('airports',)]", "DESCRIBE airports"),
    ("Describe the database schema for this task.", None),
    ("show tables", "show tables"),
    ("Show me the tables, please", None),
    ("USE world_1;", "USE world_1"),
    ("Use the country table for this", None),
    ("UPDATE t SET a = 1 WHERE b = 2", "UPDATE t SET a = 1 WHERE b = 2"),
    ("INSERT INTO t VALUES (1, 'a;b')", "INSERT INTO t VALUES (1, 'a;b')"),
    ("drop table t", "drop table t"),
    ("It seems that the query is correct. Can you confirm the names of the columns?", None),
    ("The `matches` table has information about matches.", None),
    ("### Human: 用中文回答\n### Assistant:", None),
    ("S", None),
    ("in ```.", None),
    ("", None),
]

BASH_SHAPES = [
    ("find /testbed -name '*.php' | wc -l", "find /testbed -name '*.php' | wc -l"),
    ("execute[find /system -name '*.TXT' -exec ls {} +]", "find /system -name '*.TXT' -exec ls {} +"),
    ('execute[test -d a && [ -f b ] && echo "[x]"]', 'test -d a && [ -f b ] && echo "[x]"'),
    ("execute[mkdir -p $(cat files.txt)]\nObservation", "mkdir -p $(cat files.txt)"),
    ("execute[tar -czvf /my", None),
    ("```BASH\nls /Testbed/DIR1\n```", "ls /Testbed/DIR1"),
    ("```bash cat /a | awk '{print $1}'\n```", "cat /a | awk '{print $1}'"),
    ("```\nfind . -type f\n```", "find . -type f"),
    ('```find . -name "a b"`', 'find . -name "a b"'),
    ("ls -lrt /workspace | grep foo  ```", "ls -lrt /workspace | grep foo"),
    ("`awk '{print $NF}' /workspace/dir1/long.txt`", "awk '{print $NF}' /workspace/dir1/long.txt"),
    ("It seems there is an issue. Run:\n\n```BASH\ncd /a\nls\n```\nThis lists a.", "cd /a\nls"),
    ("Try `grep -c x /a/b` instead.", "grep -c x /a/b"),
    ("Let us use the `find` command.", None),
    ("This command finds files. The `-type f` option says so.", None),
    ("ls -l /usr/bin  This command lists the directory.", "ls -l /usr/bin"),
    ("Command: ls -a", "ls -a"),
    ("bash: ls -a", "ls -a"),
    ("$ ls -a\n$ pwd", "ls -a\npwd"),
    ("FILES=$(ls); echo $FILES", "FILES=$(ls); echo $FILES"),
    ('for f in *; do echo "$f"; done', 'for f in *; do echo "$f"; done'),
    ("if [ ! -d /a ]; then\n  echo no\nfi", "if [ ! -d /a ]; then\n  echo no\nfi"),
    ("cat > a.txt <<EOF\nThe first line\nEOF", "cat > a.txt <<EOF\nThe first line\nEOF"),
    ("# only a remark", None),
    ("Great! Let me know if you have any other questions.", None),
    ("I apologize for the confusion.", None),
    ("you already are in the /system directory.", None),
    ("Let's find the files.", None),
    ("submit", SUBMIT),
    ("Thought 1: done\nAction 1: submit", SUBMIT),
    ("Thought 1: count the files\nls | wc -l", "ls | wc -l"),
    ("", None),
]


@pytest.mark.parametrize(("text", "expected"), SQL_SHAPES)
def test_sql_is_found_in_what_models_write(text: str, expected: str | None) -> None:
    assert sql_command(text) == expected


@pytest.mark.parametrize(("text", "expected"), BASH_SHAPES)
def test_shell_commands_are_found_in_what_models_write(text: str, expected: str | None) -> None:
    assert bash_command(text) == expected


@given(st.text(max_size=80), st.sampled_from(["sql", "bash"]))
def test_any_text_is_read_without_an_error_and_a_command_is_never_blank(text: str, language: Language) -> None:
    found = command(text, language)
    assert found is None or found.strip()


@given(st.sampled_from([text for _, text in SQL_SHAPES if text]))
def test_what_was_read_once_reads_the_same_again(text: str) -> None:
    assert sql_command(text) == text


@pytest.mark.parametrize("language", ["sql", "bash"])
def test_blanks_and_a_last_semicolon_make_no_other_command(language: Language) -> None:
    assert same("a  b\t'x  y' ; ", language) == same("a b 'x  y'", language)
    assert same("a 'x  y'", language) != same("a 'x y'", language)
    assert (same("a\nb", language) == same("a b", language)) == (language == "sql")


def test_the_end_of_exec_is_no_last_semicolon() -> None:
    assert same(r"find . -exec ls {} \;", "bash").endswith(r"\;")


@pytest.mark.parametrize(
    ("text", "language", "expected"),
    [
        ("show tables", "sql", True),
        ("DESC t", "sql", True),
        ("SELECT 1", "sql", False),
        ("ls", "bash", True),
        ("cd /a", "bash", True),
        ("cd /a && rm b", "bash", False),
        ("ls -l /a", "bash", False),
    ],
)
def test_looking_around_is_told_from_answering(text: str, language: Language, expected: bool) -> None:
    assert looks(text, language) is expected


@pytest.mark.parametrize("language", ["sql", "bash"])
@pytest.mark.parametrize(
    "text",
    [
        "DELETE" + " " * 9_000 + "x",
        "x SELECT " * 1_000,
        "SELECT a" + " " * 9_000 + "x FROM t",
        "x\n" + " " * 9_000 + "x",
        "UPDATE a\n" * 1_000,
    ],
    ids=["delete", "selects", "blanks", "indented", "updates"],
)
def test_repetitions_take_no_long_to_read(text: str, language: Language) -> None:
    started = time.process_time()
    command(text, language)
    assert time.process_time() - started < 1


def test_what_is_longer_than_any_turn_holds_no_command_not_a_part_of_one() -> None:
    longest = "echo " + "a" * (LONGEST - 5)
    assert command(longest, "bash") == longest
    assert command(longest + "a", "bash") is None


def test_every_recorded_action_falls_into_a_class() -> None:
    folder = Path(os.environ.get("SLINVIT_DATA", "")) / "intercode" / "recorded"
    if not os.environ.get("SLINVIT_DATA") or not folder.is_dir():
        assert not os.environ.get("CI"), "SLINVIT_DATA does not point at the data"
        pytest.skip("SLINVIT_DATA does not name a folder with intercode/recorded in it")
    classes: Counter[tuple[str, str]] = Counter()
    for file in sorted(folder.glob("*/*.jsonl.xz")):
        language: Language = "sql" if file.parent.name == "sql" else "bash"
        for line in lzma.decompress(file.read_bytes()).decode().splitlines():
            for text in json.loads(line)["actions"]:
                found = command(text, language)
                classes[language, found if found in (SUBMIT, SKIP) else "command" if found else "nothing"] += 1
    assert classes == {
        ("sql", "command"): 48881,
        ("sql", "submit"): 1034,
        ("sql", "nothing"): 1892,
        ("bash", "command"): 7705,
        ("bash", "submit"): 191,
        ("bash", "nothing"): 393,
    }
