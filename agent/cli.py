"""The command line: ``slinvit run | compare | list | show | theory | data | intercode | train-prior | ...``.

Only typer is imported here; each command imports what it needs, so ``slinvit --help`` answers at once.
"""

import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any, Literal, Protocol, runtime_checkable

import typer

from agent import guard
from agent.data import app as data
from agent.intercode import app as intercode
from agent.lazy import LazyGroup
from agent.theory.commands import app as theory

LEDGER_HELP = (
    "With --json exactly one JSON object is printed; its `ledger` holds totals over all episodes, "
    "`success_rate` is over the episodes that ran, and `errors` counts those that failed to run."
)

INTERRUPTED = 130
KEPT = {
    "run": "finished episodes are kept, the same command continues",
    "data": "what was fetched is kept, the same command continues",
    "theory experiment": "finished runs are kept, the same command continues",
    "theory validate": "nothing is kept; --only and --quick check less",
    "calibrate": "nothing is written before everything is measured",
}
"""What an interrupted command leaves behind, by how the command begins."""


MaxUsd = Annotated[float | None, typer.Option(help="Whole run, remote models: hard limit on the bill.")]
MaxTokens = Annotated[float | None, typer.Option(help="Whole run, remote models: hard limit on tokens.")]
MaxRequests = Annotated[float | None, typer.Option(help="Whole run, remote models: hard limit on requests sent.")]
Prices = Annotated[Path | None, typer.Option(help="YAML, MODEL: {input: USD, output: USD} per million tokens.")]
Record = Annotated[Path | None, typer.Option(help="Store of remote answers (default: in the run folder).")]
ForbidOracle = Annotated[
    bool, typer.Option("--forbid-oracle", help="Refuse to run where world, prior or value reads what a grader knows.")
]
Replay = Annotated[Path | None, typer.Option(help="Take remote answers from this store; nothing is sent.")]

app = typer.Typer(
    name="slinvit",
    cls=LazyGroup,
    help="Language models as priors for search and reinforcement learning.",
    add_completion=False,
    pretty_exceptions_enable=False,
)
app.add_typer(theory, name="theory")
app.add_typer(data, name="data")
app.add_typer(intercode, name="intercode")


@runtime_checkable
class UsageProblem(Protocol):
    """What typer raises for a command line it cannot read."""

    exit_code: int

    def format_message(self) -> str:
        """Return one line."""
        ...


def main(argv: Sequence[str] | None = None) -> None:
    """Run the command line and exit: 0 done, 1 something failed, 2 bad input, 130 interrupted."""
    arguments = list(sys.argv[1:] if argv is None else argv) or ["--help"]
    in_the_way = guard.problem()
    if in_the_way is not None:
        raise SystemExit(_complain(in_the_way, 2))
    try:
        code = app(arguments, prog_name="slinvit", standalone_mode=False) or 0
    except KeyboardInterrupt:
        code = INTERRUPTED
    except Exception as error:
        code = _explain(error)
    if code == INTERRUPTED:
        _complain(_interrupted(arguments), code)
    raise SystemExit(code)


def _interrupted(arguments: Sequence[str]) -> str:
    words = " ".join(arguments[:2])
    return next((f"interrupted; {left}" for name, left in KEPT.items() if words.startswith(name)), "interrupted")


@app.callback(invoke_without_command=True)
def root(version: Annotated[bool, typer.Option("--version", help="Print the version and exit.")] = False) -> None:
    """Language models as priors for search and reinforcement learning."""
    if version:
        from importlib.metadata import version as installed

        typer.echo(f"slinvit {installed('slinvit')}")
        raise typer.Exit()


