"""The command that trains the bundled value network: ``slinvit train-value blocksworld``."""

from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from slinvit.errors import InputError, did_you_mean

DOMAINS = ("blocksworld",)
LIMITS = (
    "trained on 3 to 6 blocks and goals of one or more 'on' facts, never on solved states; with more blocks it "
    "extrapolates; PlanBench problems are not held out of training, only the classes of the test positions are; labels "
    "are exact distances, and the features carry most of the knowledge, so as a value it is close to an oracle"
)


def command(
    domain: Annotated[str, typer.Argument(help=f"What to learn: {', '.join(DOMAINS)}.")],
    steps: Annotated[int, typer.Option(min=1, help="Gradient steps.")] = 4000,
    seed: Annotated[int, typer.Option(min=0, help="Of the weights, the states and the goals.")] = 0,
    out: Annotated[Path, typer.Option(help="Folder for the network and its card.")] = Path("value-blocksworld"),
) -> None:
    """Train a small value network on exact distances to the goal; takes seconds."""
    check_domain(domain)
    try:
        out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(f"--out {out}: cannot write there: {error.strerror}") from error
    _train(domain, steps, seed, out)


def check_domain(domain: str) -> None:
    """Raise ``InputError`` for a domain without a recipe."""
    if domain not in DOMAINS:
        raise InputError(f"no value network for {domain!r}{did_you_mean(domain, DOMAINS)}; known: {', '.join(DOMAINS)}")


def _train(domain: str, steps: int, seed: int, out: Path) -> None:
    from rich.progress import Progress

    from learners.value_training import ValueConfig, held_out_positions, measure, train
    from value_estimators.learned import save

    config = ValueConfig(steps=steps, seed=seed)
    held_out = held_out_positions(config)
    with Progress(transient=True) as progress:
        task = progress.add_task("training the value network", total=steps)
        network = train(
            config, held_out, lambda done, loss: progress.update(task, completed=done, description=f"loss {loss:.3f}")
        )
    metrics = {"all": measure(network, held_out)}
    for blocks in config.test_blocks:
        metrics[f"{blocks} blocks"] = measure(network, [p for p in held_out if len(p.support) == blocks])
    card = {
        "domain": domain,
        "command": f"slinvit train-value {domain} --steps {steps} --seed {seed}",
        "settings": asdict(config),
        "metrics": metrics,
        "limits": LIMITS,
    }
    save(network, card, out)
    _show(metrics, out)


def _show(metrics: Mapping[str, Mapping[str, Mapping[str, float]]], out: Path) -> None:
    from rich.console import Console
    from rich.table import Table

    table = Table(title="held-out states, against the exact number of steps to the goal")
    for title in ("states", "value", "mean error in steps", "Spearman"):
        table.add_column(title)
    for states, rows in metrics.items():
        for name, row in rows.items():
            table.add_row(states, name, *(f"{row[key]:.3f}" if key in row else "-" for key in ("mae", "spearman")))
    console = Console()
    console.print(table)
    console.print(f"wrote {out}")
