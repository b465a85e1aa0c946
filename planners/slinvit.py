"""SLINVIT: breadth-first look-ahead of a few levels, with the prior as proposal and as regulariser."""

import math
from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Literal

import numpy as np

from planners.base import TreePlanner, regularised
from planners.growth import Child, Draft, Edge, Growth, estimate, evaluate, propose, simulate
from planners.questions import Asking
from slinvit.errors import InputError
from slinvit.kl import soft_value
from slinvit.tree import StoppedBy
from slinvit.types import Action, ActionDistribution, taken_before


@dataclass(frozen=True, kw_only=True)
class Slinvit(TreePlanner):
    """Looks ``depth`` levels ahead and follows the path with the largest rewards + lam * sum log pi + V(leaf).

    One prior, one simulator and one value call per level for the whole frontier; with ``expand="prior"`` only leaves
    are evaluated. log pi is over all admissible actions, in nats; V is 0 where the episode is over. The search ends at
    the first level that holds a solved state. Only actions in the prior's support are considered. Nodes that could not
    be continued compete only when no node of full depth exists.

    Args:
        parts: what answers its questions.
        max_nodes: most nodes per plan.
        breadth: children kept per node.
        depth: levels.
        lam: units of return per nat; ``inf`` leaves the choice to the prior.
        expand: ``prior``: the most probable actions are simulated, ties broken at random. ``all``: all are simulated,
            and the best by reward + lam * log pi + V kept, ties in the order of the actions.
        proposals: with ``expand="prior"``, the ``top`` actions of a node, or as many ``sampled`` from the prior without
            replacement.
        mask: drop states already visited in the episode or on the path. At the root, when nothing is left, less
            probable actions are tried until one leads somewhere new.
        backtrack: let the mask return to a state visited in the episode, but never repeat an action already taken in
            it, so that a wrong step can be undone and no step is taken twice.
        merge: equal states are one node: of equal depth the better path stays, a deeper one is dropped. Where any text
            may be typed those of equal depth all stay: two commands with one answer are two votes for it.
        execute: ``first`` action or whole ``path``; a path that reaches the goal in the simulator is executed whole.
        backup: ``leaf``: as above. ``soft``: V of a node is the soft value of its kept children, the prior renormalised
            over them; every step takes the largest reward + V + lam * log pi.
        scoring: ``paper-code`` is the rule of the released code, probability in the place of log-probability; legacy.

    Raises:
        InputError: an option outside what is allowed, or ``paper-code`` with the soft backup, which needs nats.

    Source: arXiv:2402.16181, Algorithm 2
    """

    breadth: int = 2
    depth: int = 4
    lam: float = 0.3
    expand: Literal["prior", "all"] = "prior"
    proposals: Literal["top", "sampled"] = "top"
    mask: bool = True
    backtrack: bool = True
    merge: bool = True
    execute: Literal["first", "path"] = "first"
    backup: Literal["leaf", "soft"] = "leaf"
    scoring: Literal["log", "paper-code"] = "log"

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.scoring == "paper-code" and self.backup == "soft":
            raise InputError("Slinvit: scoring 'paper-code' has no soft backup; use backup=leaf or scoring=log")

    def grow(self, growth: Growth, rng: np.random.Generator) -> Asking[StoppedBy]:
        """Add level after level."""
        level = [growth.root]
        for _ in range(self.depth):
            children = yield from self._children(growth, level, rng)
            if any(child.state.solved for child in children):
                growth.add([child for child in children if child.state.solved or self.expand == "prior"])
                return "goal"
            level = yield from self._kept(growth, children)
            if not level:
                break
        return "done"

    def choose(self, growth: Growth) -> Asking[Draft]:
        """Return the best solved node, else the best leaf, else the end of the softly best path."""
        if growth.solved:
            return self._best(growth.solved)
        if self.backup == "soft":
            yield from evaluate(node for node in growth.nodes if not _kept_children(node))
            return self._softly_best(growth)
        leaves = self._leaves(growth)
        yield from evaluate(leaves)
        return self._best(leaves)

    def committed(self, target: Draft) -> int | None:
        """Return 1, or all where the goal was seen or the whole path is wanted."""
        return 1 if self.execute == "first" and not target.state.solved else None

    def _children(self, growth: Growth, level: Sequence[Draft], rng: np.random.Generator) -> Asking[list[Child]]:
        nodes = [node for node in level if node.open]
        width, ties = (self.breadth, rng) if self.expand == "prior" else (None, None)
        proposals = yield from propose(nodes, width)
        drawn = self.expand == "prior" and self.proposals == "sampled"
        orders = [_drawn(proposal, rng) if drawn else proposal.ranked(ties) for proposal in proposals]
        ranked = [
            [Edge(node, action, log_prob) for action, log_prob in order if action not in taken]
            for node, order, taken in zip(nodes, orders, map(self._taken, nodes), strict=True)
        ]
        children = yield from simulate([edge for edges in ranked for edge in edges[:width]])
        fresh = self._fresh(growth, children)
        if level == [growth.root] and width is not None:
            rest = ranked[0][width:] if ranked else []
            while rest and not fresh:
                fresh = self._fresh(growth, (yield from simulate([rest.pop(0)])))
        return fresh

    def _fresh(self, growth: Growth, children: Sequence[Child]) -> list[Child]:
        kept: dict[Hashable, Child] = {}
        for number, child in enumerate(children):
            key = child.state.key
            if self.mask and (child.edge.parent.on_path(key) or (not self.backtrack and key in growth.trajectory)):
                continue
            if not self.merge or (child.edge.parent.state.actions is None and growth.find(key) is None):
                kept[number] = child
            elif growth.find(key) is None and (key not in kept or self._so_far(child) > self._so_far(kept[key])):
                kept[key] = child
        return list(kept.values())

    def _taken(self, node: Draft) -> frozenset[Action]:
        return taken_before(node.state) if self.mask and self.backtrack else frozenset()

    def _kept(self, growth: Growth, children: list[Child]) -> Asking[list[Draft]]:
        if self.expand == "prior":
            return growth.add(children)
        values = yield from estimate([child.state for child in children])
        ranked = sorted(zip(children, values, strict=True), key=lambda pair: self._rank(*pair))
        families = groupby(ranked, key=lambda pair: pair[0].edge.parent.index)
        best = [pair for _, family in families for pair in list(family)[: self.breadth]]
        added = growth.add([child for child, _ in best])
        for node, (_, value) in zip(added, best, strict=True):
            node.value = value
        return added

    def _rank(self, child: Child, value: float) -> tuple[int, float]:
        edge = child.edge
        return edge.parent.index, -regularised(child.reward + value, self._term(edge.log_prob), self.lam)

    def _leaves(self, growth: Growth) -> list[Draft]:
        nodes = growth.nodes[1:]
        if nodes[-1].depth == self.depth:
            return [node for node in nodes if node.depth == self.depth or node.state.over]
        return [node for node in nodes if not _kept_children(node)]

    def _best(self, leaves: Sequence[Draft]) -> Draft:
        for leaf in leaves:
            value = 0.0 if leaf.value is None else leaf.value
            leaf.score = regularised(leaf.path_reward + value, self._prior_sum(leaf), self.lam)
        return max(leaves, key=lambda leaf: leaf.score or 0.0)

    def _softly_best(self, growth: Growth) -> Draft:
        for node in reversed(growth.nodes):
            children = _kept_children(node)
            if children:
                node.value = _soft(children, self.lam)
            node.score = regularised(node.reward + (node.value or 0.0), node.log_prob, self.lam)
        target = growth.root
        while children := _kept_children(target):
            target = max(children, key=lambda child: child.score or 0.0)
        return target

    def _so_far(self, child: Child) -> float:
        parent, _, log_prob = child.edge
        nats = self._prior_sum(parent) + self._term(log_prob)
        return regularised(parent.path_reward + child.reward, nats, self.lam)

    def _prior_sum(self, node: Draft) -> float:
        if self.scoring == "log":
            return node.path_log_prob
        return sum(self._term(step.log_prob) for step in node.path()[1:])

    def _term(self, log_prob: float) -> float:
        return log_prob if self.scoring == "log" else math.exp(log_prob)


def _drawn(proposal: ActionDistribution, rng: np.random.Generator) -> Sequence[tuple[Action, float]]:
    """Return (action, log-probability) pairs in the order in which actions are drawn without replacement."""
    order = np.argsort(-(proposal.log_probs + rng.gumbel(size=len(proposal.actions))))
    return [(proposal.actions[i], float(proposal.log_probs[i])) for i in order if proposal.log_probs[i] > -np.inf]


def _kept_children(node: Draft) -> list[Draft]:
    return [child for child in node.children.values() if child is not None]


def _soft(children: Sequence[Draft], lam: float) -> float:
    log_prior = np.array([child.log_prob for child in children])
    log_prior -= np.logaddexp.reduce(log_prior)
    return float(soft_value([child.reward + (child.value or 0.0) for child in children], log_prior, lam))
