from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest
from tenacity import AsyncRetrying, Future, RetryCallState

from priors.remote.retry import LONGEST_PAUSE, RemoteError, is_passing, pause, retry_after


@pytest.mark.parametrize("status", [408, 409, 429, 500, 502, 503, 504, 529])
def test_what_may_pass_is_tried_again(status: int) -> None:
    assert is_passing(status, {"message": "later"})


@pytest.mark.parametrize("status", [400, 401, 403, 404, 413, 422, 501])
def test_what_does_not_pass_is_not(status: int) -> None:
    assert not is_passing(status, None)


def test_an_empty_account_does_not_fill_up_by_waiting() -> None:
    assert not is_passing(429, {"code": "insufficient_quota"})


def test_retry_after_is_read_in_all_its_forms() -> None:
    assert retry_after({"retry-after": "2.5"}) == 2.5
    assert retry_after({"retry-after-ms": "1500", "retry-after": "9"}) == 1.5
    later = format_datetime(datetime.now(UTC) + timedelta(seconds=60), usegmt=True)
    assert retry_after({"retry-after": later}) == pytest.approx(60, abs=2)
    assert retry_after({}) is None
    assert retry_after({"retry-after": "soon"}) is None


@pytest.mark.parametrize("asked", [None, 3.0])
def test_pauses_double_with_jitter_up_to_the_longest_on_top_of_what_is_asked_for(asked: float | None) -> None:
    for attempt in range(1, 12):
        state = RetryCallState(AsyncRetrying(), None, (), {})
        state.attempt_number = attempt
        state.outcome = Future(attempt)
        state.outcome.set_exception(RemoteError("x", retry_after=asked))
        ceiling = min(0.5 * 2 ** (attempt - 1), LONGEST_PAUSE)
        seconds = [pause(0.5)(state) - (asked or 0.0) for _ in range(20)]
        assert ceiling / 2 <= min(seconds) < max(seconds) <= ceiling
