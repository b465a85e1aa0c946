"""What is measured on which model."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks.scoring import peers
from benchmarks.scoring.measure import Bench, Result
from benchmarks.scoring.methods import ours
from benchmarks.scoring.models import build_model, save, shape
from benchmarks.scoring.scenarios import Request, Writer
from envs import ENVS
from priors import local, templates
from slinvit.registry import Spec
from slinvit.rng import generator

Report = Callable[[str], None]
HEADLINE, HEADLINE_60, TREE7, TREE40 = "T=1500 K=20", "T=1500 K=60", "tree of 7 nodes", "tree of 40 nodes"
BUNDLED = "bundled"


@dataclass(frozen=True)
class Suite:
    """What is measured on one model.

    Attributes:
        nodes: prompt length in tokens, candidates.
        trees: the trees of 7 and 40 nodes.
        episodes: prompt length of four concurrent episodes; 0: none.
        repetitions: of the fast methods.
        few: candidates on which the naive loop and the padded batch are timed.
        all_at_headline: time them on all candidates of the headline node.
    """

    nodes: tuple[tuple[int, int], ...]
    trees: bool = False
    episodes: int = 0
    repetitions: int = 2
    few: int = 2
    all_at_headline: bool = False


_SIZES = ((500, 5), (500, 20), (1500, 20), (1500, 60), (3000, 20))
FULL = {
    "10M": Suite(_SIZES, trees=True, episodes=800, repetitions=3, few=4, all_at_headline=True),
    "135M": Suite(((500, 20), (1500, 20)), episodes=800),
    "0.5B": Suite(((500, 20), (1500, 20)), few=1),
}
QUICK = {"10M": Suite(((1500, 20), (1500, 60)), trees=True)}


def measure(name: str, suite: Suite, writer: Writer, *, peak: float, folder: Path | None, report: Report) -> Result:
    """Return the rows of the model called ``name``; it is saved to ``folder`` where one is given.

    Raises:
        UnknownName: no such model.
    """
    model = build_model(shape(name))
    if folder is not None:
        save(model, writer.tokenizer, folder)
    bench = Bench(name, model, writer.tokenizer, peak, suite.repetitions, suite.few)
    result = Result()
    for tokens, count in suite.nodes:
        scenario = f"T={tokens} K={count}"
        report(f"{name}, {scenario}")
        few = count if suite.all_at_headline and scenario == HEADLINE else suite.few
        result += bench.node(scenario, node(writer, tokens, count), few)
    if suite.trees:
        report(f"{name}, trees")
        for scenario, levels in trees(writer).items():
            result += bench.tree(scenario, levels)
    if suite.episodes:
        report(f"{name}, episodes")
        rng = generator(0, "episodes")
        parts = [writer.tree(suite.episodes, 10, branching=2, depth=2, rng=rng, task=task) for task in range(4)]
        result += bench.episodes(f"4 episodes x 7 nodes, T={suite.episodes} K=10", parts)
    return result


def measure_bundled(peak: float, repetitions: int = 3) -> Result:
    """Return the rows of the prior that ships with the library, on a BlocksWorld state with many actions."""
    scorer = local.bundled(Spec("bundled")).scorer
    domain = ENVS.load("blocksworld")()
    (instance,) = domain.load("random:1,blocks=10", instances=None, seed=0, limit=1, horizon="2x")
    state = domain.environment(instance).reset()
    request = Request(templates.template("blocksworld").prompt(state), tuple(state.actions or ()))
    bench = Bench(BUNDLED, scorer.model, scorer.tokenizer, peak, repetitions, few=len(request.candidates))
    return bench.node(f"10 blocks, K={len(request.candidates)}", request)


def measure_peers(
    name: str, writer: Writer, *, folder: Path, environment: Path, few: int | None, report: Report
) -> tuple[Result, dict[str, str]]:
    """Return the peers' rows on the model saved in ``folder``, their largest difference from ours, their versions.

    Args:
        name: of the model.
        writer: of the prompts.
        folder: where model and tokenizer were saved.
        environment: where the peers are, or are to be, installed.
        few: candidates timed per node, scaled up; all by default.
        report: told what happens.
    """
    report(f"peers in {environment} (made where missing)")
    python = peers.install(environment)
    report(f"{name}, lm-eval and llm-reasoners")
    outcome = peers.measure(python, name, folder, _jobs(writer, few))
    scorer = ours(build_model(shape(name)), writer.tokenizer)
    largest = 0.0
    for request, log_probs in outcome.log_probs:
        (scores,) = scorer.score([request.prompt], [request.candidates])
        largest = max(largest, float(abs(scores.log_probs - log_probs).max()))
    return Result(outcome.rows, largest), dict(outcome.versions)


def node(writer: Writer, tokens: int, count: int) -> Request:
    """Return the node of that size; the same in every run."""
    return writer.node(tokens, count, generator(0, f"node {tokens} {count}"))


def trees(writer: Writer) -> dict[str, Sequence[Sequence[Request]]]:
    """Return the two search trees; the same in every run."""
    return {
        TREE7: writer.tree(1500, 20, branching=2, depth=2, rng=generator(0, TREE7)),
        TREE40: writer.tree(1500, 12, branching=3, depth=3, rng=generator(0, TREE40)),
    }


def _jobs(writer: Writer, few: int | None) -> list[peers.Job]:
    jobs = [_job(HEADLINE, node(writer, 1500, 20), few, 1, (*peers.LM_EVAL, peers.REASONERS))]
    jobs.append(_job(HEADLINE_60, node(writer, 1500, 60), few, 1))
    for level in trees(writer)[TREE7]:
        jobs.append(_job(TREE7, level[0], few, len(level)))
    return jobs


def _job(
    scenario: str, request: Request, few: int | None, nodes: int, peer: tuple[str, ...] = peers.LM_EVAL
) -> peers.Job:
    part = Request(request.prompt, request.candidates[:few])
    return peers.Job(scenario, part, peer, candidates=len(request.candidates), nodes=nodes)
