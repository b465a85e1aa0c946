import json
import lzma
import os
from pathlib import Path

import pytest

from envs.intercode.layout import BashSource, find, official
from slinvit import InputError


def touch(root: Path, *names: str) -> None:
    for name in names:
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("[]")


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    touch(
        tmp_path,
        "data/sql/spider/ic_spider_dev.json",
        "data/sql/spider/ic_spider_dbs.sql",
        "data/nl2bash/nl2bash_fs_1.json",
        "data/nl2bash/nl2bash_fs_2.json",
        "docker/bash_scripts/setup_nl2b_fs_1.sh",
        "docker/bash_scripts/setup_nl2b_fs_2.sh",
        "docker/docker.gitignore",
    )
    return tmp_path


@pytest.mark.parametrize("place", ["", "data"])
def test_the_official_repository_and_its_data_folder_are_recognised(repository: Path, place: str) -> None:
    layout = find(repository / place)
    sql = repository / "data/sql/spider"
    assert layout.sql() == (sql / "ic_spider_dev.json", sql / "ic_spider_dbs.sql")
    scripts, bash = repository / "docker/bash_scripts", repository / "data/nl2bash"
    assert [(each.number, each.tasks.resolve(), each.tree.resolve()) for each in layout.trees()] == [
        (n, bash / f"nl2bash_fs_{n}.json", scripts / f"setup_nl2b_fs_{n}.sh") for n in (1, 2)
    ]
    assert all(each.gitignore == repository / "docker/docker.gitignore" for each in layout.trees())


@pytest.mark.parametrize("place", ["", "intercode", "intercode/sql", "intercode/bash"])
def test_a_folder_of_data_sets_its_parts_and_its_parent_are_recognised(tmp_path: Path, place: str) -> None:
    touch(tmp_path, "intercode/sql/ic_spider_dev.json", "intercode/sql/ic_spider_dbs.sql.xz")
    touch(tmp_path, "intercode/bash/nl2bash_fs_3.json", "intercode/bash/fs_3.tar.xz")
    layout = find(tmp_path / place)
    if not place.endswith("bash"):
        assert layout.sql()[1].name == "ic_spider_dbs.sql.xz"
    if not place.endswith("sql"):
        folder = tmp_path / "intercode/bash"
        assert layout.trees() == (BashSource(3, folder / "nl2bash_fs_3.json", folder / "fs_3.tar.xz"),)


def test_our_own_sets_are_recognised_with_both_kinds_under_the_same_name(tmp_path: Path) -> None:
    touch(tmp_path, "sql/tasks.json", "sql/databases.sql", "bash/tasks.json", "bash/tree.json")
    layout = find(tmp_path)
    assert layout.sql() == (tmp_path / "sql/tasks.json", tmp_path / "sql/databases.sql")
    assert layout.trees() == (BashSource(1, tmp_path / "bash/tasks.json", tmp_path / "bash/tree.json"),)
    with pytest.raises(InputError, match="no SQL tasks"):
        find(tmp_path / "bash").sql()


def test_a_single_list_has_the_rest_beside_it(tmp_path: Path) -> None:
    touch(tmp_path, "mine.json", "shop.sql", "nl2bash_fs_7.json", "fs_7/readme")
    assert find(tmp_path / "mine.json").sql() == (tmp_path / "mine.json", tmp_path / "shop.sql")
    assert find(tmp_path / "nl2bash_fs_7.json").trees()[0].tree == tmp_path / "fs_7"


def test_a_list_without_its_dump_or_tree_says_what_is_missing(tmp_path: Path) -> None:
    touch(tmp_path, "sql/ic_spider_dev.json", "bash/nl2bash_fs_1.json")
    with pytest.raises(InputError, match=r"no dump .* beside .*ic_spider_dev\.json"):
        find(tmp_path).sql()
    with pytest.raises(InputError, match=r"no file system for .*nl2bash_fs_1\.json: expected fs_N\.tar\.xz"):
        find(tmp_path).trees()


@pytest.mark.parametrize("name", ["", "missing", "notes.txt"])
def test_a_place_without_tasks_is_an_error_that_acts(tmp_path: Path, name: str) -> None:
    touch(tmp_path, "notes.txt")
    with pytest.raises(InputError, match=r"slinvit data get intercode|does not exist|expected a folder"):
        find(tmp_path / name)


def test_the_official_tasks_are_found_where_data_are(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "home"))
    monkeypatch.delenv("SLINVIT_DATA", raising=False)
    with pytest.raises(InputError, match="SLINVIT_DATA not set"):
        official()
    monkeypatch.setenv("SLINVIT_DATA", str(tmp_path))
    (tmp_path / "intercode").mkdir()
    assert official() == tmp_path / "intercode"


def test_the_real_data_are_laid_out_as_expected() -> None:
    root = Path(os.environ.get("SLINVIT_DATA", "missing"))
    if not (root / "intercode").is_dir():
        reason = "needs $SLINVIT_DATA/intercode"
        pytest.fail(reason) if os.environ.get("CI") else pytest.skip(reason)
    tasks, dump = find(root).sql()
    assert len(json.loads(tasks.read_text())) == 812
    with lzma.open(dump, "rt", encoding="utf-8") as text:
        assert "CREATE TABLE" in text.read(100_000)
    assert [each.number for each in find(root / "intercode").trees()] == [1, 2, 3]
