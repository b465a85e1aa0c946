"""``python -m benchmarks.scoring.picture FILE.png``: the picture of docs/scoring.md, from a real token tree."""

from pathlib import Path
from typing import Annotated, Any

import numpy as np
import typer

from priors.tokentree.tree import ROOT, TokenTree

PROMPT = ["Task:", "…", "desk", "⏎", ">"]
CANDIDATES = [["go", "to", "shelf", "1", "⏎"], ["go", "to", "shelf", "10", "⏎"], ["open", "drawer", "⏎"]]
SEEN = ["a", "mug", "⏎", ">"]
CHILD = [["take", "mug", "⏎"], ["go", "to", "desk", "⏎"]]
COLOURS = {"prompt": "#c9d6e8", "candidate": "#f3c98b", "child": "#a9d5a0", "read": "#ffffff"}


class Words:
    """A token id per word."""

    def __init__(self) -> None:
        self._ids: dict[str, int] = {}

    def ids(self, words: list[str]) -> list[int]:
        """Return the ids of ``words``."""
        return [self._ids.setdefault(word, len(self._ids)) for word in words]


def forwards() -> list[tuple[list[list[int]], list[int]]]:
    """Return, for a node and its child, the path from the root to every node of the tree, and which are new."""
    words, tree, found = Words(), TokenTree(64), []
    paths: dict[int, list[int]] = {}
    for prompt, candidates in ((PROMPT, CANDIDATES), (PROMPT + CANDIDATES[2] + SEEN, CHILD)):
        old = set(paths)
        for text in (prompt, *(prompt + each[:-1] for each in candidates)):
            ids = words.ids(text)
            path = tree.follow(ROOT, ids)
            path += tree.grow(path[-1] if path else ROOT, len(path), ids[len(path) :])
            paths.update({node: path[: depth + 1] for depth, node in enumerate(path)})
        found.append((list(paths.values()), [node for node in paths if node not in old]))
    return found


def draw(file: Annotated[Path, typer.Argument(help="PNG to write.")]) -> None:
    """Draw the tree of a node and its child beside the masks of the two forwards."""
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    first, second = forwards()
    figure, (left, middle, right) = plt.subplots(
        1, 3, figsize=(11, 3.6), width_ratios=[2.3, 1, 1], layout="constrained"
    )
    _tree(left)
    _mask(middle, *first, "the node")
    _mask(right, *second, "its child")
    figure.savefig(file, dpi=80)


def _tree(axes: Any) -> None:
    """Words in boxes: filled ones are forwarded, white ones only read in the answers of those before them."""
    axes.set_axis_off()
    axes.set_title("a node, and the child behind “open drawer”", fontsize=9)
    _row(axes, PROMPT, 0, 0, "prompt")
    _row(axes, ["go", "to", "shelf"], 5, 1.5, "candidate")
    for lift, end in ((2.2, "1"), (0.8, "10")):
        _row(axes, [end], 8, lift, "candidate")
        _row(axes, ["⏎"], 9, lift, "read")
        axes.plot([7.9, 8.05], [1.5, lift], color="grey", lw=0.8, zorder=0)
    _row(axes, ["open", "drawer"], 5, -1.5, "candidate")
    _row(axes, ["⏎", *SEEN], 7, -1.5, "child")
    for lift, words in ((-0.8, ["take", "mug"]), (-2.2, ["go", "to", "desk"])):
        _row(axes, words, 12, lift, "child")
        _row(axes, ["⏎"], 12 + len(words), lift, "read")
        axes.plot([11.9, 12.05], [-1.5, lift], color="grey", lw=0.8, zorder=0)
    for lift in (1.5, -1.5):
        axes.plot([4.9, 5.05], [0, lift], color="grey", lw=0.8, zorder=0)
    axes.set_xlim(-0.1, 16.1)
    axes.set_ylim(-3.4, 2.8)
    legend = "prompt: forwarded once", "candidates: once each", "later: only what is new"
    for place, (text, kind) in enumerate(zip(legend, ("prompt", "candidate", "child"), strict=True)):
        axes.text(5.4 * place, -3.2, f" {text} ", fontsize=8, bbox={"facecolor": COLOURS[kind], "lw": 0.4, "pad": 2})


def _row(axes: Any, words: list[str], start: float, height: float, kind: str) -> None:
    for place, word in enumerate(words):
        dotted = {"ls": ":"} if kind == "read" else {}
        box = {"facecolor": COLOURS[kind], "edgecolor": "grey", "lw": 0.6, "boxstyle": "round,pad=0.2", **dotted}
        axes.text(start + place + 0.45, height, word, ha="center", va="center", fontsize=7, bbox=box)


def _mask(axes: Any, paths: list[list[int]], new: list[int], title: str) -> None:
    place = {path[-1]: column for column, path in enumerate(paths)}
    hidden = np.ones((len(new), len(paths)))
    for row, node in enumerate(new):
        hidden[row, [place[each] for each in paths[place[node]]]] = 0
    axes.imshow(hidden, cmap="gray", vmin=-0.6, vmax=1, interpolation="nearest")
    axes.set_title(f"{title}: {len(new)} tokens in one forward,\neach sees its own beginning only", fontsize=9)
    axes.set_xlabel("all tokens", fontsize=8)
    axes.set_ylabel("new tokens", fontsize=8)
    axes.set_xticks([])
    axes.set_yticks([])


if __name__ == "__main__":
    typer.run(draw)
