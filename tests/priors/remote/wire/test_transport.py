import json
import pickle
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from priors.remote.store import Store
from priors.remote.transport import RemoteError, Request, Transport
from slinvit.budget import Budget
from slinvit.errors import InputError, LimitReached, PriorError

Connect = Callable[..., Transport]
Score = Callable[..., Request]


def test_answers_come_back_in_order_and_equal_requests_are_sent_once(
    upstream: Any, connect: Connect, score: Score, expected: Callable[[Request], Any]
) -> None:
    requests = [score(f"prompt {i % 7}") for i in range(20)]
    budget = Budget()
    answers = connect(upstream.url).complete(requests, budget=budget)
    assert [answer.json() for answer in answers] == [expected(request) for request in requests]
    assert len(upstream.asked) == 7
    assert budget.ledger().prompt_tokens == sum(len(f"prompt {i % 7}") for i in range(20))
    assert budget.ledger().llm_calls == 0


def test_an_answer_is_asked_for_once_whatever_becomes_of_the_process(
    upstream: Any, connect: Connect, score: Score, tmp_path: Path
) -> None:
    requests = [score(f"prompt {i}") for i in range(5)]
    first, second = Budget(), Budget()
    fresh = connect(upstream.url, record=tmp_path / "store").complete(requests, budget=first)
    again = connect(upstream.url, record=tmp_path / "store").complete(requests, budget=second)
    assert [each.body for each in again] == [each.body for each in fresh]
    assert [each.from_store for each in fresh + again] == [False] * 5 + [True] * 5
    assert len(upstream.asked) == 5
    assert replace(first.ledger(), seconds=0.0) == replace(second.ledger(), seconds=0.0)


def test_draws_of_one_request_are_different_answers(
    upstream: Any, connect: Connect, score: Score, tmp_path: Path
) -> None:
    transport = connect(upstream.url, record=tmp_path / "store")
    transport.complete([score("p", draw=1), score("p", draw=2), score("p", draw=1)], budget=Budget())
    assert len(upstream.asked) == 2


def test_other_servers_have_other_answers(
    upstream: Any, proxy: Any, connect: Connect, score: Score, tmp_path: Path
) -> None:
    for server in (upstream, proxy):
        connect(server.url, record=tmp_path / "store").complete([score("p")], budget=Budget())
    assert len(proxy.asked) == 1


def test_a_refusal_is_an_error_with_status_and_reason_and_is_not_repeated(upstream: Any, connect: Connect) -> None:
    request = Request.of("score", {"model": "other", "prompt": "p", "candidates": ["a"]})
    with pytest.raises(RemoteError, match="HTTP 404: no model other") as caught:
        connect(upstream.url).complete([request], budget=Budget())
    assert caught.value.status == 404
    assert len(upstream.asked) == 1


def test_what_arrived_before_a_failure_is_kept_and_what_comes_after_is_not_sent(
    upstream: Any, connect: Connect, score: Score, tmp_path: Path
) -> None:
    bad = Request.of("score", {"model": "other", "prompt": "p", "candidates": ["a"]})
    requests = [score("one"), score("two"), bad, score("three"), score("four")]
    with pytest.raises(RemoteError):
        connect(upstream.url, record=tmp_path / "store", concurrency=1).complete(requests, budget=Budget())
    assert len(upstream.asked) == 3
    store = Store(tmp_path / "store", read_only=True)
    assert sorted(entry.status for entry in store.entries()) == [200, 200, 404]
    store.close()


