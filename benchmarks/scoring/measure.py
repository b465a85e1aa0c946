"""Every method on a node, a tree, concurrent episodes: rows of the table."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial

from transformers import PreTrainedModel, PreTrainedTokenizerBase  # noqa: TID251 - only the types

from benchmarks.scoring.bound import flops
from benchmarks.scoring.methods import naive, naive_last_rows, padded
from benchmarks.scoring.scenarios import Encoded, Request, Tree, distinct_tokens, encode, merged, requests
from benchmarks.scoring.trials import (
    Timed,
    best_of,
    deviation,
    ours_in_batches,
    ours_warm,
    rows_cold,
    rows_warm,
    slow,
    time_in_model,
)

COLD, WARM = "ours, cold", "ours, warm"
ROWS_COLD, ROWS_WARM = "prefix cache + rows, cold", "prefix cache + rows, warm"
NAIVE, NAIVE_ROWS, PADDED = "naive loop", "naive loop, last rows only", "padded batch"
PER_DEPTH, PER_NODE, ACROSS = "ours, per depth", "ours, per node", "ours, per depth across episodes"
PER_NODE_CACHE = "prefix cache + rows, per node"


@dataclass(frozen=True)
class Row:
    """One line of the table.

    Attributes:
        model: its name.
        scenario: what was scored.
        method: how.
        seconds: process CPU time.
        part: what was timed where not everything was.
        forwarded: tokens the model was given.
        distinct: the fewest that would do.
        bound: least CPU time for the operations needed, in seconds.
        outside_model: share of the time spent outside the model's forward.
    """

    model: str
    scenario: str
    method: str
    seconds: float
    part: str = ""
    forwarded: int | None = None
    distinct: int | None = None
    bound: float | None = None
    outside_model: float | None = None


@dataclass(frozen=True)
class Result:
    """Rows of one or several scenarios, and how far ours was from the naive loop, in nats."""

    rows: tuple[Row, ...] = ()
    max_abs_nat: float = 0.0

    def __add__(self, other: "Result") -> "Result":
        return Result(self.rows + other.rows, max(self.max_abs_nat, other.max_abs_nat))


@dataclass(frozen=True)
class Bench:
    """A model under test.

    Attributes:
        name: in the table.
        model: in evaluation mode.
        tokenizer: of that model.
        peak: float32 operations per second of matrix products in this run.
        repetitions: of the fast methods.
        few: candidates on which the slow methods are timed.
    """

    name: str
    model: PreTrainedModel
    tokenizer: PreTrainedTokenizerBase
    peak: float
    repetitions: int = 2
    few: int = 4

    def node(self, scenario: str, request: Request, few: int | None = None) -> Result:
        """Time every method on one node."""
        parts = (self.model, self.tokenizer)
        best = best_of(
            {
                COLD: partial(ours_in_batches, *parts, [[request]]),
                WARM: partial(ours_warm, *parts, request),
                ROWS_COLD: partial(rows_cold, *parts, [request]),
                ROWS_WARM: partial(rows_warm, *parts, request),
            },
            self.repetitions,
        )
        for name, method in ((NAIVE, naive), (NAIVE_ROWS, naive_last_rows), (PADDED, padded)):
            best[name] = slow(method, *parts, {request: 1.0}, few or self.few)
        encoded = encode(self.tokenizer, request)
        work = {COLD: self._work([encoded]), WARM: self._work([encoded], [encoded.prompt])}
        return self._result(scenario, best, work)

    def tree(self, scenario: str, tree: Tree) -> Result:
        """Time a search tree depth by depth and node by node, beside a prefix cache per node and the naive loop."""
        parts = (self.model, self.tokenizer)
        nodes = requests(tree)
        best = best_of(
            {
                PER_DEPTH: partial(ours_in_batches, *parts, tree),
                PER_NODE: partial(ours_in_batches, *parts, [[node] for node in nodes]),
            },
            self.repetitions,
        )
        best[PER_NODE_CACHE] = rows_cold(*parts, nodes)
        best[NAIVE] = slow(naive, *parts, _sample(tree), few=2)
        work = self._work([encode(self.tokenizer, node) for node in nodes])
        return self._result(scenario, best, dict.fromkeys((PER_DEPTH, PER_NODE), work))

    def episodes(self, scenario: str, trees: Sequence[Tree]) -> Result:
        """Time concurrent episodes: node by node, depth by depth, and depth by depth of all together."""
        parts, together = (self.model, self.tokenizer), merged(trees)
        nodes = [node for tree in trees for node in requests(tree)]
        best = best_of(
            {
                PER_NODE: partial(ours_in_batches, *parts, [[node] for node in nodes]),
                PER_DEPTH: partial(ours_in_batches, *parts, [level for tree in trees for level in tree]),
                ACROSS: partial(ours_in_batches, *parts, together),
            },
            self.repetitions,
        )
        best[PER_NODE_CACHE] = rows_cold(*parts, nodes)
        best[NAIVE] = slow(naive, *parts, _sample(together), few=1)
        work = self._work([encode(self.tokenizer, node) for node in nodes])
        outside = {PER_NODE: self._outside([[node] for node in nodes]), ACROSS: self._outside(together)}
        return self._result(scenario, best, dict.fromkeys((PER_NODE, PER_DEPTH, ACROSS), work), outside)

    def _work(self, encoded: Sequence[Encoded], cached: Sequence[Sequence[int]] = ()) -> tuple[int, float]:
        """Return the tokens that have to be forwarded, and the least seconds that takes."""
        rows = [row for each in encoded for row in (each.prompt, *each.rows)]
        tokens = distinct_tokens([*cached, *rows]) - distinct_tokens(cached)
        return tokens, flops(self.model, encoded, cached) / self.peak

    def _outside(self, batches: Sequence[Sequence[Request]]) -> float:
        with time_in_model(self.model) as inside:
            timed = ours_in_batches(self.model, self.tokenizer, batches)
        return 1.0 - inside[0] / timed.seconds

    def _result(
        self,
        scenario: str,
        best: Mapping[str, Timed],
        work: Mapping[str, tuple[int, float]],
        outside: Mapping[str, float] | None = None,
    ) -> Result:
        rows = []
        for name, timed in best.items():
            distinct, bound = work.get(name, (None, None))
            share = (outside or {}).get(name)
            rows.append(
                Row(self.name, scenario, name, timed.seconds, timed.part, timed.forwarded, distinct, bound, share)
            )
        return Result(tuple(rows), max(deviation(best[name], best[NAIVE]) for name in work))


def _sample(tree: Tree) -> dict[Request, float]:
    """Return the first and the last request of each depth, with how many each stands for."""
    sampled: dict[Request, float] = {}
    for level in tree:
        ends = list(dict.fromkeys((level[0], level[-1])))
        sampled |= dict.fromkeys(ends, len(level) / len(ends))
    return sampled
