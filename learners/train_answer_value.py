"""The command that trains the learned value of InterCode answers: ``slinvit train-answer-value intercode-sql``."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from slinvit.errors import InputError

if TYPE_CHECKING:
    from learners.answer_value import Example
    from value_estimators.intercode.learned import AnswerValue


def command(
    env: Annotated[str, typer.Argument(help="intercode-sql or intercode-bash, with options.")],
    prior: Annotated[str, typer.Option(help="Whose proposals are judged: recorded:PATH,...")],
    out: Annotated[Path, typer.Option(help="File for the weights, JSON.")],
    tasks: Annotated[str | None, typer.Option(help="Task source (default: the world's).")] = None,
    engine: Annotated[str | None, typer.Option(help="Engine of the world, where it has several.")] = None,
    folds: Annotated[int, typer.Option(min=2, help="Most folds of databases or file systems.")] = 20,
    ridge: Annotated[float, typer.Option(min=0.0, help="Weight of the squared norm.")] = 3.0,
    seed: Annotated[int, typer.Option(min=0, help="Of the tasks and the prior.")] = 0,
) -> None:
    """Learn which answers earn a reward of 1; every place is judged by weights learned without it."""
    from agent.settings import Settings, usual_parts
    from learners.answer_value import examples, learn
    from value_estimators.intercode.learned import save

    chosen = tasks or usual_parts(env)["tasks"]
    settings = Settings(env=env, tasks=chosen, engine=engine, prior=prior, seed=seed)
    found = list(examples(settings))
    domain = env.partition(":")[0]
    successes = sum(example.success for example in found)
    card = {
        "env": env,
        "tasks": chosen,
        "prior": prior,
        "examples": len(found),
        "successes": successes,
        "ridge": ridge,
        "seed": seed,
        "limits": "judges first commands; on places that are not in folds it was not checked here",
    }
    if not found:
        raise InputError(f"the prior {prior!r} proposes nothing that can be executed for {chosen!r}")
    value = learn(domain, found, folds=folds, ridge=ridge, card=card)
    save(value, out)
    typer.echo(f"{len(found)} proposals, {successes} with reward 1, in {len(value.folds)} places", err=True)
    typer.echo(f"held out: {_measured(value, found)}", err=True)
    typer.echo(f"written: {out}", err=True)


def _measured(value: "AnswerValue", found: Sequence["Example"]) -> str:
    import math

    judged = [each for each in found if each.ran]
    chances = [(value.weights(each.place).probability(each.features), each.success) for each in judged]
    loss = -sum(math.log(max(p if success else 1 - p, 1e-12)) for p, success in chances) / len(chances)
    right = sum((p >= 0.5) == success for p, success in chances) / len(chances)
    return f"log-loss {loss:.3f} nats, accuracy {right:.3f} at one half"
