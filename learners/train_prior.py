"""``slinvit train-prior``: the bundled prior from nothing, resumable, seeded, with quality gates."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import numpy as np
import typer

from learners.card import write_card
from learners.corpus import BlocksWorldCorpus, CorpusConfig, Decision, Document
from slinvit.errors import InputError, UnknownName

if TYPE_CHECKING:
    from priors.scoring import CandidateScorer
    from priors.training import Progress, Trainer, TrainingConfig

DOMAINS = ("blocksworld",)
VALIDATION_SEED = 1_000_000
"""Validation texts and gate decisions are the same for every training seed."""

TOKENIZER_STREAM = 1_000_000_000
"""Generators are named by (seed, step); the tokenizer's texts come from a step that no training reaches."""

PLATEAU_STEP, PLATEAU_LOSS, ATTEMPTS = 500, 0.6, 5
"""Some seeds never learn to bind names; one whose loss is still above ``PLATEAU_LOSS`` by then is given up."""

GATES = {"top1": 0.9, "top1_near": 0.9, "top1_holding": 0.9, "top1_empty": 0.85}
"""Least share of decisions in which the most probable action is an optimal one, by slice."""

Say = Callable[[str], None]


@dataclass(frozen=True)
class Report:
    """What came out of a training.

    Attributes:
        seed: of the attempt that was kept.
        losses: (step, training loss, validation loss), nats per plan token.
        slices: share of optimal top choices by slice of the decisions, and the same for uniform choices.
        failed: gates that were missed.
    """

    seed: int
    losses: Sequence[tuple[int, float, float]]
    slices: Mapping[str, Mapping[str, float]]
    failed: Sequence[str] = field(default_factory=tuple)


def held_out_classes() -> frozenset[str]:
    """Return the classes of PlanBench problems that training never starts in; see :mod:`learners.problems`."""
    listed = resources.files("learners").joinpath("assets/planbench_classes.txt").read_text()
    return frozenset(line for line in listed.splitlines() if not line.startswith("#"))


def train(out: Path, *, steps: int, cycles: int, seed: int, threads: int, say: Say) -> Report:
    """Train the BlocksWorld prior in ``out`` and write the model to ``out/model``; continues a run that was stopped.

    Args:
        out: working folder with checkpoints.
        steps: of 32 documents each, per cycle.
        cycles: of the learning rate.
        seed: first seed; later ones are tried where a seed stays on the copying plateau.
        threads: of torch.
        say: is told one line per checkpoint.
    """
    import torch

    from priors.scoring import CandidateScorer
    from priors.training import TrainingConfig, export

    torch.set_num_threads(threads)
    corpus = BlocksWorldCorpus(CorpusConfig(), held_out_classes())
    config = replace(TrainingConfig(), steps=steps, cycles=cycles)
    kept, trainer = _first_that_learns(out, corpus, config, seed, say)
    export(trainer.model, trainer.tokenizer, out / "model")
    decisions = corpus.decisions(np.random.default_rng([VALIDATION_SEED + 1]), 1000)
    slices = measure(CandidateScorer(trainer.model, trainer.tokenizer, "trained"), decisions)
    failed = [name for name, least in GATES.items() if slices[name]["model"] < least]
    report = Report(
        kept, [(each.step, each.train_loss, each.validation_loss) for each in trainer.history], slices, failed
    )
    write_card(
        out / "model",
        {
            "command": f"slinvit train-prior blocksworld --steps {steps} --cycles {cycles} --seed {seed}",
            "parameters": sum(parameter.numel() for parameter in trainer.model.parameters()),
            "corpus": asdict(corpus.config),
            "training": asdict(trainer.config),
            "held_out_classes": len(held_out_classes()),
            "report": asdict(report),
            "gates": GATES,
        },
    )
    return report


def _first_that_learns(
    out: Path, corpus: BlocksWorldCorpus, config: "TrainingConfig", seed: int, say: Say
) -> tuple[int, "Trainer"]:
    """Return the first seed that left the copying plateau, with its finished training."""
    early = corpus.documents(np.random.default_rng([VALIDATION_SEED + 2]), 256, progress=0.0)
    for attempt in range(seed, seed + ATTEMPTS):
        trainer = _trainer(out / f"seed_{attempt}", corpus, config, attempt)
        if _run(trainer, early, say):
            return attempt, trainer
        say(f"seed {attempt}: still copying names wrongly after {PLATEAU_STEP} steps, next seed")
    raise InputError(f"none of the seeds {seed} to {seed + ATTEMPTS - 1} left the copying plateau; try others")


