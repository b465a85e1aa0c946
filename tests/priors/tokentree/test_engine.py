"""Every engine gives what plain forwards over the whole texts give, on every kind of model."""

from collections.abc import Callable
from copy import deepcopy
from functools import partial
from typing import Any

import numpy as np
import pytest
import torch
from transformers import AutoConfig, AutoModelForCausalLM, PreTrainedModel

from priors.tokentree.branching import BranchingEngine, WholeTextEngine
from priors.tokentree.detect import inspect_memory
from priors.tokentree.engine import recipe
from priors.tokentree.packed import PackedEngine
from priors.tokentree.requests import Engine, Request
from slinvit.errors import InputError, TooLong
from slinvit.types import FloatArray

Make = Callable[..., PreTrainedModel]
Plain = Callable[[PreTrainedModel, Request], FloatArray]

SIZE = {
    "vocab_size": 100,
    "hidden_size": 32,
    "intermediate_size": 64,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "pad_token_id": 0,
}
HEADER = [3, 1, 4, 1, 5, 9, 2, 6]
NODE = Request(HEADER, [[7, 8], [7, 9, 10], [11], [7, 9, 10, 12]])
CHILD = Request([*HEADER, 7, 9, 10, 20, 21, 22, 23, 24], [[30, 31, 32], [33, 34]])
ELSEWHERE = Request([50, 51, 52], [[7, 8]])
CALLS = [[NODE], [CHILD, ELSEWHERE], [NODE, Request(CHILD.prompt, [[40, 41], [30, 31, 32]])]]

METHODS = {
    "qwen2": "packed",
    "llama": "packed",
    "qwen3": "packed",
    "gemma": "packed",
    "gpt2": "packed",
    "gemma2": "packed up to 12 tokens, then branching",
    "gemma3_text": "packed up to 12 tokens, then branching",
    "mistral": "packed up to 12 tokens, then branching",
    "bloom": "branching",
    "mamba2": "branching",
    "qwen3_next": "branching",
    "qwen3_5_text": "branching",
    "lfm2": "branching",
    "mamba": "branching token by token",
    "rwkv": "whole texts",
}


def check(engine: Engine, model: PreTrainedModel, plain: Plain) -> None:
    for requests in CALLS:
        before = engine.counters().forwarded
        answers = engine.score(requests)
        for request, answer in zip(requests, answers, strict=True):
            np.testing.assert_allclose(answer.log_probs, plain(model, request), atol=1e-4)
        assert sum(answer.tokens_forwarded for answer in answers) == engine.counters().forwarded - before


@pytest.mark.parametrize("kind", METHODS)
def test_the_fastest_engine_that_is_exact_is_chosen_and_equals_plain_forwards(
    kind: str, model: Make, plain: Plain
) -> None:
    chosen = recipe(model(kind), memory=1 << 20)
    assert chosen.method == METHODS[kind]
    assert bool(chosen.reason) == (chosen.method != "packed" and "packed up to" not in chosen.method)
    check(chosen.make(), model(kind), plain)


@pytest.mark.parametrize("attention", ["sdpa", "eager"])
@pytest.mark.parametrize("kind", ["qwen2", "llama", "qwen3", "gemma", "gemma3_text", "gpt2"])
def test_packing_is_exact_with_either_attention(kind: str, attention: str, model: Make, plain: Plain) -> None:
    asked = model(kind, attention)
    assert asked.config._attn_implementation == attention
    check(recipe(asked).make(), asked, plain)


@pytest.mark.parametrize("kind", ["llama", "gemma3_text", "qwen3_next", "mamba2"])
@pytest.mark.parametrize("memory", [0, 1 << 14])
def test_branching_with_little_memory_only_forwards_more(kind: str, memory: int, model: Make, plain: Plain) -> None:
    argument = inspect_memory(model(kind)).argument
    assert argument is not None
    make = partial(BranchingEngine, model(kind), argument=argument)
    scarce, ample = make(memory=memory), make(memory=1 << 24)
    check(scarce, model(kind), plain)
    check(ample, model(kind), plain)
    assert scarce.counters().forwarded >= ample.counters().forwarded
    assert scarce.counters().distinct == ample.counters().distinct


def test_branching_continues_a_prompt_from_the_one_it_extends(model: Make) -> None:
    engine = recipe(model("qwen3_next")).make()
    engine.score([NODE])
    (answer,) = engine.score([Request([*HEADER, 60, 61], [[1], [2]])])
    assert answer.tokens_forwarded == 2


@pytest.mark.parametrize("kind", ["llama", "gemma3_text", "qwen3_next", "rwkv"])
def test_next_token_is_the_whole_distribution_behind_each_text(kind: str, model: Make) -> None:
    engine = recipe(model(kind)).make()
    texts = [HEADER, [*HEADER, 7], [*HEADER, 7, *range(10)], [5]]
    given = engine.next_token(texts)
    assert given.shape == (4, 100)
    for text, row in zip(texts, given, strict=True):
        with torch.inference_mode():
            expected = model(kind)(input_ids=torch.tensor([text])).logits[0, -1].log_softmax(-1)
        np.testing.assert_allclose(row, expected.numpy(), atol=1e-4)


