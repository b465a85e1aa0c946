import os
import sqlite3
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest

from priors.remote.manners import Manners
from priors.remote.store import Bill, Permit, Store, Stored, Wait
from slinvit.errors import LimitReached, RecordError

ANSWER = Stored("score", "{}", 0, '{"log_probs":[]}', 200, 7, 3, 0.25)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    store = Store(tmp_path / "deep" / "store")
    yield store
    store.close()


def permit(store: Store, key: str = "k", manners: Manners | None = None) -> Permit:
    found = store.begin("url", key, manners or Manners(), tokens=100, usd=1.0)
    assert isinstance(found, Permit)
    return found


def test_a_request_is_billed_at_its_worst_until_it_is_answered(store: Store) -> None:
    first = permit(store)
    assert store.bill("") == Bill(1, 100.0, 1.0)
    assert store.outcomes() == {"unknown": 1}
    store.save("url", "k", first, ANSWER)
    assert store.bill("") == Bill(1, 10.0, 0.25)
    assert store.begin("url", "k", Manners(), tokens=100, usd=1.0) == ANSWER == store.find("url", "k")
    assert store.find("elsewhere", "k") is None


def test_a_refused_request_costs_nothing_and_a_lost_one_its_worst(store: Store) -> None:
    store.end(permit(store), "429", free=True)
    store.end(permit(store), "lost", free=False)
    assert store.bill("") == Bill(2, 100.0, 1.0)
    assert store.outcomes() == {"429": 1, "lost": 1}


def test_who_asks_what_is_being_asked_waits_unless_the_other_is_dead_or_too_slow(store: Store, tmp_path: Path) -> None:
    permit(store)
    assert isinstance(store.begin("url", "k", Manners(), tokens=1, usd=0.0), Wait)
    assert isinstance(store.begin("url", "k", Manners(timeout=1e-9), tokens=1, usd=0.0), Permit)
    connection = sqlite3.connect(tmp_path / "deep" / "store")
    with connection:
        connection.execute("UPDATE attempts SET owner = ?", (2**22 + 1,))
    connection.close()
    permit(store)


def test_a_refusal_is_kept_but_asked_again(store: Store) -> None:
    store.save("url", "k", permit(store), Stored("score", "{}", 0, "{}", 400))
    permit(store)
    found = store.find("url", "k")
    assert found is not None
    assert found.status == 400


def test_a_limit_books_nothing(store: Store) -> None:
    manners = Manners(max_usd=1.5)
    permit(store, "a", manners)
    with pytest.raises(
        LimitReached, match=r"--max-usd 1\.5 is reached: 1 spent so far, and the next request may take 1;"
    ):
        permit(store, "b", manners)
    assert store.bill("").requests == 1


def test_what_is_kept_can_be_read_where_nothing_can_be_written(store: Store, tmp_path: Path) -> None:
    store.save("url", "k", permit(store), ANSWER)
    store.close()
    folder = tmp_path / "deep"
    folder.chmod(stat.S_IRUSR | stat.S_IXUSR)
    try:
        again = Store(folder / "store", read_only=True)
        assert list(again.entries("score")) == [ANSWER]
        assert list(again.entries("chat")) == []
        assert again.backends() == ["url"]
        with pytest.raises(sqlite3.OperationalError):
            again.end(Permit(1, 0, 0), "x", free=True)
        again.close()
    finally:
        folder.chmod(stat.S_IRWXU)


@pytest.mark.parametrize("content", [None, b"", b"no database, but long enough to be seen as none\n" * 99])
def test_what_is_no_store_is_refused_by_name(tmp_path: Path, content: bytes | None) -> None:
    file = tmp_path / "file"
    if content is not None:
        file.write_bytes(content)
    with pytest.raises(RecordError, match=str(file)):
        Store(file, read_only=True)


def test_a_store_of_another_version_is_refused(store: Store, tmp_path: Path) -> None:
    store.close()
    connection = sqlite3.connect(tmp_path / "deep" / "store")
    connection.execute("PRAGMA user_version = 99")
    connection.close()
    with pytest.raises(RecordError, match="version 99; this program reads version 1"):
        Store(tmp_path / "deep" / "store")


def test_a_place_where_nothing_can_be_written_is_named() -> None:
    with pytest.raises(RecordError, match=f"{os.sep}dev{os.sep}null"):
        Store(Path("/dev/null/store"))
