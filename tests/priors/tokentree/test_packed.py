"""Whatever was asked before, together, in whatever order and memory: the numbers are those of plain forwards."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from transformers import PreTrainedModel

from priors.tokentree import packing
from priors.tokentree.packed import PackedEngine
from priors.tokentree.requests import Answer, Request
from slinvit.errors import InputError, TooLong
from slinvit.types import FloatArray

Make = Callable[..., PreTrainedModel]
Plain = Callable[[PreTrainedModel, Request], FloatArray]

BYTES_PER_TOKEN = 2 * 2 * 16 * 4  # keys and values, 2 layers, 1 head of 16, float32
AMPLE = 1 << 20
TOKEN = st.integers(0, 2)  # few, so that texts share beginnings
REQUEST = st.builds(
    Request,
    st.lists(TOKEN, min_size=1, max_size=12),
    st.lists(st.lists(TOKEN, min_size=1, max_size=4), min_size=1, max_size=5),
)
CALLS = st.lists(st.lists(REQUEST, min_size=1, max_size=4), min_size=1, max_size=5)
RELAXED = settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


def engine_of(model: PreTrainedModel, tokens: int = AMPLE // BYTES_PER_TOKEN, waste: int | None = None) -> PackedEngine:
    engine = PackedEngine(model, layers=2, bytes_per_token=BYTES_PER_TOKEN, memory=tokens * BYTES_PER_TOKEN)
    if waste is not None:
        engine._waste = waste
    return engine


def search_tree(rng: np.random.Generator, depth: int, breadth: int, header: int = 60) -> list[list[Request]]:
    """Return the requests of a lookahead tree, depth by depth; a child adds its action and an observation."""

    def node(prompt: list[int]) -> Request:
        actions = [[*rng.integers(0, 8, rng.integers(1, 4)).tolist(), 10 + i, 9] for i in range(6)]
        return Request(prompt, actions)

    frontier = [node(rng.integers(0, 100, header).tolist())]
    levels = [frontier]
    for _ in range(depth):
        children = [(parent, parent.tails[i]) for parent in frontier for i in range(breadth)]
        frontier = [node([*parent.prompt, *action, *rng.integers(0, 100, 7).tolist()]) for parent, action in children]
        levels.append(frontier)
    return levels


@RELAXED
@given(calls=CALLS, tokens=st.sampled_from([15, 20, 40, 1000]), waste=st.sampled_from([0, 200, 1 << 16]))
def test_any_interleaving_in_any_memory_equals_plain_forwards(
    calls: list[list[Request]], tokens: int, waste: int, model: Make, plain: Plain
) -> None:
    engine = engine_of(model("llama"), tokens, waste)
    for requests in calls:
        before = engine.counters().forwarded
        answers = engine.score(requests)
        for request, answer in zip(requests, answers, strict=True):
            np.testing.assert_allclose(answer.log_probs, plain(model("llama"), request), atol=1e-4)
        assert sum(answer.tokens_forwarded for answer in answers) == engine.counters().forwarded - before


@RELAXED
@given(requests=st.lists(REQUEST, min_size=1, max_size=5), data=st.data())
def test_the_order_of_requests_and_candidates_does_not_matter(
    requests: list[Request], data: st.DataObject, model: Make
) -> None:
    expected = [answer.log_probs for answer in engine_of(model("gpt2")).score(requests)]
    order = data.draw(st.permutations(range(len(requests))))
    tails = [data.draw(st.permutations(range(len(requests[i].tails)))) for i in order]
    shuffled = [
        Request(requests[i].prompt, [requests[i].tails[j] for j in js]) for i, js in zip(order, tails, strict=True)
    ]
    for i, js, answer in zip(order, tails, engine_of(model("gpt2")).score(shuffled), strict=True):
        np.testing.assert_allclose(answer.log_probs, expected[i][js], atol=1e-4)


@RELAXED
@given(calls=CALLS, tokens=st.sampled_from([15, 20, 40]))
def test_distinct_tokens_do_not_depend_on_the_memory(calls: list[list[Request]], tokens: int, model: Make) -> None:
    scarce, ample = engine_of(model("llama"), tokens), engine_of(model("llama"))
    for requests in calls:
        scarce.score(requests)
        ample.score(requests)
    assert scarce.counters().distinct == ample.counters().distinct
    texts = {tuple(r.prompt[:i]) for rs in calls for r in rs for i in range(1, len(r.prompt) + 1)}
    texts |= {(*r.prompt, *tail[:i]) for rs in calls for r in rs for tail in r.tails for i in range(1, len(tail))}
    assert ample.counters().distinct == len(texts)


@pytest.mark.parametrize(("depth", "breadth"), [(2, 2), (3, 3)])
@pytest.mark.parametrize("episodes", [1, 3])
def test_search_trees_forward_every_distinct_token_once(
    depth: int, breadth: int, episodes: int, model: Make, plain: Plain
) -> None:
    rng = np.random.default_rng([depth, breadth, episodes])
    trees = [search_tree(rng, depth, breadth) for _ in range(episodes)]
    engine = engine_of(model("qwen2"), tokens=1 << 16)
    for level in zip(*trees, strict=True):
        requests = [request for frontier in level for request in frontier]
        for request, answer in zip(requests, engine.score(requests), strict=True):
            np.testing.assert_allclose(answer.log_probs, plain(model("qwen2"), request), atol=1e-4)
    assert engine.counters().forwarded == engine.counters().distinct


def test_a_child_forwards_its_observation_and_candidates_only(model: Make) -> None:
    (root,), (child,) = search_tree(np.random.default_rng(0), depth=1, breadth=1)
    engine = engine_of(model("llama"))
    engine.score([root])
    (answer,) = engine.score([Request(child.prompt, [[1], [2]])])
    assert answer.tokens_forwarded == 1 + 7  # the action's last token was a candidate's last, never needed before


def test_what_was_scored_before_costs_nothing(model: Make) -> None:
    engine = engine_of(model("llama"))
    request = Request([1, 2, 3], [[4, 5], [6]])
    (first,), (second,) = engine.score([request]), engine.score([request])
    np.testing.assert_array_equal(first.log_probs, second.log_probs)
    assert second.tokens_forwarded == 0
    (other,) = engine.score([Request([1, 2, 3], [[7], [8]])])
    assert other.tokens_forwarded == 1, "the last token of the prompt, to read something else behind it"


def test_a_token_that_several_requests_need_is_charged_to_the_first(model: Make) -> None:
    first, second = engine_of(model("llama")).score([Request([1, 2, 3], [[4]]), Request([1, 2, 5], [[4]])])
    assert (first.tokens_forwarded, second.tokens_forwarded) == (3, 1)


def test_a_long_new_prompt_goes_through_the_causal_kernel(
    model: Make, plain: Plain, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(packing, "MOST_TOKENS", 16)
    rng = np.random.default_rng(0)
    long = rng.integers(0, 100, packing.CAUSAL_TOKENS + 10).tolist()
    requests = [Request(long, [[1, 2], [1, 3]]), Request([*long[:100], *rng.integers(0, 100, 50).tolist()], [[1, 2]])]
    for kind in ("llama", "gpt2"):
        for attention in ("sdpa", "eager"):
            answers = engine_of(model(kind, attention), tokens=1000).score(requests)
            for request, answer in zip(requests, answers, strict=True):
                np.testing.assert_allclose(answer.log_probs, plain(model(kind), request), atol=1e-4)


def test_a_cleared_engine_gives_the_same_bits_as_a_new_one(model: Make) -> None:
    levels = search_tree(np.random.default_rng(1), depth=2, breadth=2)

    def run(engine: PackedEngine) -> list[FloatArray]:
        return [answer.log_probs for level in levels for answer in engine.score(level)]

    used = engine_of(model("llama"))
    expected = run(used)
    used.score([Request([7] * 300, [[1]])])
    used.clear()
    assert used.counters().forwarded == 0
    for given_, new, wanted in zip(run(used), run(engine_of(model("llama"))), expected, strict=True):
        np.testing.assert_array_equal(given_, wanted)
        np.testing.assert_array_equal(new, wanted)


def test_a_text_that_does_not_fit_says_how_much_memory_it_needs(model: Make) -> None:
    engine = engine_of(model("llama"), tokens=10)
    with pytest.raises(TooLong, match=r"a text of 12 tokens needs .* memory limit is .* memory=") as caught:
        engine.score([Request([2] * 5, [[1, 2]]), Request([1] * 11, [[1, 2]])])
    assert engine.counters().forwarded == 0, "nothing is forwarded for a call that must fail"
    with pytest.raises(TooLong, match="a text of 11 tokens"):
        engine.next_token([[2] * 5, [1] * 11])
    assert engine.counters().forwarded == 0
    assert "\n" not in str(caught.value)
    assert len(engine.score([Request([1] * 9, [[1, 2], [3, 4], [5, 6]])])[0].log_probs) == 3


def failing(model: PreTrainedModel, monkeypatch: pytest.MonkeyPatch, error: Exception, most: int) -> list[int]:
    """Make forwards of more than ``most`` tokens raise ``error``; return the list of forwards that were tried."""
    forward, tried = model.forward, []

    def limited(*args: Any, **kwargs: Any) -> Any:
        tried.append(kwargs["input_ids"].numel())
        if tried[-1] > most:
            raise error
        return forward(*args, **kwargs)

    monkeypatch.setattr(model, "forward", limited)
    return tried


@pytest.mark.parametrize(
    "error",
    [torch.OutOfMemoryError("CUDA out of memory."), RuntimeError("DefaultCPUAllocator: not enough memory: you tried")],
)
def test_out_of_memory_halves_the_forward_and_goes_on(
    error: Exception, model: Make, plain: Plain, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = model("llama")
    requests = [*search_tree(np.random.default_rng(2), 0, 0)[0], Request(list(range(100)) * 3, [[1, 2]])]
    expected = [plain(asked, request) for request in requests]
    tried = failing(asked, monkeypatch, error, most=50)
    answers = engine_of(asked).score(requests)
    assert max(tried) > 50
    for answer, wanted in zip(answers, expected, strict=True):
        np.testing.assert_allclose(answer.log_probs, wanted, atol=1e-4)


def test_no_memory_for_a_single_token_is_an_error_that_acts(model: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    failing(model("llama"), monkeypatch, torch.OutOfMemoryError("CUDA out of memory."), most=0)
    with pytest.raises(TooLong, match="memory="):
        engine_of(model("llama")).score([Request([1, 2], [[3, 4]])])


@pytest.mark.parametrize("most", [300, 500, 700])
def test_a_store_that_cannot_double_takes_what_it_needs_and_then_what_it_has(
    most: int, model: Make, plain: Plain, monkeypatch: pytest.MonkeyPatch
) -> None:
    engine, zeros = engine_of(model("llama"), tokens=5000), torch.Tensor.new_zeros

    def limited(self: torch.Tensor, *shape: int) -> torch.Tensor:
        if len(shape) == 4 and shape[2] > most:
            raise torch.OutOfMemoryError("CUDA out of memory.")
        return zeros(self, *shape)

    monkeypatch.setattr(torch.Tensor, "new_zeros", limited)
    rng = np.random.default_rng(0)
    for _ in range(3):
        requests = [Request(rng.integers(0, 100, 120).tolist(), [[1, 2, 3], [4, 5]]) for _ in range(3)]
        for request, answer in zip(requests, engine.score(requests), strict=True):
            np.testing.assert_allclose(answer.log_probs, plain(model("llama"), request), atol=1e-4)
    assert 128 < engine._tree.capacity <= most
    before = engine.counters().forwarded
    with pytest.raises(TooLong, match="a text of 1000 tokens"):
        engine.score([Request([1] * 1000, [[1]])])
    assert engine.counters().forwarded == before


def test_a_request_without_a_prompt_or_tails_is_refused() -> None:
    for prompt, tails in (([], [[1]]), ([1], []), ([1], [[2], []])):
        with pytest.raises(InputError, match="needs a prompt"):
            Request(prompt, tails)


def test_room_for_an_early_request_is_not_taken_from_a_late_one(model: Make) -> None:
    engine, late = engine_of(model("llama"), tokens=60), Request([1] * 20, [[1]])
    engine.score([late])
    engine.score([Request([2] * 30, [[1]])])
    _, again = engine.score([Request([3] * 25, [[1]]), late])
    assert again.tokens_forwarded == 0


def test_rows_of_unequal_width_are_exact(model: Make, plain: Plain) -> None:
    rng = np.random.default_rng(3)
    header = rng.integers(0, 100, 90).tolist()
    lengths = [(90, 5), (90, 1), (10, 0), (40, 3), (0, 30), (0, 8), (0, 100)]
    requests = [Request(header[:n] + rng.integers(0, 100, more).tolist(), [[1, 2, 3], [4]]) for n, more in lengths]
    for forward in (0, 5000, 100_000):
        engine = engine_of(model("gpt2"), waste=0)
        engine._more = forward
        for request, answer in zip(requests, engine.score(requests), strict=True):
            np.testing.assert_allclose(answer.log_probs, plain(model("gpt2"), request), atol=1e-4)


def test_a_forward_that_fails_leaves_nothing_behind(model: Make, plain: Plain, monkeypatch: pytest.MonkeyPatch) -> None:
    engine, old, new = engine_of(model("llama")), Request([1, 2, 3], [[4, 5]]), Request([1, 2, 9, 9], [[4, 5]])
    engine.score([old])
    with monkeypatch.context() as patch:
        failing(model("llama"), patch, RuntimeError("broken"), most=0)
        with pytest.raises(RuntimeError, match="broken"):
            engine.score([new])
    assert engine.counters().distinct == 4
    answers: list[Answer] = engine.score([new, old])
    assert [answer.tokens_forwarded for answer in answers] == [3, 0]
    np.testing.assert_allclose(answers[0].log_probs, plain(model("llama"), new), atol=1e-4)
