import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch

import priors
from priors.local import BUNDLED, LocalPrior, load_scorer
from priors.precision import Deviation, Int8Linear, deviation, quantise
from priors.templates import BLOCKSWORLD
from slinvit import ActionDistribution, Budget, InputError

PROMPT = "Observation: you see a desk.\nNext action:\n"
CANDIDATES = ["go to shelf 1", "go to shelf 10", "open drawer 2", "take the mug from the desk", "x"]
NOISE = 1e-2
"""In nats: float rounding may turn one of 127 steps of an 8-bit input into the next one."""

COLOURS = ["red", "blue", "orange", "yellow"]


def statements() -> tuple[list[str], list[list[str]]]:
    """Towers of two among four blocks, and what can be done there."""
    prompts, moves = [], []
    for top in COLOURS:
        for below in COLOURS:
            alone = [c for c in COLOURS if c not in (top, below)]
            if top == below:
                continue
            facts = [f"the {c} block is clear" for c in (top, *alone)] + ["the hand is empty"]
            facts += [f"the {top} block is on top of the {below} block"]
            facts += [f"the {c} block is on the table" for c in (below, *alone)]
            goal = f"the {below} block is on top of the {alone[0]} block"
            prompts.append(BLOCKSWORLD.format(observation=", ".join(facts), goal=goal))
            moves.append(
                [f"unstack the {top} block from on top of the {below} block"]
                + [f"pick up the {c} block" for c in alone]
            )
    return prompts, moves


def answers(spec: str) -> list[ActionDistribution]:
    prior = priors.build(spec)
    assert isinstance(prior, LocalPrior)
    return prior.distributions(*statements(), budget=Budget())


@pytest.mark.parametrize(("dtype", "bound"), [("bfloat16", 1e-3), ("float16", 1e-4), ("int8", 1e-2)])
def test_fewer_bits_change_the_bundled_prior_a_little_and_say_how_much(dtype: str, bound: float) -> None:
    found = deviation(answers("bundled"), answers(f"bundled:dtype={dtype}"))
    assert found.states == 12
    assert 0 < found.kl <= found.kl_max < bound
    assert found.agreement == 1.0


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")
@pytest.mark.parametrize(("dtype", "bound"), [("float32", 1e-6), ("bfloat16", 1e-3), ("float16", 1e-4)])
def test_a_gpu_gives_the_prior_of_the_processor_up_to_its_precision(dtype: str, bound: float) -> None:
    folder = Path(priors.__file__).parent / BUNDLED
    found = deviation(answers("bundled"), answers(f"hf:{folder},template=blocksworld,device=cuda,dtype={dtype}"))
    assert found.kl_max < bound
    assert found.agreement == 1.0


def test_the_deviation_is_its_formula() -> None:
    one, other = (ActionDistribution.normalised(["a", "b"], scores) for scores in ([0.0, 1.0], [1.0, 0.0]))
    nats = float((one.probs * (one.log_probs - other.log_probs)).sum())
    assert deviation([one, one], [one, other]) == Deviation(2, nats / 2, nats, 0.5)


def test_priors_over_different_actions_are_not_compared() -> None:
    one, other = (ActionDistribution.normalised(actions, [0.0, 1.0]) for actions in (["a", "b"], ["a", "c"]))
    for pair in ([one], [other]), ([], []):
        with pytest.raises(InputError, match="same actions"):
            deviation(*pair)


def test_an_8_bit_layer_is_within_its_rounding_of_the_float_layer() -> None:
    torch.manual_seed(0)
    layer, inputs = torch.nn.Linear(24, 40), torch.randn(3, 700, 24)
    with torch.inference_mode():
        given, expected = Int8Linear(layer.weight.detach(), layer.bias)(inputs), layer(inputs)
    # half a step of x against |W|, half a step of W against |x|, and the product of both
    steps = inputs.abs().amax(-1, keepdim=True) / 254, layer.weight.abs().amax(1) / 254
    bound = (
        steps[0] * layer.weight.abs().sum(1) + steps[1] * inputs.abs().sum(-1, keepdim=True) + 24 * steps[0] * steps[1]
    )
    assert ((given - expected).abs() <= bound + 1e-5).all()


@pytest.mark.parametrize("kind", ["llama", "gpt2"])
def test_8_bit_scores_do_not_depend_on_what_else_is_asked_and_equal_plain_forwards(
    kind: str, model_folder: Callable[[str], Path]
) -> None:
    scorer = load_scorer(str(model_folder(kind)), name=kind, dtype="int8")
    assert scorer.recipe.method == "packed"
    (alone,) = scorer.score([PROMPT], [CANDIDATES])
    again = scorer.fresh().score([PROMPT * 3, PROMPT], [["open the big drawer"], CANDIDATES])[1]
    np.testing.assert_allclose(again.log_probs, alone.log_probs, atol=NOISE)
    start, rows = scorer.encode(PROMPT, CANDIDATES)
    for row, given in zip(rows, alone.log_probs, strict=True):
        with torch.inference_mode():
            log_probs = scorer.model(input_ids=torch.tensor([row])).logits[0].log_softmax(-1)
        np.testing.assert_allclose(
            given, sum(float(log_probs[i - 1, row[i]]) for i in range(len(start), len(row))), atol=NOISE
        )


def test_an_8_bit_layer_takes_no_rows_as_well() -> None:
    layer = Int8Linear(torch.ones(40, 24), None)
    assert layer(torch.zeros(2, 0, 24)).shape == (2, 0, 40)


def test_matrices_that_are_not_rounded_are_told(caplog: pytest.LogCaptureFixture) -> None:
    plain = torch.nn.Sequential(torch.nn.Embedding(99, 8), torch.nn.Linear(8, 8))
    quantise(plain, "plain")
    assert not caplog.records
    experts = torch.nn.Sequential(torch.nn.Linear(8, 8), torch.nn.Bilinear(8, 8, 3))
    quantise(experts, "experts")
    (line,) = (record.getMessage() for record in caplog.records)
    assert "75 % of the matrices of 'experts'" in line  # 192 of 256 numbers


def test_a_model_without_linear_layers_cannot_be_rounded() -> None:
    with pytest.raises(InputError, match="'odd' has no linear layers"):
        quantise(torch.nn.Sequential(torch.nn.Embedding(3, 4)), "odd")


def test_the_command_line_reports_the_deviation_of_a_precision() -> None:
    command = [
        "-c",
        "from agent.cli import main; main()",
        "calibrate",
        "--env",
        "blocksworld",
        "--tasks",
        "random:2",
        "--random-states",
        "2",
    ]
    done = subprocess.run(
        [
            sys.executable,
            *command,
            "--prior",
            "bundled:dtype=int8",
            "--against",
            "bundled",
            "--value",
            "zero",
            "--json",
        ],
        capture_output=True,
        text=True,
        check=True,
    )
    text = json.dumps(json.loads(done.stdout))
    assert '"kl": {"mean": ' in text
    assert '"agreement": {"mean": ' in text
