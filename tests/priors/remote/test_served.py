"""Bar 1 of remote priors: the same decisions in-process and over HTTP, through every exact way."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import priors
from agent import Run, Settings, Workers, run
from priors.local import LocalPrior
from priors.remote.backend import ABSURD, CERTAIN, PROMPT
from priors.remote.logprobs import Top
from priors.remote.prior import RemotePrior
from priors.remote.strategies.labelled import Labelled
from priors.serving.server import running
from slinvit import Budget

ACTIONS = (CERTAIN, ABSURD, "pick up the orange block", "put down the red block")
OPTIONS = "template=blocksworld,attempts=2"


@pytest.fixture(scope="module")
def bundled() -> LocalPrior:
    built = priors.build("bundled")
    assert isinstance(built, LocalPrior)
    return built


@pytest.fixture(scope="module")
def url(bundled: LocalPrior) -> Iterator[str]:
    """Serve the bundled model."""
    with running(bundled, name="bundled") as address:
        yield address


def remote(url: str, options: str) -> RemotePrior:
    built = priors.build(f"openai:bundled@{url},{OPTIONS},{options}")
    assert isinstance(built, RemotePrior)
    return built


def ask(prior: RemotePrior) -> Any:
    return prior.distributions([PROMPT], [ACTIONS], budget=Budget(), rng=np.random.default_rng(0))[0]


@pytest.mark.parametrize(
    "options", ["", "strategy=echo", "strategy=echo,tokenizer=bundled", "strategy=trie", "strategy=trie,top=2"]
)
def test_exact_ways_give_what_the_model_gives_in_process(url: str, bundled: LocalPrior, options: str) -> None:
    expected = bundled.distributions([PROMPT], [ACTIONS], budget=Budget())[0]
    found = ask(remote(url, options))
    assert found.method == "exact"
    np.testing.assert_allclose(found.log_probs, expected.log_probs, atol=1e-4)


def test_labelled_reads_what_the_model_says_of_letters_in_process(url: str, bundled: LocalPrior) -> None:
    prior = remote(url, "strategy=labelled,endpoint=completions,top=453")
    assert isinstance(prior.strategy, Labelled)
    asking = prior.strategy.ask(PROMPT, ACTIONS, k=None, rng=np.random.default_rng(0))
    tops = []
    for request in next(asking):
        ids = bundled.scorer.tokenizer(request.json()["prompt"])["input_ids"]
        (row,) = bundled.scorer.engine.next_token([ids])
        shown = {str(bundled.scorer.tokenizer.decode([i])): float(row[i]) for i in range(len(row))}
        tops.append(Top(shown, {}, "", None))
    with pytest.raises(StopIteration) as end:
        asking.send(tops)
    expected = end.value.value.scores
    np.testing.assert_allclose(ask(prior).log_probs, expected - np.logaddexp.reduce(expected), atol=1e-4)


def test_sampled_estimates_the_distribution_of_the_model(url: str, bundled: LocalPrior) -> None:
    expected = bundled.distributions([PROMPT], [ACTIONS], budget=Budget())[0]
    found = ask(remote(url, "strategy=sampled,samples=64"))
    spread = np.sqrt(expected.probs * (1 - expected.probs) / 64)
    assert (np.abs(found.probs - expected.probs) < 4 * spread + 0.05).all()
    assert 0 <= found.unmatched < 0.2


def play(prior: str, tasks: str, out: Path) -> Run:
    with Workers() as crew:
        done = run(Settings(env="blocksworld", tasks=tasks, prior=prior), out=out, workers=crew, report=lambda *_: None)
    assert not done.failures
    return done


@pytest.mark.parametrize("strategy", ["score", "echo", "trie"])
def test_the_demo_makes_the_same_decisions_through_every_exact_way(url: str, strategy: str, tmp_path: Path) -> None:
    tasks = "random:3,blocks=4,length=4-6,seed=5"
    ours = play("bundled", tasks, tmp_path / "ours").episodes
    theirs = play(f"openai:bundled@{url},{OPTIONS},strategy={strategy}", tasks, tmp_path / "theirs").episodes
    for mine, other in zip(ours, theirs, strict=True):
        assert [each.path for each in mine.decisions] == [each.path for each in other.decisions]
        assert mine.ledger.llm_calls == other.ledger.llm_calls


@pytest.mark.parametrize(
    ("options", "method"),
    [("strategy=labelled,endpoint=completions,top=453", "labelled"), ("strategy=sampled,samples=4", "sampled")],
)
def test_the_demo_runs_through_other_ways_and_says_which(url: str, options: str, method: str, tmp_path: Path) -> None:
    prior = f"openai:bundled@{url},{OPTIONS},{options}"
    done = play(prior, "random:1,blocks=3,length=2-4,seed=5", tmp_path)
    assert {each.prior.method for episode in done.episodes for each in episode.decisions if each.prior} == {method}
