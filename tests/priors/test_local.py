import json
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import priors
from priors.local import LocalPrior
from priors.templates import BLOCKSWORLD, TEMPLATES, template
from slinvit import Budget, BudgetExceeded, InputError, State, TooLong, UnknownName

RNG = np.random.default_rng(0)
OBSERVATION = (
    "the red block is clear, the orange block is clear, the hand is empty, "
    "the red block is on top of the blue block, the blue block is on the table, the orange block is on the table"
)
ACTIONS = ("pick up the orange block", "unstack the red block from on top of the blue block")


def prompt(goal: str = "the blue block is on top of the orange block", observation: str = OBSERVATION) -> str:
    return BLOCKSWORLD.format(observation=observation, goal=goal)


@pytest.fixture(scope="module")
def bundled() -> LocalPrior:
    built = priors.build("bundled")
    assert isinstance(built, LocalPrior)
    return built


def test_the_bundled_prior_prefers_the_move_that_frees_the_goal_block(bundled: LocalPrior) -> None:
    budget = Budget()
    (given,) = bundled.distributions([prompt()], [ACTIONS], budget=budget)
    assert given.method == "exact"
    assert given.ranked()[0][0] == ACTIONS[1]
    assert budget.ledger().llm_calls == 1
    assert budget.ledger().tokens_forwarded == given.usage.tokens_forwarded > 0


def test_the_bundled_prior_needs_no_environment_and_answers_twice_the_same(bundled: LocalPrior) -> None:
    first, second = (bundled.distributions([prompt()], [ACTIONS], budget=Budget())[0] for _ in range(2))
    np.testing.assert_array_equal(first.log_probs, second.log_probs)


@pytest.mark.parametrize(
    ("text", "candidates"),
    [
        ("You are in a kitchen.\nNext action:\n", ACTIONS),
        (prompt(goal="the red block is on the table"), ACTIONS),
        (prompt(observation="the b13 block is clear, the hand is empty"), ACTIONS),
        (prompt(), ("go to shelf 1",)),
    ],
)
def test_the_bundled_prior_refuses_text_that_is_not_its_template(
    text: str, candidates: tuple[str, ...], bundled: LocalPrior
) -> None:
    budget = Budget()
    with pytest.raises(InputError, match="bundled prior only reads BlocksWorld") as caught:
        bundled.distributions([text], [candidates], budget=budget)
    assert "\n" not in str(caught.value)
    assert budget.ledger().llm_calls == 0


def test_nothing_is_asked_when_the_budget_is_spent(bundled: LocalPrior) -> None:
    with pytest.raises(BudgetExceeded):
        bundled.distributions([prompt()], [ACTIONS], budget=Budget({"llm_calls": 0}))


def test_the_origin_of_the_bundled_prior_is_the_hash_of_its_weights(bundled: LocalPrior) -> None:
    origin = bundled.provenance()
    assert origin["model"] == "bundled"
    assert len(origin["sha256"]) == 64
    assert {"torch", "transformers"} <= set(origin)


def test_a_model_folder_is_a_prior_for_any_environment(kitchen: State, model_folder: Callable[[str], Path]) -> None:
    prior = priors.build(f"hf:{model_folder('llama')},dtype=bfloat16")
    (given,) = prior.propose([kitchen], budget=Budget(), rng=RNG)
    assert given.actions == kitchen.actions
    assert np.isclose(given.probs.sum(), 1)


def test_a_memory_goes_by_the_prompt(kitchen: State, model_folder: Callable[[str], Path]) -> None:
    prior, budget = priors.remember(priors.build(f"hf:{model_folder('llama')}")), Budget()
    elsewhere = replace(kitchen, visited=("somewhere",))
    prior.propose([kitchen, elsewhere], budget=budget, rng=RNG)
    assert budget.ledger().llm_calls == 1


def test_a_fresh_prior_does_not_depend_on_what_was_asked_before(bundled: LocalPrior) -> None:
    other = prompt(goal="the orange block is on top of the red block")
    bundled.distributions([other], [ACTIONS], budget=Budget())
    one, two = bundled.fresh(), bundled.fresh()
    (first,), (second,) = (prior.distributions([prompt()], [ACTIONS], budget=Budget()) for prior in (one, two))
    np.testing.assert_array_equal(first.log_probs, second.log_probs)
    assert first.usage == second.usage
    assert one.provenance() == bundled.provenance()


