"""Bar 5 of remote priors: what lies, or cannot, is refused at start-up, naming what is missing and what works."""

import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import priors
from priors.remote.backend import ABSURD, CERTAIN, PROMPT, Backend
from priors.remote.manners import Manners
from priors.remote.options import Options
from priors.remote.prior import RemotePrior
from priors.remote.probe import survey
from priors.remote.transport import Transport
from slinvit import Budget, InputError, RecordError
from slinvit.protocols import Prior

QUICK = "pause=0.01,attempts=2"


def build(toy: Any, options: str = "") -> Prior:
    return priors.build(f"openai:toy@{toy.url},{QUICK}{options}")


@pytest.mark.parametrize(
    ("flaw", "said"),
    [
        ("zeros", r"echo\): the server answers 0 for every token"),
        ("equal", r"echo\): the server answers the same, -1.5 nats, for every token"),
        ("shifted offsets", r"text_offset does not say where the tokens are \(shifted offsets\)"),
        ("shifted log-probabilities", r"echo\): shifted: the same token has -?[\d.]+ nats in a prompt and"),
        ("no logprobs", r"no log-probabilities of the tokens of the prompt \(echo\)"),
        ("rejects echo", r"echo\): HTTP 400: .*echo is not supported"),
    ],
)
def test_a_server_without_usable_echo_is_refused_with_what_is_missing_and_what_works(
    toy: Any, flaw: str, said: str
) -> None:
    toy.flaws.add(flaw)
    with pytest.raises(InputError, match=said + r".*; strategy=labelled works here"):
        build(toy, ",strategy=echo")


@pytest.mark.parametrize(
    ("flaw", "said"),
    [
        ("zeros", r"generated tokens \(logprobs\): the server answers 0 for every token"),
        ("equal", r"generated tokens \(logprobs\): the server answers the same for every token, -1.5 nats"),
        ("no logprobs", r"no log-probabilities of the token that was generated"),
    ],
)
def test_a_server_without_usable_logprobs_is_refused_for_trie(toy: Any, flaw: str, said: str) -> None:
    toy.flaws.add(flaw)
    with pytest.raises(InputError, match=said + r".*; strategy=labelled works here"):
        build(toy, f",strategy=trie,tokenizer={toy.folder}")


@pytest.mark.parametrize(
    ("flaw", "said"),
    [
        ("no score", "HTTP 404"),
        ("score zeros", "the server answers 0 for every token"),
        ("score sorted", "change places with their candidates"),
    ],
)
def test_a_server_that_cannot_score_candidates_is_refused_for_score(toy: Any, flaw: str, said: str) -> None:
    toy.flaws = {flaw}
    with pytest.raises(InputError, match=f"{said}.*; strategy=echo works here"):
        build(toy, ",strategy=score")


def test_a_model_that_answers_with_words_is_refused_for_labelled(toy: Any) -> None:
    toy.flaws |= {"no letters", "rejects echo", "no logprobs"}
    with pytest.raises(InputError, match=r"does not answer with a letter.*; strategy=sampled works here"):
        build(toy, ",strategy=labelled")


def test_a_tokenizer_of_another_model_is_refused(toy: Any, tmp_path: Path) -> None:
    from transformers import AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(str(toy.folder))
    tokenizer.backend_tokenizer.pre_tokenizer = None
    swapped = tokenizer.backend_tokenizer.to_str().replace('"a":', '"swap":').replace('"t":', '"a":')
    tokenizer.save_pretrained(tmp_path)
    (tmp_path / "tokenizer.json").write_text(swapped.replace('"swap":', '"t":'))
    with pytest.raises(InputError, match=r"lacks .*; strategy=echo works here"):
        build(toy, f",strategy=trie,tokenizer={tmp_path}")
    with pytest.raises(InputError, match=r"lacks the model's tokenizer: no tokenizer .*tokenizer=FOLDER_OR_HUB_ID"):
        build(toy, f",strategy=trie,tokenizer={tmp_path / 'none'}")


@pytest.mark.parametrize(
    ("flaws", "chosen"),
    [
        (set(), "score"),
        ({"no score"}, "echo"),
        ({"no score", "rejects echo"}, "labelled"),
        ({"no score", "shifted offsets", "no logprobs"}, "labelled"),
        ({"no score", "rejects echo", "no logprobs", "no chat logprobs"}, "sampled"),
    ],
)
def test_the_best_strategy_that_works_is_chosen_and_recorded_with_what_others_lack(
    toy: Any, flaws: set[str], chosen: str
) -> None:
    toy.flaws = flaws
    prior = build(toy)
    origin = priors.provenance(prior)
    assert origin["strategy"] == chosen
    assert list(origin["probe"])[-1] == chosen
    assert origin["probe"][chosen] == "works"
    assert all(detail != "works" for name, detail in origin["probe"].items() if name != chosen)
    assert origin["method"] == {"score": "exact", "echo": "exact"}.get(chosen, chosen)


