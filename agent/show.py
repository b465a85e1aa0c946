"""An episode as a reader would want it: state, proposals, tree, what was chosen and why."""

import math
import re
from collections.abc import Iterator, Sequence
from pathlib import Path

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text
from rich.tree import Tree

from agent.episode import Decision, Episode, Failure, Record
from agent.records import read_header, read_records
from agent.report import number_text
from planners.graph import expansions, levin_bound
from slinvit.errors import InputError, did_you_mean
from slinvit.tree import Node, SearchTree

MOST_NODES = 200
"""Nodes of a tree that are drawn; the record holds all."""

WHY = {
    "done": "the search did what it was asked to",
    "goal": "a state that satisfies the goal was found",
    "budget": "a limit was reached; this is the best plan so far",
    "dead-end": "no action leads to a state not yet visited",
    "exhausted": "nothing was left to expand",
}


def load_run(folder: Path) -> list[Record]:
    """Return the records of a run folder, by task id (2 before 10); raises ``RecordError`` where there is none."""
    read_header(folder)
    records = read_records(folder)
    return [records[task] for task in sorted(records, key=_natural)]


def pick(records: Sequence[Record], wanted: str) -> Record:
    """Return the record with this number in the list, or of this task.

    Raises:
        InputError: no such episode.
    """
    ids = [record.task for record in records]
    if wanted in ids:
        return records[ids.index(wanted)]
    if wanted.isdecimal() and int(wanted) < len(records):
        return records[int(wanted)]
    allowed = f"a number from 0 to {len(records) - 1} or a task id" if records else "nothing: the run holds no episode"
    raise InputError(f"no episode {wanted!r}{did_you_mean(wanted, ids)}; allowed: {allowed}")


def episode_list(records: Sequence[Record]) -> Table:
    """Return all episodes of a run as a table."""
    table = Table()
    for column in ("#", "task", "ended", "steps", "optimal", "LLM calls", "simulator steps"):
        table.add_column(column, justify="left" if column in ("task", "ended") else "right")
    for number, record in enumerate(records):
        if isinstance(record, Failure):
            table.add_row(str(number), Text(record.task), Text(f"failed: {record.error}"))
            continue
        optimal, spent = record.report.get("optimal"), record.ledger
        costs = (str(spent.llm_calls), str(spent.sim_steps))
        optimum = "-" if optimal is None else str(optimal)
        table.add_row(str(number), Text(record.task), record.stopped_by, str(len(record.steps)), optimum, *costs)
    return table


def episode_view(record: Record) -> RenderableType:
    """Return one episode, decision by decision."""
    if isinstance(record, Failure):
        return Text(f"{record.task}: failed to run: {record.error}")
    parts: list[RenderableType] = [_headline(record)]
    for number, decision in enumerate(record.decisions, start=1):
        parts += _decision_view(number, decision)
    parts.append(Text(f"\nended: {record.stopped_by} after {len(record.steps)} steps", style="bold"))
    return Group(*parts)


def _natural(task: str) -> list[tuple[int, str]]:
    return [(int(part), "") if part.isdecimal() else (-1, part) for part in re.split(r"(\d+)", task)]


def _headline(episode: Episode) -> Text:
    facts = ", ".join(f"{key} {value}" for key, value in episode.report.items())
    return Text.assemble(
        (f"{episode.task}\n", "bold"),
        f"goal: {episode.goal}\n",
        f"start: {episode.start}\n",
        f"at most {episode.horizon} steps; {facts}; seed {episode.seed}",
    )


def _decision_view(number: int, decision: Decision) -> Iterator[RenderableType]:
    yield Text(f"\ndecision {number}", style="bold")
    yield Text(f"state: {decision.observation}")
    if decision.prior is not None:
        yield Text(f"the prior ({decision.prior.method}) proposes:")
        ranked = sorted(zip(decision.prior.log_probs, decision.prior.actions, strict=True), key=lambda pair: -pair[0])
        yield from (Text(f"  {math.exp(log_prob):6.1%}  {action}") for log_prob, action in ranked)
    yield _drawn(decision.tree, decision.target)
    yield Text(_choice(decision))
    for step in decision.steps:
        refused = "" if step.valid else " (refused)"
        yield Text(f"executed: {step.action}{refused}, reward {number_text(step.reward)}")
        if step.details:
            yield Text(f"graded: {', '.join(f'{name} {_detail_text(value)}' for name, value in step.details.items())}")
    if decision.surprised:
        yield Text("the world answered otherwise than the simulator; the rest of the path was dropped")


def _detail_text(value: object) -> str:
    return number_text(value) if isinstance(value, float) else str(value)


def _choice(decision: Decision) -> str:
    why = WHY[decision.stopped_by]
    if not decision.path:
        return f"chosen: nothing ({why})"
    path = "; ".join(decision.path)
    tree = decision.tree
    effort = f"{len(tree.nodes)} nodes seen, {expansions(tree)} expanded"
    if tree.actions(decision.target):
        effort += f"; length / probability of the path: {number_text(levin_bound(tree, decision.target))}"
    return f"chosen: {path}\nwhy: score {number_text(decision.score)}, {why}; {effort}"


def _drawn(tree: SearchTree, target: int) -> Tree:
    chosen = set(tree.path(target)) if tree.nodes else set()
    drawn = Tree(Text("tree (score, value, probability; * chosen)"))
    branches = {-1: drawn, 0: drawn}
    for index, node in enumerate(tree.nodes[:MOST_NODES]):
        if index:
            branches[index] = branches[node.parent].add(_node_text(node, index in chosen))
    if len(tree.nodes) > MOST_NODES:
        drawn.add(Text(f"... {len(tree.nodes) - MOST_NODES} more nodes"))
    return drawn


def _node_text(node: Node, chosen: bool) -> Text:
    numbers = [
        f"{name} {number_text(value)}"
        for name, value in (("score", node.score), ("value", node.value), ("reward", node.reward or None))
        if value is not None
    ]
    marks = [word for word, holds in (("solved", node.solved), ("over", node.over and not node.solved)) if holds]
    visits = [f"{node.visits} visits"] if node.visits > 1 else []
    notes = ", ".join([*numbers, f"p {math.exp(node.log_prob):.1%}", *visits, *marks])
    return Text(f"{'* ' if chosen else ''}{node.action}  [{notes}]", style="bold" if chosen else "")
