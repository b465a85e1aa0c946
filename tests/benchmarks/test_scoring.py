import json
import os
from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
import torch
import typer
from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner

from benchmarks.scoring import demo, gpu, measure, methods, peers, report, run, suite
from benchmarks.scoring.bound import flops, inner_weights
from benchmarks.scoring.models import build_model, save, shape, train_tokenizer
from benchmarks.scoring.prompts import Room, rooms
from benchmarks.scoring.scenarios import (
    Request,
    Writer,
    distinct_positions,
    distinct_tokens,
    encode,
    merged,
    scored_positions,
)
from benchmarks.scoring.trials import Timed, best_of, slow
from slinvit.rng import generator

KEYS = {
    "ratio_cold_naive",
    "ratio_cold_lm_eval",
    "ratio_cold_naive_k60",
    "ratio_cold_lm_eval_k60",
    "ratio_warm_lm_eval",
    "ratio_warm_naive",
    "ratio_warm_expand",
    "ratio_tree7_lm_eval",
    "ratio_tree40_per_node",
    "tokens_ratio",
    "bound_ratio_cold",
    "bound_ratio_warm",
    "max_abs_nat",
}
SMALL = "0.4M"


@pytest.fixture(scope="module")
def writer() -> Writer:
    _, found = rooms(None, 40, generator(0, "rooms"))
    text = (line for room in found for line in (room.transcript() + "\n".join(room.actions())).splitlines(True))
    return Writer(train_tokenizer(text), found)


@given(st.lists(st.lists(st.integers(0, 2), max_size=6)))
def test_distinct_tokens_are_the_distinct_prefixes(rows: list[list[int]]) -> None:
    prefixes = {tuple(row[: end + 1]) for row in rows for end in range(len(row))}
    assert distinct_tokens(rows) == len(prefixes)
    assert distinct_positions(rows) == sum(map(len, prefixes))


def test_a_prompt_is_as_long_as_asked_up_to_its_last_line(writer: Writer) -> None:
    for tokens in (500, 1500):
        length = len(writer.tokenizer(writer.prompt(tokens))["input_ids"])
        assert tokens - 150 < length <= tokens