def test_a_text_grown_token_by_token_forwards_each_once(model: Make) -> None:
    engine = recipe(model("llama")).make()
    for length in range(1, 9):
        engine.next_token([HEADER[:length]])
    assert engine.counters().forwarded == engine.counters().distinct == 8


def test_whole_texts_count_what_the_others_would_have_forwarded(model: Make) -> None:
    engine, packed = WholeTextEngine(model("llama")), recipe(model("llama")).make()
    for requests in CALLS:
        engine.score(requests)
        packed.score(requests)
    assert engine.counters().distinct == packed.counters().distinct
    assert engine.counters().forwarded > 2 * packed.counters().forwarded


ROPES = {
    "llama": {"rope_type": "dynamic", "factor": 4.0, "rope_theta": 10_000.0},
    "phi3": {
        "rope_type": "longrope",
        "rope_theta": 10_000.0,
        "short_factor": [1.0] * 8,
        "long_factor": [4.0] * 8,
        "factor": 8.0,
        "original_max_position_embeddings": 40,
    },
}


@pytest.mark.parametrize("kind", ROPES)
def test_positions_that_depend_on_the_length_of_the_text_are_scored_as_whole_texts(kind: str) -> None:
    most = {"max_position_embeddings": 40} if kind == "llama" else {"original_max_position_embeddings": 40}
    torch.manual_seed(0)
    sizes = {**SIZE, **most, "num_key_value_heads": 2, "rope_parameters": ROPES[kind]}
    asked = AutoModelForCausalLM.from_config(AutoConfig.for_model(kind, **sizes)).train(False)  # type: ignore[no-untyped-call]
    for parameter in asked.parameters():
        if parameter.ndim > 1:
            parameter.data.mul_(4.0)
    chosen = recipe(asked)
    assert chosen.method == f"packed; beyond {39 if kind == 'llama' else 40} tokens whole texts"
    base = np.random.default_rng(0).integers(0, 100, 90).tolist()
    requests = [
        Request(base[:length], [[1, 2, 3], [4], [5, 6, 7, 8, 9]]) for length in (20, 34, 36, 38, 39, 40, 41, 45, 80)
    ]
    engine, packed = chosen.make(), PackedEngine(asked, layers=2, bytes_per_token=512, memory=1 << 20)
    worst = 0.0
    for request in [*requests, *requests[::-1], requests[0]]:
        (answer,), (careless,) = engine.score([request]), packed.score([request])
        expected = plain_anew(asked, request)
        np.testing.assert_allclose(answer.log_probs, expected, atol=1e-4)
        worst = max(worst, float(np.abs(careless.log_probs - expected).max()))
    assert worst > 1e-2, "control: packed without a limit is wrong"
    for length in (20, 39, 40, 41, 60):
        (row,) = engine.next_token([base[:length]])
        expected = plain_anew(asked, Request(base[:length], [[token] for token in range(3)]))
        np.testing.assert_allclose(row[:3], expected, atol=1e-4)


@torch.inference_mode()
def plain_anew(model: PreTrainedModel, request: Request) -> FloatArray:
    """Forward each text without its last token, and one token before it: dynamic embeddings keep the longest so far."""
    totals = []
    for tail in request.tails:
        model(input_ids=torch.tensor([[1]]))
        log_probs = model(input_ids=torch.tensor([[*request.prompt, *tail[:-1]]])).logits[0].log_softmax(-1)
        totals.append(sum(float(log_probs[len(request.prompt) - 1 + i, token]) for i, token in enumerate(tail)))
    return np.array(totals)


def test_a_faster_way_that_fails_is_skipped_and_named(
    model: Make, plain: Plain, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(PackedEngine, "score", lambda *_: [][0])
    chosen = recipe(model("llama"))
    assert (chosen.method, "packed fails with IndexError" in chosen.reason) == ("branching", True)
    check(chosen.make(), model("llama"), plain)


def test_too_little_memory_for_the_probe_is_an_error_of_the_input(model: Make) -> None:
    with pytest.raises(InputError, match="memory="):
        recipe(model("llama"), memory=1000)


@pytest.mark.parametrize("kind", ["llama", "qwen3_next"])
def test_branching_halves_a_prompt_when_the_device_is_short(
    kind: str, model: Make, plain: Plain, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked, forward = model(kind), model(kind).forward
    expected = [plain(asked, request) for request in (NODE, CHILD)]

    def limited(*args: Any, **kwargs: Any) -> Any:
        if kwargs["input_ids"].numel() > 3:
            raise torch.OutOfMemoryError("CUDA out of memory.")
        return forward(*args, **kwargs)

    monkeypatch.setattr(asked, "forward", limited)
    engine = BranchingEngine(asked, argument="past_key_values", memory=1 << 20)
    for answer, wanted in zip(engine.score([NODE, CHILD]), expected, strict=True):
        np.testing.assert_allclose(answer.log_probs, wanted, atol=1e-4)
    with pytest.raises(TooLong, match="a text of 9 tokens"):
        WholeTextEngine(asked).score([NODE])


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")
@pytest.mark.parametrize("kind", ["llama", "gpt2", "qwen3_next"])
def test_a_model_on_a_gpu_gives_what_plain_forwards_give(kind: str, model: Make, plain: Plain) -> None:
    asked: Any = deepcopy(model(kind))
    asked.to("cuda")
    check(recipe(asked).make(), asked, plain)
