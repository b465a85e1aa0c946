import logging
import shutil
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest

import priors
from priors import loading
from priors.local import LocalPrior, load_scorer
from slinvit import InputError

PROMPT = "Observation: you see a desk.\nNext action:\n"
CANDIDATES = ["go to shelf 1", "open drawer 2"]
REWRITING = (
    "<|im_start|>system\n{{ messages[0]['content'] | length }} characters follow<|im_end|>\n"
    "{% for m in messages %}<|im_start|>{{ m['role'] }}\n{{ m['content'] }}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)


def test_spreading_a_model_over_devices_names_the_missing_package(
    model_folder: Callable[[str], Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(loading, "find_spec", lambda name: None)
    with pytest.raises(InputError, match=r"accelerate, which device=auto needs, .*pip install 'slinvit\[gpu\]'"):
        load_scorer(str(model_folder("llama")), name="llama", device="auto")


@pytest.mark.skipif(find_spec("accelerate") is None, reason="accelerate is not installed (extra gpu)")
@pytest.mark.parametrize("kind", ["llama", "gpt2"])
def test_a_model_spread_over_devices_scores_the_same(kind: str, model_folder: Callable[[str], Path]) -> None:
    scores = [
        load_scorer(str(model_folder(kind)), name=kind, device=device).score([PROMPT], [CANDIDATES])[0].log_probs
        for device in ("cpu", "auto")
    ]
    np.testing.assert_allclose(scores[1], scores[0], atol=1e-4)


@pytest.mark.parametrize("device", ["cuda", "auto"])
def test_8_bits_are_for_the_cpu(device: str, model_folder: Callable[[str], Path]) -> None:
    with pytest.raises(InputError, match=f"dtype=int8 is for the CPU; with device={device}"):
        load_scorer(str(model_folder("llama")), name="llama", device=device, dtype="int8")


def test_a_terminator_is_not_for_chat_templates(model_folder: Callable[[str], Path]) -> None:
    with pytest.raises(InputError, match=r"terminator= has no effect.*chat=no"):
        priors.build(f"hf:{model_folder('chat')},terminator=END")
    built = priors.build(f"hf:{model_folder('chat')},chat=no,terminator=END")
    assert isinstance(built, LocalPrior)
    assert built.scorer.terminator == "END"


@pytest.fixture
def rewriting(model_folder: Callable[[str], Path], tmp_path: Path) -> Path:
    """A chat model whose template puts something in front that changes as the prompt grows."""
    folder = tmp_path / "rewriting"
    shutil.copytree(model_folder("chat"), folder)
    tokenizer = load_scorer(str(folder), name="chat").tokenizer
    tokenizer.chat_template = REWRITING
    tokenizer.save_pretrained(folder)
    return folder


def test_a_chat_template_that_rewrites_beginnings_is_told_once_at_the_start(
    rewriting: Path, model_folder: Callable[[str], Path], caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING):
        priors.build(f"hf:{model_folder('chat')}")
        priors.build(f"hf:{rewriting},chat=no")
        priors.build(f"hf:{rewriting},template=blocksworld")  # writes no history
        assert not caplog.records
        built = priors.build(f"hf:{rewriting}")
    (record,) = caplog.records
    assert "rewrites the beginning of a prompt" in record.getMessage()
    assert "\n" not in record.getMessage()
    assert isinstance(built, LocalPrior)


def test_scores_behind_a_rewriting_template_stay_exact(rewriting: Path) -> None:
    scorer = load_scorer(str(rewriting), name="chat")
    longer = PROMPT + CANDIDATES[0] + "\n" + PROMPT
    warm = [scorer.score([prompt], [CANDIDATES])[0].log_probs for prompt in (PROMPT, longer)]
    cold = [scorer.fresh().score([prompt], [CANDIDATES])[0].log_probs for prompt in (PROMPT, longer)]
    np.testing.assert_allclose(warm, cold, atol=1e-5)
