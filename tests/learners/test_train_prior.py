import json
from pathlib import Path

import numpy as np
import pytest
import torch
import typer
from typer.testing import CliRunner

import priors
from learners import train_prior
from learners.corpus import BlocksWorldCorpus, CorpusConfig
from learners.train_prior import GATES, VALIDATION_SEED, held_out_classes, measure, train
from priors.local import LocalPrior
from priors.training import ModelConfig, Trainer, TrainingConfig, new_model, train_tokenizer
from slinvit import Budget, InputError, UnknownName

SMALL = ModelConfig(width=16, layers=1, heads=2, feed_forward=16)


def small_trainer(folder: Path, *, rate: float = 2e-3) -> Trainer:
    corpus = BlocksWorldCorpus(CorpusConfig(blocks=(3,), block_weights=(1,), max_actions=2))
    texts = corpus.documents(np.random.default_rng(0), 50)
    tokenizer = train_tokenizer((text.prompt + text.plan for text in texts), 400)
    config = TrainingConfig(steps=6, cycles=1, batch_size=4, checkpoint_every=2, learning_rate=rate, bfloat16=False)
    return Trainer(
        folder,
        new_model(SMALL, tokenizer, seed=0),
        tokenizer,
        config,
        batch=lambda step: corpus.documents(np.random.default_rng([1, step]), 4),
        validation=texts[:8],
    )


def weights(trainer: Trainer) -> list[torch.Tensor]:
    return [parameter.detach().clone() for parameter in trainer.model.parameters()]


def test_a_training_that_was_stopped_ends_with_the_same_weights(tmp_path: Path) -> None:
    straight = small_trainer(tmp_path / "straight")
    straight.run(lambda progress: None)
    small_trainer(tmp_path / "stopped").run(lambda progress: None, until=2)
    resumed = small_trainer(tmp_path / "stopped")
    assert resumed.step == 2
    resumed.run(lambda progress: None)
    assert all(torch.equal(a, b) for a, b in zip(weights(straight), weights(resumed), strict=True))
    assert [progress.step for progress in resumed.history] == [2, 4, 6]
    assert resumed.history == straight.history


def test_a_checkpoint_of_other_settings_is_refused(tmp_path: Path) -> None:
    small_trainer(tmp_path).run(lambda progress: None, until=2)
    with pytest.raises(InputError, match="made with other settings"):
        small_trainer(tmp_path, rate=1e-3)


def test_the_tokens_of_prompt_and_action_are_those_of_both(tmp_path: Path) -> None:
    tokenizer = small_trainer(tmp_path).tokenizer
    for text in BlocksWorldCorpus(CorpusConfig()).documents(np.random.default_rng(3), 50):
        prompt, plan, both = tokenizer([text.prompt, text.plan, text.prompt + text.plan])["input_ids"]
        assert prompt + plan == both


def test_a_short_training_writes_a_model_that_loads_with_a_card_and_says_which_gates_it_missed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("priors.training.ModelConfig", lambda: SMALL)
    app = typer.Typer()
    app.command()(train_prior.command)
    arguments = ["blocksworld", "--steps", "2", "--cycles", "1", "--out", str(tmp_path)]
    result = CliRunner().invoke(app, arguments)
    assert result.exit_code == 1
    assert "quality gates missed: top1" in result.output
    card = json.loads((tmp_path / "model" / "training.json").read_text())
    assert card["command"] == "slinvit train-prior blocksworld --steps 2 --cycles 1 --seed 1"
    assert set(card["report"]["failed"]) <= set(GATES)
    assert card["command"] in (tmp_path / "model" / "README.md").read_text()
    prior = priors.build(f"hf:{tmp_path / 'model'},template=blocksworld")
    assert isinstance(prior, LocalPrior)
    decision = BlocksWorldCorpus(CorpusConfig()).decisions(np.random.default_rng(0), 1)[0]
    (given,) = prior.distributions([decision.prompt], [decision.actions], budget=Budget())
    assert given.actions == decision.actions
    assert CliRunner().invoke(app, arguments).exit_code == 1, "the finished training is measured again, not repeated"


def test_a_seed_that_stays_on_the_plateau_is_given_up_for_the_next(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("priors.training.ModelConfig", lambda: SMALL)
    monkeypatch.setattr(train_prior, "PLATEAU_STEP", 1)
    monkeypatch.setattr(train_prior, "PLATEAU_LOSS", 0.0)
    monkeypatch.setattr(train_prior, "ATTEMPTS", 2)
    said: list[str] = []
    with pytest.raises(InputError, match="none of the seeds 7 to 8"):
        train(tmp_path, steps=3, cycles=1, seed=7, threads=1, say=said.append)
    assert [line[:7] for line in said if "next seed" in line] == ["seed 7:", "seed 8:"]


def test_an_unknown_domain_is_named() -> None:
    with pytest.raises(UnknownName, match="blocksworld"):
        train_prior.command("alfworld")


def test_the_shipped_model_passes_its_gates_on_fresh_decisions() -> None:
    prior = priors.build("bundled")
    assert isinstance(prior, LocalPrior)
    corpus = BlocksWorldCorpus(CorpusConfig(), held_out_classes())
    slices = measure(prior.scorer, corpus.decisions(np.random.default_rng([VALIDATION_SEED + 99]), 300))
    for name, least in GATES.items():
        row = slices[name]
        spread = 2 * (least * (1 - least) / row["count"]) ** 0.5
        assert row["model"] > least - spread, name
        assert row["model"] > row["uniform"], name