def test_many_states_share_the_tokens_they_have_in_common(kitchen: State, model_folder: Callable[[str], Path]) -> None:
    prior = priors.build(f"hf:{model_folder('llama')},memory=1MiB")
    other = replace(kitchen, observation="you see a shelf")
    alone = prior.propose([other], budget=Budget(), rng=RNG)[0]
    budget = Budget()
    assert isinstance(prior, LocalPrior)
    first, second = prior.fresh().propose([kitchen, other], budget=budget, rng=RNG)
    np.testing.assert_allclose(second.log_probs, alone.log_probs, atol=1e-5)
    assert second.usage.tokens_forwarded < alone.usage.tokens_forwarded
    assert budget.ledger().tokens_forwarded == first.usage.tokens_forwarded + second.usage.tokens_forwarded


def test_a_prompt_that_the_memory_cannot_hold_is_refused(kitchen: State, model_folder: Callable[[str], Path]) -> None:
    prior = priors.build(f"hf:{model_folder('llama')},memory=10KB")
    budget = Budget()
    with pytest.raises(TooLong, match=r"needs .* of cached keys and values; the memory limit is"):
        prior.propose([kitchen], budget=budget, rng=RNG)
    assert isinstance(prior, LocalPrior)
    assert prior.scorer.engine.counters().forwarded == budget.ledger().tokens_forwarded == 0


def test_the_plain_template_tells_the_story_so_far(kitchen: State) -> None:
    later = replace(kitchen, history=(("look", "a desk"), ("wait", "you see a desk")))
    text = template("plain").prompt(later)
    assert text.startswith(
        "Task: find the mug\n\nAction: look\nObservation: a desk\n\nAction: wait\nObservation: you see"
    )
    assert text.endswith("- open drawer 2\n\nNext action:\n")


@pytest.mark.parametrize("name", sorted(TEMPLATES))
def test_the_null_prompt_of_a_template_is_its_last_line_without_fields(name: str) -> None:
    null = template(name).null
    assert null.strip()
    assert not set("{}") & set(null)
    last = template(name).form.splitlines(keepends=True)[-1]
    assert last.endswith(null)


def test_an_unknown_template_names_the_known_ones(model_folder: Callable[[str], Path]) -> None:
    with pytest.raises(UnknownName, match="did you mean 'plain'"):
        priors.build(f"hf:{model_folder('llama')},template=plane")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ("dtype=float31", "dtype=float31: must be one of"),
        ("chat=maybe", "chat=maybe: must be one of"),
        ("chat=yes", "no chat template"),
        ("device=abacus", "abacus"),
        ("memory=plenty", "memory=plenty: must be a number of bytes"),
        ("revision=main", "revision=main is for hub models"),
        ("null=Action", "null= is read with normalise=pmi only, not with normalise=sum"),
        ("null=Action,normalise=token", "not with normalise=token"),
    ],
)
def test_bad_options_of_a_local_model_are_named(
    options: str, message: str, model_folder: Callable[[str], Path]
) -> None:
    with pytest.raises(InputError, match=message):
        priors.build(f"hf:{model_folder('llama')},{options}")


@pytest.mark.parametrize("content", ["{", json.dumps({"model_type": "no-such-model"}), json.dumps({"a": 1})])
def test_a_folder_that_is_not_a_model_is_a_one_line_error(content: str, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="is not a model folder"):
        priors.build(f"hf:{tmp_path}")
    (tmp_path / "config.json").write_text(content)
    with pytest.raises(InputError, match="cannot load a causal language model") as caught:
        priors.build(f"hf:{tmp_path}")
    assert "\n" not in str(caught.value)


def test_a_damaged_weights_file_is_a_one_line_error(model_folder: Callable[[str], Path], tmp_path: Path) -> None:
    folder = tmp_path / "model"
    shutil.copytree(model_folder("llama"), folder)
    weights = folder / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:100])
    with pytest.raises(InputError, match="cannot load a causal language model"):
        priors.build(f"hf:{folder}")


@pytest.mark.parametrize("candidates", [(), (ACTIONS[0], ACTIONS[0])])
def test_candidates_are_at_least_one_and_each_listed_once(candidates: tuple[str, ...], bundled: LocalPrior) -> None:
    with pytest.raises(InputError, match="each listed once"):
        bundled.distributions([prompt()], [candidates], budget=Budget())


def test_naming_priors_does_not_import_torch() -> None:
    code = "import sys, priors; priors.build('uniform'); print('torch' in sys.modules, 'transformers' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["False", "False"]
