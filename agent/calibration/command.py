"""``slinvit calibrate``: what a prior knows about an environment, before anything is trained."""

import json
from pathlib import Path
from typing import Annotated, Any

import typer


def command(
    env: Annotated[
        str | None, typer.Argument(help="Environment: blocksworld or tabular exactly; others with --against.")
    ] = None,
    env_option: Annotated[str | None, typer.Option("--env", help="The same as an option.")] = None,
    tasks: Annotated[str | None, typer.Option(help="Task source, as for `slinvit run`.")] = None,
    instances: Annotated[str | None, typer.Option(help="Folder or archive with the files of a task list.")] = None,
    prior: Annotated[
        str | None,
        typer.Option(
            help="Prior; tabular also at-kl:NATS, boltzmann:BETA, adversarial, array:FILE.npy (default: the world's)."
        ),
    ] = None,
    against: Annotated[str | None, typer.Option(help="A stronger policy, as --prior.")] = None,
    value: Annotated[list[str] | None, typer.Option(help="Value estimator; several times for several.")] = None,
    lam: Annotated[list[float] | None, typer.Option(help="Weight of log pi; several times for a grid.")] = None,
    epsilon: Annotated[
        float | None, typer.Option(help="Tabular: accepted distance from the optimal return (default: a tenth).")
    ] = None,
    horizon: Annotated[str, typer.Option(help="Steps per episode: a number, or 2x the optimal length.")] = "2x",
    random_states: Annotated[
        int | None, typer.Option(help="Random states per task (8); tabular worlds are measured whole.")
    ] = None,
    limit: Annotated[int | None, typer.Option(help="At most this many tasks.")] = None,
    seed: Annotated[int, typer.Option(help="Of everything random.")] = 0,
    out: Annotated[Path | None, typer.Option(help="Folder for calibration.json and figures.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object instead of tables.")] = False,
) -> None:
    """Measure a prior on an environment: distance from the best actions, coverage, and what to mix it with."""
    from agent.calibration import report
    from agent.calibration.measure import Request, calibrate
    from agent.settings import Settings, usual_parts
    from slinvit.errors import InputError

    world = _chosen(env, env_option)
    usual = usual_parts(world)
    bench = Settings(
        env=world,
        tasks=tasks or usual["tasks"],
        instances=instances,
        horizon=horizon,
        limit=limit,
        seed=seed,
        prior=prior or usual["prior"],
    )
    states = {} if random_states is None else {"random_states": random_states}
    request = Request(bench, against=against, values=tuple(value or ()), lams=tuple(lam or ()), **states)
    found: dict[str, Any]
    if world == "tabular":
        if random_states is not None:
            raise InputError("--random-states is not for tabular worlds: all of their states are measured")
        from agent.calibration.worlds import calibrate_worlds

        found = calibrate_worlds(request, epsilon)
    elif epsilon is not None:
        raise InputError("--epsilon is for tabular worlds, where the loss of every lam is known exactly")
    else:
        found = calibrate(request)
    if out is not None:
        report.write(found, out)
    if as_json:
        typer.echo(json.dumps(report.as_json(found), ensure_ascii=False, allow_nan=False, indent=2))
    else:
        _print(found, out)


def _chosen(env: str | None, option: str | None) -> str:
    from slinvit.errors import InputError

    if env is None and option is None:
        raise InputError("which environment? slinvit calibrate ENV, for example blocksworld or tabular")
    if env is not None and option is not None and env != option:
        raise InputError(f"two environments: {env!r} and --env {option!r}; give one")
    return str(env or option)


def _print(found: dict[str, Any], out: Path | None) -> None:
    from rich.console import Console

    from agent.calibration.report import tables

    console = Console(highlight=False)
    for part in tables(found):
        console.print(part)
    if out is not None:
        typer.echo(f"written: {out}", err=True)
