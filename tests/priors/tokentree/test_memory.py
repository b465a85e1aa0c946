import pytest
import torch

from priors.tokentree.memory import is_out_of_memory, parse_bytes, sane_share, shown
from slinvit.errors import InputError


@pytest.mark.parametrize(
    ("text", "count"),
    [("2GiB", 2 << 30), ("500MB", 500_000_000), ("1.5 MiB", 3 << 19), ("64kib", 1 << 16), ("77", 77), ("77B", 77)],
)
def test_sizes_are_read_with_their_units(text: str, count: int) -> None:
    assert parse_bytes(text) == count


@pytest.mark.parametrize("text", ["", "much", "-1GiB", "2 GB of it", "1TiB"])
def test_what_is_no_size_is_named(text: str) -> None:
    with pytest.raises(InputError, match="must be a number of bytes such as 500MB or 2GiB"):
        parse_bytes(text)


def test_sizes_are_shown_in_the_unit_that_reads_best() -> None:
    assert [shown(3 << 30), shown(1 << 19)] == ["3.0 GiB", "0.5 MiB"]


def test_the_default_is_a_share_of_the_machine() -> None:
    assert 1 << 26 < sane_share(torch.device("cpu")) < 1 << 44


def test_only_a_refused_allocation_is_out_of_memory() -> None:
    with pytest.raises(RuntimeError) as caught:
        torch.empty(1 << 60)
    assert is_out_of_memory(caught.value)
    assert is_out_of_memory(MemoryError("Unable to allocate 7 TiB"))
    assert not is_out_of_memory(RuntimeError("shapes cannot be multiplied"))