def test_trie_is_chosen_where_a_tokenizer_is_given(toy: Any) -> None:
    toy.flaws.add("rejects echo")
    assert priors.provenance(build(toy, f",tokenizer={toy.folder}"))["strategy"] == "trie"


def test_a_survey_tries_everything_and_says_how_long_it_took(toy: Any) -> None:
    toy.write = lambda text, number: f"1. {CERTAIN}\n2. {ABSURD}"
    with Transport(toy.url, Manners(pause=0.01, attempts=2)) as transport:
        found = survey(Backend(transport, toy.url, "toy", Options(tokenizer=str(toy.folder))))
    assert [each.name for each in found] == ["score", "echo", "trie", "labelled", "sampled", "ranked"]
    assert [each.detail == "works" for each in found] == [False, True, True, True, True, True]
    assert all(each.seconds > 0 and (each.strategy is None) == (each.detail != "works") for each in found)


def test_the_probe_scores_a_certain_and_an_absurd_action_that_the_bundled_model_tells_apart() -> None:
    prior = priors.build("bundled")
    found = prior.distributions([PROMPT], [(CERTAIN, ABSURD)], budget=Budget())[0]  # type: ignore[attr-defined]
    assert found.log_prob(CERTAIN) > -0.01


def test_a_server_that_is_not_there_is_named() -> None:
    with pytest.raises(InputError, match=r"http://127.0.0.1:9/v1/score: no connection"):
        priors.build("openai:toy@http://127.0.0.1:9/v1,pause=0,attempts=1")


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ("strategy=ecko", "strategy=ecko: must be one of score, echo, .*did you mean 'echo'"),
        ("endpoint=tty", "must be one of chat, completions"),
        ("samples=0", "samples=0: must be a whole number of 1 or more"),
        ("alpha=-1", "alpha=-1: must be a number of 0 or more"),
        ("sampling_temperature=3", "must be between 0 and 2, or none"),
        ("sampels=3", "no option 'sampels'; did you mean 'samples'"),
        ("template=nope", "nope"),
    ],
)
def test_options_that_cannot_be_are_refused_before_anything_is_asked(toy: Any, options: str, said: str) -> None:
    with pytest.raises(InputError, match=said):
        build(toy, f",{options}")
    assert toy.asked == []


def test_a_remote_prior_pickles_and_says_what_its_answers_depend_on(toy: Any, kitchen: Any) -> None:
    prior = build(toy, ",strategy=echo")
    assert isinstance(prior, RemotePrior)
    again: RemotePrior = pickle.loads(pickle.dumps(prior))
    rng = np.random.default_rng(0)
    one, other = (each.propose([kitchen], budget=Budget(), rng=rng)[0] for each in (prior, again))
    np.testing.assert_array_equal(one.log_probs, other.log_probs)
    assert prior.situation(kitchen) == (prior.template.prompt(kitchen), kitchen.actions)


@pytest.mark.parametrize("options", ["", ",strategy=sampled,samples=4", ",strategy=labelled"])
def test_a_recorded_run_is_a_prior_of_its_own_without_the_server(
    toy: Any, kitchen: Any, tmp_path: Path, options: str
) -> None:
    file = tmp_path / "answers.sqlite"
    live = build(toy, f",record={file}{options}")
    said = live.propose([kitchen], budget=Budget(), rng=np.random.default_rng(3))[0]
    toy.asked.clear()
    offline = priors.build(f"recorded:{file}{options.replace(',strategy=labelled', '')}")
    again = offline.propose([kitchen], budget=Budget(), rng=np.random.default_rng(3))[0]
    np.testing.assert_array_equal(said.log_probs, again.log_probs)
    assert toy.asked == []
    assert priors.provenance(offline)["probe"] == priors.provenance(live)["probe"]


def test_a_recorded_run_answers_nothing_else(toy: Any, kitchen: Any, tmp_path: Path) -> None:
    file = tmp_path / "answers.sqlite"
    build(toy, f",strategy=echo,record={file}")
    offline = priors.build(f"recorded:{file},strategy=echo")
    with pytest.raises(RecordError, match="no answer to this completions request"):
        offline.propose([kitchen], budget=Budget(), rng=np.random.default_rng(3))
    with pytest.raises(InputError, match="holds no answers of model=other; it holds: toy"):
        priors.build(f"recorded:{file},model=other")
    with pytest.raises(RecordError, match="no answer to this completions request; the nearest recorded one differs in"):
        priors.build(f"recorded:{file},strategy=trie,tokenizer={toy.folder}")
    with pytest.raises(RecordError, match="does not hold the probe of a prior with these options"):
        priors.build(f"recorded:{file},top=7,endpoint=chat,terminator=;")
    with pytest.raises(InputError, match="takes no record="):
        priors.build(f"recorded:{file},record=x")