@pytest.mark.parametrize(
    "fault", ["cut", "truncated", "429", "500", "503", "garbage", "html", "counts", "usage", "choices"]
)
def test_every_fault_is_retried_and_named_in_error_and_store(
    proxy: Any, connect: Connect, score: Score, tmp_path: Path, fault: str
) -> None:
    proxy.rate, proxy.kinds = 1.0, (fault,)
    transport = connect(proxy.url, attempts=3, record=tmp_path / "store")
    with pytest.raises(RemoteError, match="gave up after 3 attempts: http") as caught:
        transport.complete([score("p", "a", "b", "c")], budget=Budget())
    said = {
        "cut": "no connection",
        "truncated": "no connection",
        "429": "HTTP 429: slow down",
        "500": "HTTP 500: out of order",
        "503": "HTTP 503: out of order",
        "garbage": "not JSON",
        "html": "not JSON",
        "counts": "2 scores for 3 candidates",
        "usage": "a usage of 10000000 prompt tokens",
        "choices": "1 scores for 3 candidates",
    }
    assert said[fault] in str(caught.value)
    noted = {"cut": "disconnected", "truncated": "closed connection", "429": "429", "500": "500", "503": "503"}
    store = Store(tmp_path / "store", read_only=True)
    ((outcome, count),) = store.outcomes().items()
    store.close()
    assert count == 3
    assert noted.get(fault, said[fault]) in outcome
    assert "\n" not in str(caught.value)
    assert len(proxy.asked) == 3


def test_a_server_that_is_not_there_is_named(connect: Connect, score: Score) -> None:
    with pytest.raises(RemoteError, match=r"gave up after 2 attempts: http://127.0.0.1:9/v1/score: no connection"):
        connect("http://127.0.0.1:9/v1", attempts=2).complete([score("p")], budget=Budget())


def test_an_answer_that_takes_too_long_is_given_up(upstream: Any, connect: Connect, score: Score) -> None:
    upstream.delay = 1.0
    with pytest.raises(RemoteError, match="no answer in time"):
        connect(upstream.url, timeout=0.1, attempts=1).complete([score("p")], budget=Budget())


def test_retry_after_is_waited_for_by_all_and_too_long_a_wait_is_an_error(
    proxy: Any, connect: Connect, score: Score
) -> None:
    proxy.rate, proxy.kinds = 1.0, ("429",)
    with pytest.raises(RemoteError, match="HTTP 429"):
        connect(proxy.url, patience=0.01).complete([score("p")], budget=Budget())
    assert len(proxy.asked) == 1


def test_an_answer_that_the_caller_finds_wrong_is_asked_again_and_not_kept(
    upstream: Any, connect: Connect, score: Score, tmp_path: Path
) -> None:
    seen: list[Any] = []

    def check(request: Request, body: Any) -> None:
        seen.append(body)
        if len(seen) < 3:
            raise PriorError("I do not like it")

    connect(upstream.url, record=tmp_path / "store").complete([score("p")], budget=Budget(), check=check)
    assert len(seen) == len(upstream.asked) == 3
    with pytest.raises(RemoteError, match="never"):
        connect(upstream.url, attempts=2).complete([score("p")], budget=Budget(), check=_never)


def _never(request: Request, body: Any) -> None:
    raise PriorError("never")


def test_no_more_requests_are_under_way_than_allowed_and_as_many_as_allowed(
    upstream: Any, connect: Connect, score: Score
) -> None:
    upstream.delay = 0.05
    requests = [score(f"{i}") for i in range(12)]
    started = time.monotonic()
    connect(upstream.url, concurrency=4).complete(requests, budget=Budget())
    assert time.monotonic() - started >= 3 * 0.05
    assert threading.active_count() < 60