def test_a_child_extends_its_parent_and_an_action_token_by_token(writer: Writer) -> None:
    tree = writer.tree(500, 6, branching=2, depth=2, rng=generator(0))
    assert [len(level) for level in tree] == [1, 2, 4]
    for parents, children in pairwise(tree):
        for number, child in enumerate(children):
            parent = encode(writer.tokenizer, parents[number // 2])
            ids = encode(writer.tokenizer, child).prompt
            (tail,) = {tail for tail in parent.tails if ids[: len(parent.prompt + tail)] == parent.prompt + tail}
            assert 12 <= len(ids) - len(parent.prompt + tail) <= 33  # the observation, its newline and the next ">"


def test_trees_are_the_same_in_every_run_and_merge_by_depth(writer: Writer) -> None:
    one, same = (writer.tree(500, 6, branching=2, depth=1, rng=generator(1)) for _ in range(2))
    other = writer.tree(500, 6, branching=2, depth=1, rng=generator(2), task=1)
    assert one == same
    assert merged([one, other]) == tuple((*mine, *theirs) for mine, theirs in zip(one, other, strict=True))


def test_the_bound_counts_each_token_once_and_the_output_matrix_where_it_is_needed(writer: Writer) -> None:
    made, request = shape(SMALL), writer.node(500, 5, generator(0))
    model, encoded = build_model(made), encode(writer.tokenizer, request)
    prefixes = {row[:end] for row in encoded.rows for end in range(1, len(row) + 1)}
    rows = {tail[:end] for tail in encoded.tails for end in range(len(tail))}
    weights = sum(each.numel() for name, each in model.named_parameters() if "embed_tokens" not in name)
    attention = 4 * made.layers * made.width * sum(map(len, prefixes))
    expected = 2 * weights * len(prefixes) + 2 * made.vocabulary * made.width * len(rows) + attention
    assert inner_weights(model) == weights
    assert scored_positions(encoded) == len(rows)
    assert flops(model, [encoded]) == expected
    new = {prefix for prefix in prefixes if len(prefix) > len(encoded.prompt)}
    saved = 2 * weights * (len(prefixes) - len(new)) + attention - 4 * made.layers * made.width * sum(map(len, new))
    assert flops(model, [encoded], [encoded.prompt]) == expected - saved


def test_all_methods_give_the_same_numbers(writer: Writer) -> None:
    model, tokenizer, request = build_model(shape(SMALL)), writer.tokenizer, writer.node(500, 12, generator(0))
    expected = methods.naive(model, tokenizer, request)
    encoded = encode(tokenizer, request)
    prefix = methods.prefill(model, encoded.prompt)
    kept = [methods.continue_rows(model, prefix, encoded.tails, keep=True) for _ in range(2)]
    found = [
        methods.naive_last_rows(model, tokenizer, request),
        methods.padded(model, tokenizer, request),
        *kept,
        methods.PerPromptScorer(model, tokenizer).score([request.prompt], [request.candidates])[0].log_probs,
        methods.ours(model, tokenizer).score([request.prompt], [request.candidates])[0].log_probs,
    ]
    for log_probs in found:
        np.testing.assert_allclose(log_probs, expected, atol=1e-4)
    assert np.ptp(expected) > 1.0


def test_slow_methods_are_scaled_by_nodes_and_candidates() -> None:
    def work(model: object, tokenizer: object, request: Request) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
        return np.zeros(len(request.candidates))

    sample = {Request("a>", ("1", "2", "3", "4")): 2.0, Request("b>", ("1", "2", "3", "4")): 1.0}
    timed = slow(work, None, None, sample, few=2)  # type: ignore[arg-type]
    assert timed.part == "4 of 12 candidates, scaled"
    assert [len(scores) for scores in timed.log_probs.values()] == [2, 2]
    assert slow(work, None, None, dict.fromkeys(sample, 1.0), few=9).part == ""  # type: ignore[arg-type]


def test_the_fastest_repetition_counts() -> None:
    times = iter([3.0, 1.0, 2.0])
    assert best_of({"a": lambda: Timed(next(times))}, 3)["a"].seconds == 1.0


def test_the_whole_harness_gives_the_headline_numbers_and_the_table(
    writer: Writer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        suite, "trees", lambda writer: {suite.TREE7: writer.tree(300, 4, branching=2, depth=2, rng=generator(0))}
    )
    monkeypatch.setattr(suite, "HEADLINE", "T=300 K=4")
    monkeypatch.setattr(suite, "HEADLINE_60", "T=300 K=3")
    suites = {SMALL: suite.Suite(((300, 3), (300, 4)), trees=True, episodes=250, repetitions=1, few=1)}
    content = run.score(suites, writer, peer_venv=None, few=None, note=lambda text: None)
    rows: Sequence[measure.Row] = content.pop("rows")
    assert set(content) >= KEYS
    json.dumps(content, allow_nan=False)
    missing = {key for key in KEYS if content[key] is None}
    assert missing == {key for key in KEYS if "lm_eval" in key} | {"ratio_tree40_per_node"}
    assert content["max_abs_nat"] <= 1e-4
    times = {row.method: row.seconds for row in rows if row.scenario == suite.HEADLINE}
    assert content["ratio_cold_naive"] == times[measure.NAIVE] / times[measure.COLD]
    assert content["ratio_warm_expand"] == times[measure.ROWS_WARM] / times[measure.WARM]
    assert all(row.forwarded and row.forwarded >= (row.distinct or 0) for row in rows if "ours" in row.method)
    assert report.table(rows).row_count == len(rows)


def test_the_bundled_prior_is_measured_on_its_own_prompts() -> None:
    result = suite.measure_bundled(peak=1e11, repetitions=1)
    assert result.max_abs_nat <= 1e-4
    assert {row.model for row in result.rows} == {"bundled"}


def test_peers_are_scaled_and_compared_by_the_faster_batch_size() -> None:
    request = Request("a>", (" b", " c"))
    jobs = [
        peers.Job("node", request, peers.LM_EVAL, candidates=2, nodes=1),
        peers.Job("tree", request, peers.LM_EVAL, candidates=6, nodes=4),
    ]
    answers = [{"job": 0, "seconds": 1.0, "log_probs": [-1.0, -2.0]}, {"job": 1, "seconds": 0.5, "log_probs": []}]
    node, tree = peers.rows("m", jobs, {peers.LM_EVAL[0]: answers})
    assert (node.seconds, node.part) == (1.0, "")
    assert (tree.seconds, tree.part) == (6.0, "2 of 24 candidates, scaled")
    ours = measure.Row("m", suite.HEADLINE, measure.COLD, 0.1)
    found = [
        replace(ours, method=name, seconds=seconds) for name, seconds in zip(peers.LM_EVAL, (3.0, 2.0), strict=True)
    ]
    rows = (ours, replace(ours, method=measure.WARM, seconds=0.01), *found)
    rows += tuple(replace(row, scenario=suite.HEADLINE_60, seconds=row.seconds * 2) for row in (ours, found[0]))
    numbers = report.headline(measure.Result(rows), "m")
    assert numbers["ratio_cold_lm_eval"] == pytest.approx(20.0)
    assert numbers["ratio_warm_lm_eval"] == pytest.approx(200.0)
    assert numbers["ratio_cold_lm_eval_k60"] == pytest.approx(30.0)


def test_what_is_found_out_once_about_a_model_is_not_on_the_clock(writer: Writer) -> None:
    assert {"recipe", "engine", "encoder"} <= set(vars(methods.ours(build_model(shape(SMALL)), writer.tokenizer)))


@pytest.mark.slow
def test_lm_eval_and_llm_reasoners_agree_with_ours(writer: Writer, tmp_path: Path) -> None:
    environment = peers.default_folder()
    if not (environment / "installed").exists():
        pytest.skip("the peers' environment is not installed; python -m benchmarks.scoring.run makes it")
    save(build_model(shape(SMALL)), writer.tokenizer, tmp_path)
    result, versions = suite.measure_peers(
        SMALL, writer, folder=tmp_path, environment=environment, few=2, report=lambda text: None
    )
    assert result.max_abs_nat <= 1e-4
    assert {row.method for row in result.rows} == {*peers.LM_EVAL, peers.REASONERS}
    assert {"lm_eval", "llm-reasoners"} <= set(versions)


def test_the_demo_gives_the_same_records_with_the_first_scorer() -> None:
    compared = demo.compare(1, repetitions=1)
    assert compared.differences == ()
    assert compared.episodes == 1
    assert compared.ratio > 0


def test_records_may_differ_in_costs_and_in_rounding_only() -> None:
    one = {"action": "a", "score": 1.0, "calls": 3, "ledger": {"seconds": 1.0, "tokens_forwarded": 5}, "path": ["x"]}
    same = {**one, "score": 1.00005, "ledger": {"seconds": 2.0, "tokens_forwarded": 7}}
    assert list(demo.differences(one, same)) == []
    other = {**one, "score": 1.001, "calls": 4, "path": ["x", "y"]}
    places = [text.partition(":")[0] for text in demo.differences(one, other)]
    assert places == [".calls", ".path", ".score"]


def test_schedules_and_precision_are_measured_on_any_device(writer: Writer) -> None:
    schedules = gpu.measure_schedules(shape(SMALL), writer, device="cpu", dtype=torch.bfloat16, tokens=300, episodes=2)
    assert min(schedules.per_node, schedules.per_depth, schedules.across_episodes) > 0
    assert schedules.limit_bytes > 0
    precision = gpu.measure_precision(shape(SMALL), writer, "cpu", torch.bfloat16, tokens=300)
    assert 0 < precision.mean_kl <= precision.max_kl
    assert 0 <= precision.top1_agreement <= 1


def test_without_a_gpu_its_part_says_that_it_did_not_run(writer: Writer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert gpu.run(writer, lambda text: None) == {"skipped": "no CUDA device"}


@pytest.mark.gpu
def test_a_gpu_runs_the_schedules(writer: Writer) -> None:
    if not torch.cuda.is_available():
        pytest.skip("no CUDA device")
    schedules = gpu.measure_schedules(
        shape("135M"), writer, device="cuda", dtype=torch.bfloat16, tokens=500, episodes=2
    )
    assert schedules.peak_bytes > 0


def test_real_games_become_rooms_whose_plans_they_answer() -> None:
    data = os.environ.get("SLINVIT_DATA")
    if data is None and os.environ.get("CI") is None:
        pytest.skip("SLINVIT_DATA is not set")
    assert data is not None, "SLINVIT_DATA is not set"
    source, found = rooms(Path(data), 3, generator(0))
    assert (source, len(found)) == ("ALFWorld valid_seen", 3)
    for room in found:
        assert all(room.answer(action) != "Nothing happens." for action in room.plan)
        assert len(room.actions()) >= 20


def test_an_action_outside_the_plan_does_nothing() -> None:
    room = Room("put some mug on desk.", {"desk 1": ("mug 1",), "bed 1": ()}, frozenset(), ())
    assert room.answer("dance") == "Nothing happens."
    assert room.answer("go to desk 1") == "You arrive at desk 1. On the desk 1, you see a mug 1."
    assert room.answer("go to bed 1") == "You arrive at bed 1. On the bed 1, you see nothing."


@pytest.mark.parametrize(
    ("arguments", "environment", "says"),
    [
        (["--models", "135", "--no-peers"], {}, "unknown model '135'; did you mean '135M'?"),
        (["--no-peers"], {"SLINVIT_DATA": "nowhere"}, "SLINVIT_DATA=nowhere has no alfworld/valid_seen.tar.xz"),
    ],
)
def test_bad_input_is_one_line_and_exit_code_2(
    arguments: list[str], environment: dict[str, str], says: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    app = typer.Typer()
    app.command()(run.main)
    result = CliRunner().invoke(app, arguments)
    assert result.exit_code == 2
    assert says in result.output
