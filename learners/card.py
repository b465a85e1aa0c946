"""The model card that goes with the bundled prior: for people, and for programs."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

TEXT = """\
# tiny-blocks-prior

A causal language model of {parameters:,} parameters (Llama architecture, bfloat16), trained from nothing by this
repository on synthetic BlocksWorld text: statements in the manner of PlanBench, each followed by up to {max_actions}
actions of a noisy optimal planner.

**What it is for.** An imperfect action prior that lets every example, test and demo run offline.
**What it is not.** It knows no English beyond these templates and no other domain; other text is refused. It had
planner supervision in the very domain it is used in, which a general language model lacks. Numbers obtained with it say
that the algorithm uses an imperfect prior correctly; they say nothing about large models.

## Training

    {command}

{documents:,} documents ({steps:,} steps of {batch}), made on the fly and never stored: {blocks} blocks out of 12
colours, starts at every distance from the goal equally often, optimal actions with probability {optimal:.2f} (ties
uniform), else any applicable action. Fewer blocks come first (at most {curriculum} of the first cycle). AdamW,
{cycles} cycles of cosine decay from {rate:g} (later cycles {decay:g} of the one before), loss on plan tokens (prompt
tokens weigh {prompt_weight:g}). Seeds that do not learn to bind names within 500 steps are given up.

Held out: no training start, and no state at which a later action is learned, is a (state, goal) of PlanBench
`generated_basic` up to the names of the blocks ({held_out} classes). Other states of those problems do occur; the space
of 4 blocks is small.

## Quality

Share of states in which the most probable action is optimal, on {count:,} random decisions drawn with a seed of their
own, beside a uniform choice; `top 2`: one of the two most probable actions is.

| states | decisions | top 1 | top 2 | uniform | gate |
|---|---|---|---|---|---|
{rows}

Validation loss {validation:.4f} nats per plan token.

## Limits

Trained on 3 to 6 blocks; more blocks, up to the 12 colours it knows, are extrapolation. Goals of the form "A is on top
of B" only. With 3 to 5 blocks most states occur in training up to names, so the table above measures fit there, not
generalisation. Not calibrated: temperatures and mixtures are the user's choice.
"""


def write_card(folder: Path, content: Mapping[str, Any]) -> None:
    """Write ``training.json`` and ``README.md``; ``content`` is what :func:`learners.train_prior.train` learned."""
    (folder / "training.json").write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")
    corpus, training, report = content["corpus"], content["training"], content["report"]
    rows = [
        f"| {name.removeprefix('top1').strip('_').replace('_', ' ') or 'all'} | {row['count']} | {row['model']:.3f} "
        f"| {row['top2']:.3f} | {row['uniform']:.3f} | {content['gates'].get(name, '')} |"
        for name, row in report["slices"].items()
    ]
    text = TEXT.format(
        parameters=content["parameters"],
        command=content["command"],
        max_actions=corpus["max_actions"],
        documents=training["steps"] * training["cycles"] * training["batch_size"],
        steps=training["steps"] * training["cycles"],
        batch=training["batch_size"],
        blocks=f"{min(corpus['blocks'])} to {max(corpus['blocks'])}",
        optimal=1 - corpus["noise"],
        curriculum=", ".join(f"{blocks} in the first {share:.0%}" for share, blocks in corpus["curriculum"]),
        rate=training["learning_rate"],
        cycles=training["cycles"],
        decay=training["cycle_decay"],
        prompt_weight=training["prompt_weight"],
        held_out=content["held_out_classes"],
        count=report["slices"]["top1"]["count"],
        rows="\n".join(rows),
        validation=report["losses"][-1][2],
    )
    (folder / "README.md").write_text(text, encoding="utf-8")