def test_requests_per_minute_are_kept(
    upstream: Any, connect: Connect, score: Score, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("priors.remote.store.MINUTE", 0.5)
    started = time.monotonic()
    connect(upstream.url, rpm=3).complete([score(f"{i}") for i in range(9)], budget=Budget())
    assert time.monotonic() - started >= 2 * 0.5


def test_tokens_per_minute_are_kept_by_worst_case_before_and_by_usage_after(
    upstream: Any, connect: Connect, score: Score, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("priors.remote.store.MINUTE", 0.5)
    started = time.monotonic()
    transport = connect(upstream.url, tpm=300, concurrency=1)
    transport.complete([score(100 * str(i)) for i in range(3)], budget=Budget())
    assert time.monotonic() - started >= 0.5


@pytest.mark.parametrize(
    # At worst a request takes 100 + 2 * 1 bytes and 3 * 64 tokens around them, 294; really it takes 100.
    ("limit", "sent"),
    [({"max_requests": 4}, 4), ({"max_tokens": 993}, 7), ({"max_tokens": 994}, 8), ({"max_tokens": 10}, 0)],
)
def test_a_hard_limit_is_never_passed_and_says_which_it_is(
    upstream: Any, connect: Connect, score: Score, tmp_path: Path, limit: dict[str, float], sent: int
) -> None:
    transport = connect(upstream.url, record=tmp_path / "store", concurrency=1, run="r", **limit)
    (name,) = limit
    with pytest.raises(LimitReached, match=f"--{name.replace('_', '-')} .* is reached"):
        transport.complete([score(100 * chr(65 + i)) for i in range(9)], budget=Budget())
    assert len(upstream.asked) == sent
    transport.close()
    store = Store(tmp_path / "store", read_only=True)
    assert store.bill("r").requests == sent
    assert store.bill("r").tokens == 100 * sent <= limit.get("max_tokens", 1e9)
    store.close()


def test_the_bill_of_a_run_outlives_its_processes(
    upstream: Any, connect: Connect, score: Score, tmp_path: Path
) -> None:
    for i in range(3):
        transport = connect(upstream.url, record=tmp_path / "store", run="r", max_requests=3)
        transport.complete([score(f"{i}")], budget=Budget())
    with pytest.raises(LimitReached):
        transport.complete([score("one more")], budget=Budget())
    other = connect(upstream.url, record=tmp_path / "store", run="another", max_requests=3)
    other.complete([score("one more")], budget=Budget())


def test_prices_are_booked_and_limited(upstream: Any, connect: Connect, score: Score, tmp_path: Path) -> None:
    table = tmp_path / "prices.yaml"
    table.write_text("toy: {input: 10.0, output: 20.0}\n", encoding="utf-8")
    budget = Budget()
    (answer,) = connect(upstream.url, prices=table).complete([score("four")], budget=budget)
    assert budget.ledger().usd == answer.usd == pytest.approx(4 * 10.0 / 1e6)
    with pytest.raises(LimitReached, match="--max-usd 1e-05 is reached"):
        connect(upstream.url, prices=table, max_usd=1e-5).complete([score("p")], budget=Budget())


def test_a_limit_on_usd_needs_a_price(connect: Connect, score: Score) -> None:
    with pytest.raises(InputError, match="--max-usd needs the price of the model 'toy', which is not known"):
        connect("https://models.invalid/v1", max_usd=1.0).complete([score("p")], budget=Budget())


def test_a_transport_works_in_a_running_event_loop_and_pickles_closed(
    upstream: Any, connect: Connect, score: Score
) -> None:
    import asyncio

    transport = connect(upstream.url)

    async def inside() -> Any:
        return transport.complete([score("p")], budget=Budget())

    (answer,) = asyncio.run(inside())
    with pickle.loads(pickle.dumps(transport)) as clone:
        assert clone.complete([score("p")], budget=Budget())[0].json() == answer.json()
    assert transport.complete([], budget=Budget()) == []


def test_two_processes_worth_of_transports_ask_the_same_once(
    upstream: Any, connect: Connect, score: Score, tmp_path: Path
) -> None:
    upstream.delay = 0.1
    transports = [connect(upstream.url, record=tmp_path / "store") for _ in range(2)]
    threads = [
        threading.Thread(target=each.complete, args=([score("p"), score("q")],), kwargs={"budget": Budget()})
        for each in transports
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(upstream.asked) == 2


def test_the_models_of_a_server_can_be_read(upstream: Any, connect: Connect) -> None:
    (answer,) = connect(upstream.url).complete([Request.of("models", {})], budget=Budget())
    assert json.loads(answer.body) == {"data": [{"id": "toy"}]}