@app.command("run", epilog=LEDGER_HELP)
def run_command(
    env: Annotated[str, typer.Argument(help="Environment, NAME or NAME:option=text,...; `slinvit list` shows all.")],
    tasks: Annotated[
        str | None,
        typer.Option(help="Task source: random:N, a file, a folder, an archive, a list (default: the world's)."),
    ] = None,
    instances: Annotated[str | None, typer.Option(help="Folder or archive with the files of a task list.")] = None,
    engine: Annotated[str | None, typer.Option(help="Engine of the live world, where it has several.")] = None,
    skip_bad: Annotated[
        bool, typer.Option("--skip-bad", help="Leave out tasks that cannot be read, and count them.")
    ] = False,
    simulator: Annotated[
        Literal["exact", "none"], typer.Option(help="Whether planners may simulate the world, or must do without.")
    ] = "exact",
    trials: Annotated[int, typer.Option(help="Attempts per episode, remembered; needs --simulator none.")] = 1,
    prior: Annotated[
        str | None, typer.Option(help="Prior: bundled, uniform, placement, hf:PATH_OR_ID, ... (default: the world's).")
    ] = None,
    planner: Annotated[str, typer.Option(help="Planner: NAME or NAME:key=value,...")] = "slinvit",
    value: Annotated[str | None, typer.Option(help="Value estimator (default: the world's).")] = None,
    breadth: Annotated[int | None, typer.Option(help="k, actions kept per node (slinvit: 2).")] = None,
    depth: Annotated[int | None, typer.Option(help="N, steps of look-ahead (slinvit: 4).")] = None,
    lam: Annotated[float | None, typer.Option(help="Weight of the prior, value units per nat (slinvit: 0.3).")] = None,
    expand: Annotated[Literal["prior", "all"] | None, typer.Option(help="What is simulated at a node.")] = None,
    mask: Annotated[bool | None, typer.Option("--mask/--no-mask", help="Drop visited states.")] = None,
    execute: Annotated[Literal["path", "first"] | None, typer.Option(help="What of a plan is executed.")] = None,
    backup: Annotated[Literal["leaf", "soft"] | None, typer.Option(help="How values come back.")] = None,
    scoring: Annotated[Literal["log", "paper-code"] | None, typer.Option(help="How the prior enters a score.")] = None,
    horizon: Annotated[str, typer.Option(help="Steps per episode: a number, or 2x the optimal length.")] = "2x",
    max_llm_calls: Annotated[int | None, typer.Option(help="Per episode.")] = None,
    max_sim_steps: Annotated[int | None, typer.Option(help="Per episode.")] = None,
    max_seconds: Annotated[float | None, typer.Option(help="Per episode.")] = None,
    max_usd: MaxUsd = None,
    max_tokens: MaxTokens = None,
    max_requests: MaxRequests = None,
    prices: Prices = None,
    record: Record = None,
    replay: Replay = None,
    limit: Annotated[int | None, typer.Option(help="At most this many tasks.")] = None,
    seed: Annotated[int, typer.Option(help="Of everything random.")] = 0,
    together: Annotated[
        int | None, typer.Option(help="Episodes in lockstep, on shared batches (local models: 16, else 1).")
    ] = None,
    workers: Annotated[int, typer.Option(help="Processes; results do not depend on it.")] = 1,
    forbid_oracle: ForbidOracle = False,
    out: Annotated[Path | None, typer.Option(help="Run folder (default: runs/ENV-DIGEST of the settings).")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object instead of a table.")] = False,
) -> None:
    """Run episodes, record them, and report success with its cost. The same command again resumes."""
    from agent.progress import progress_bars
    from agent.report import ledger_table, summarise, summary_table
    from agent.runner import Workers, run
    from agent.settings import Settings, usual_parts

    usual = usual_parts(env)
    options = {
        "breadth": breadth,
        "depth": depth,
        "lam": lam,
        "expand": expand,
        "mask": mask,
        "execute": execute,
        "backup": backup,
        "scoring": scoring,
    }
    limits = {"llm_calls": max_llm_calls, "sim_steps": max_sim_steps, "seconds": max_seconds}
    settings = Settings(
        env=env,
        tasks=tasks or usual["tasks"],
        instances=instances,
        engine=engine,
        skip_bad=skip_bad,
        simulator=simulator,
        trials=trials,
        horizon=horizon,
        limit=limit,
        seed=seed,
        prior=prior or usual["prior"],
        planner=planner,
        value=value or usual["value"],
        options={name: option for name, option in options.items() if option is not None},
        budget={name: most for name, most in limits.items() if most is not None},
        together=together,
        forbid_oracle=forbid_oracle,
        remote=_given(
            max_usd=max_usd,
            max_tokens=max_tokens,
            max_requests=max_requests,
            prices=prices,
            record=record,
            replay=replay,
        ),
    )
    with progress_bars() as report, Workers(workers) as crew:
        done = run(settings, out=out, workers=crew, report=report(env))
    summary = summarise(done)
    if as_json:
        _print_json(summary)
    else:
        _print(summary_table(summary), ledger_table(summary))
    _finish([summary])


@app.command("compare")
def compare_command(
    config: Annotated[Path, typer.Argument(help="YAML file: env, tasks, settings, grid, budgets.")],
    out: Annotated[Path | None, typer.Option(help="Folder of all runs (default: runs/NAME-DIGEST).")] = None,
    workers: Annotated[int, typer.Option(help="Processes; results do not depend on it.")] = 1,
    forbid_oracle: ForbidOracle = False,
    max_usd: MaxUsd = None,
    max_tokens: MaxTokens = None,
    max_requests: MaxRequests = None,
    prices: Prices = None,
    record: Record = None,
    replay: Replay = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print a list of run summaries.")] = False,
) -> None:
    """Run named settings on the same tasks: table, exact McNemar test, plot, compare.json."""
    from agent.compare import compare, default_folder
    from agent.grid import read_config
    from agent.progress import progress_bars
    from agent.report import comparison_table
    from agent.runner import Workers

    comparison = read_config(config)
    folder = default_folder(config, comparison) if out is None else out
    if forbid_oracle:
        comparison = comparison.model_copy(update={"forbid_oracle": True})
    with progress_bars() as report, Workers(workers) as crew:
        remote = _given(
            max_usd=max_usd,
            max_tokens=max_tokens,
            max_requests=max_requests,
            prices=prices,
            record=record,
            replay=replay,
        )
        result = compare(comparison, out=folder, workers=crew, report=report, remote=remote)
    if as_json:
        _print_json(list(result.summaries))
    else:
        p_values = {name: pair.p_value for name, pair in result.paired.items()}
        _print(comparison_table(result.summaries, result.baseline, p_values))
        typer.echo(f"written: {folder}", err=True)
    _finish(result.summaries)


@app.command("list")
def list_command(
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Show every environment, prior, planner with its options, and value estimator."""
    from agent.listing import listing, listing_table

    found = listing()
    if as_json:
        _print_json(found)
    else:
        _print(*(listing_table(kind, entries) for kind, entries in found.items()))


@app.command("show")
def show_command(
    run: Annotated[Path, typer.Argument(help="A run folder.")],
    episode: Annotated[str | None, typer.Argument(help="Number or task id; without it, a list of episodes.")] = None,
) -> None:
    """Show an episode: states, proposals, the tree with its scores, what was chosen and why."""
    from agent.show import episode_list, episode_view, load_run, pick

    records = load_run(run)
    _print(episode_list(records) if episode is None else episode_view(pick(records, episode)))


def _given(**options: object) -> dict[str, str]:
    return {name: str(option) for name, option in options.items() if option is not None}


def _finish(summaries: Sequence[dict[str, Any]]) -> None:
    failed = sum(summary["errors"] for summary in summaries)
    if failed:
        plural = "episode" if failed == 1 else "episodes"
        first = next(summary["first_error"] for summary in summaries if summary["errors"])
        typer.echo(f"error: {failed} {plural} failed to run, the first with: {first}", err=True)
        raise typer.Exit(1)


def _print(*parts: Any) -> None:
    from rich.console import Console

    console = Console(highlight=False)
    for part in parts:
        console.print(part)


def _print_json(content: Any) -> None:
    typer.echo(json.dumps(content, ensure_ascii=False, allow_nan=False, indent=2))


def _complain(message: str, code: int) -> int:
    typer.echo(f"error: {' '.join(message.split())}", err=True)
    return code


def _explain(error: Exception) -> int:
    """Say in one line what went wrong; a mistake of ours is raised again."""
    if isinstance(error, UsageProblem):
        return _complain(error.format_message(), error.exit_code)
    from slinvit.errors import InputError, SlinvitError

    if not isinstance(error, SlinvitError):
        raise error
    return _complain(str(error), 2 if isinstance(error, InputError) else 1)