def measure(scorer: "CandidateScorer", decisions: Sequence[Decision]) -> dict[str, dict[str, float]]:
    """Return, by slice, how often the model's first choice is optimal, how often one of its first two is, and controls.

    ``uniform`` is the share for a uniform choice, ``count`` the number of decisions.
    """
    rows = []
    scored = scorer.score([d.prompt for d in decisions], [d.actions for d in decisions])
    for decision, scores in zip(decisions, scored, strict=True):
        order = np.argsort(-scores.log_probs)
        optimal = np.array(decision.optimal)
        rows.append((optimal[order[0]], optimal[order[:2]].any(), optimal.mean()))
    results = np.array(rows, dtype=float)
    members: dict[str, list[bool]] = {
        "top1": [True for _ in decisions],
        "top1_near": [d.distance <= 4 for d in decisions],
        "top1_far": [d.distance > 4 for d in decisions],
        "top1_holding": [d.holding for d in decisions],
        "top1_empty": [not d.holding for d in decisions],
        **{f"top1_{n}_blocks": [d.blocks == n for d in decisions] for n in sorted({d.blocks for d in decisions})},
    }
    return {
        name: dict(
            zip(("model", "top2", "uniform"), results[inside].mean(axis=0).round(3).tolist(), strict=True),
            count=sum(inside),
        )
        for name, inside in members.items()
        if any(inside)
    }


def _trainer(folder: Path, corpus: BlocksWorldCorpus, config: "TrainingConfig", seed: int) -> "Trainer":
    from priors.training import ModelConfig, Trainer, new_model, train_tokenizer

    sample = corpus.documents(np.random.default_rng([seed, TOKENIZER_STREAM]), 4000)
    shape = ModelConfig()
    tokenizer = train_tokenizer((text.prompt + text.plan for text in sample), shape.vocabulary)
    return Trainer(
        folder,
        new_model(shape, tokenizer, seed),
        tokenizer,
        config,
        batch=lambda step: corpus.documents(
            np.random.default_rng([seed, step]), config.batch_size, progress=step / config.steps
        ),
        validation=corpus.documents(np.random.default_rng([VALIDATION_SEED]), 512),
    )


def _run(trainer: "Trainer", early: Sequence[Document], say: Say) -> bool:
    """Train to the end; return False where the seed had to be given up, judged on texts like those seen so far."""

    def report(progress: "Progress") -> None:
        say(
            f"step {progress.step}/{trainer.config.steps * trainer.config.cycles}  "
            f"loss {progress.train_loss:.3f}  validation {progress.validation_loss:.4f} nats per token"
        )

    trainer.run(report, until=PLATEAU_STEP)
    if trainer.step == PLATEAU_STEP and trainer.mean_loss(early) > PLATEAU_LOSS:
        return False
    trainer.run(report)
    return True


def command(
    domain: Annotated[str, typer.Argument(help="What to train for: blocksworld.")],
    steps: Annotated[int, typer.Option(min=1, help="Optimisation steps of 32 documents per cycle.")] = 16_000,
    cycles: Annotated[int, typer.Option(min=1, help="Cycles of the learning rate.")] = 2,
    seed: Annotated[int, typer.Option(min=0, help="First seed; the next is tried where one gets stuck.")] = 1,
    threads: Annotated[int, typer.Option(min=1, help="CPU threads.")] = 1,
    out: Annotated[Path, typer.Option(help="Working folder; the same command again continues there.")] = Path(
        "runs/train-prior"
    ),
) -> None:
    """Train the small language model that ships as the default prior, from nothing, on text made on the fly."""
    if domain not in DOMAINS:
        raise UnknownName("training domain", domain, DOMAINS)
    report = train(
        out, steps=steps, cycles=cycles, seed=seed, threads=threads, say=lambda line: typer.echo(line, err=True)
    )
    for name, row in report.slices.items():
        typer.echo(f"{name:16s} model {row['model']:.3f}  top2 {row['top2']:.3f}  uniform {row['uniform']:.3f}")
    typer.echo(f"model written to {out / 'model'}; use it with --prior hf:{out / 'model'},template=blocksworld")
    if report.failed:
        typer.echo(f"quality gates missed: {', '.join(report.failed)}", err=True)
        raise typer.Exit(1)
