"""Selection among recorded proposals, without a language model: what does planning add to what models said?

python -m benchmarks.intercode.selection sql --workers 2 --out selection-sql.json
"""

import json
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Annotated, Any

import typer

from agent.compare import compare
from agent.grid import Comparison, expand, slug
from agent.progress import progress_bars
from agent.runner import Run, Workers, run
from agent.settings import Settings
from benchmarks.intercode.pools import POOLS, Pool, pool
from benchmarks.intercode.replay import machine
from benchmarks.intercode.selection_report import markdown, recorded_rates, report
from benchmarks.intercode.tuning import Choice, best, tuned
from envs.intercode.task import SQL
from learners.answer_value import examples, learn
from slinvit.errors import InputError
from value_estimators.intercode.learned import save

BASELINE = "self-consistency by result"
ORACLE = "any proposal"
TUNED = "SLINVIT, tuned elsewhere"
USUAL = "SLINVIT, usual weights"
LAM = 0.03
"""Of the rows with the usual weights, which were chosen with all of these tasks in sight; those tuned are not."""
SEARCH = "slinvit:breadth=64,depth={depth},lam={lam:g}"
GREEDY = "greedy:mask=false"
FOLDS = 20


def main(
    name: Annotated[str, typer.Argument(help=f"Pool: {', '.join(POOLS)}.")] = "sql",
    data: Annotated[Path | None, typer.Option(help="Folder with sql/, bash/ and recorded/.")] = None,
    tasks: Annotated[str, typer.Option(help="Narrows the tasks down, for example db=world_1+car_1.")] = "",
    engine: Annotated[str | None, typer.Option(help="Engine of the world.")] = None,
    env_options: Annotated[str, typer.Option(help="Options of the world, for example root=FOLDER.")] = "",
    seed: Annotated[int, typer.Option(help="Of ties.")] = 0,
    workers: Annotated[int, typer.Option(min=1, help="Processes.")] = 1,
    runs: Annotated[Path, typer.Option(help="Where runs are kept; finished ones are not run again.")] = Path(
        "runs/benchmarks/intercode"
    ),
    out: Annotated[Path | None, typer.Option(help="JSON file for everything in the table.")] = None,
) -> None:
    """Print the table of docs/intercode.md for one pool; each number is that of `slinvit run` with these settings."""
    chosen, folder = pool(name), data or default_data()
    where = ",".join(filter(None, [str(folder / "sql" if chosen.env == SQL else folder / "bash"), tasks]))
    env = f"{chosen.env}:{env_options}" if env_options else chosen.env
    recorded = folder / "recorded"
    settings = Settings(env=env, tasks=where, engine=engine, seed=seed, prior=chosen.prior(recorded))
    place = runs / name if seed == 0 else runs / f"{name}-{seed}"
    found = list(examples(settings))
    weights = place / "answer_value.json"
    save(learn(chosen.env, found, folds=FOLDS, ridge=3.0, card={"pool": name, "examples": len(found)}), weights)
    choices, usual = tuned(found), best(found)
    config = comparison(chosen, settings, recorded, weights, choices)
    with progress_bars() as told, Workers(workers) as crew:
        compare(config, out=place, workers=crew, report=told)
        finished = dict(_finished(config, place, crew))
    content: dict[str, Any] = {
        "versions": machine(),
        "pool": name,
        "members": list(chosen.members),
        "tuned": {each: {"value": choice.value, "lam": choice.lam} for each, choice in choices.items()},
        "best on all, not held out": {"value": usual.value, "lam": usual.lam},
        "rows": report(
            _composed(finished, choices),
            baseline=BASELINE,
            recorded=recorded_rates(chosen, recorded, finished[BASELINE]),
        ),
    }
    typer.echo(markdown(content["rows"]))
    if out is not None:
        text = json.dumps(content, indent=1, ensure_ascii=False).replace(str(folder), "DATA")
        out.write_text(text.replace(str(place), "RUNS") + "\n", encoding="utf-8")


def default_data() -> Path:
    """Return the folder in $SLINVIT_DATA; raises ``InputError`` where the variable is not set."""
    if "SLINVIT_DATA" not in os.environ:
        raise InputError("--data FOLDER: where are sql/, bash/ and recorded/? or set SLINVIT_DATA")
    return Path(os.environ["SLINVIT_DATA"]) / "intercode"


def comparison(
    chosen: Pool, settings: Settings, recorded: Path, weights: Path, choices: Mapping[str, Choice]
) -> Comparison:
    """Return all rows; those that :func:`_composed` puts together are called by their settings."""
    flat = {"planner": GREEDY}
    search = SEARCH.format(depth=1, lam=0)
    even = chosen.prior(recorded, options="uniform=1")
    rows: list[dict[str, str]] = [
        *({"name": each, **flat, "prior": chosen.prior(recorded, each)} for each in chosen.members),
        *(
            {"name": f"{each}, whole", **flat, "prior": chosen.prior(recorded, each, options="context=prefix")}
            for each in chosen.whole
        ),
        {"name": "frequency", **flat},
        {"name": "random proposal", **flat, "prior": even},
        {"name": BASELINE, "planner": search, "value": "agreement"},
        {"name": "self-consistency, uniform prior", "planner": search, "value": "agreement", "prior": even},
        {"name": "execution value", "planner": search, "value": "executes"},
        {"name": "learned value, cross-fitted", "planner": search, "value": f"learned-answer:{weights}"},
        *(
            {"name": _row(choice), "value": choice.value, "planner": SEARCH.format(depth=1, lam=choice.lam)}
            for choice in dict.fromkeys(choices.values())
        ),
        {"name": USUAL, "value": "evidence", "planner": SEARCH.format(depth=1, lam=LAM)},
        {"name": f"{USUAL}, depth 2", "value": "evidence", "planner": SEARCH.format(depth=2, lam=LAM)},
        {
            "name": f"{USUAL}, uniform prior",
            "value": "evidence",
            "planner": SEARCH.format(depth=1, lam=LAM),
            "prior": even,
        },
        {"name": ORACLE, "planner": search, "value": "oracle"},
    ]
    return Comparison.model_validate(
        {
            "env": settings.env,
            "tasks": settings.tasks,
            "engine": settings.engine,
            "seed": settings.seed,
            "prior": settings.prior,
            "value": "zero",
            "baseline": BASELINE,
            "settings": rows,
        }
    )


def _row(choice: Choice) -> str:
    return f"tuned {choice.value.partition(':')[2]} lam={choice.lam:g}"


def _finished(config: Comparison, place: Path, crew: Workers) -> Iterator[tuple[str, Run]]:
    for row in expand(config):
        yield row.name, run(row.settings, out=place / slug(row.name), workers=crew, report=lambda *_: None)


def _composed(finished: Mapping[str, Run], choices: Mapping[str, Choice]) -> dict[str, Run]:
    """Return the rows of the table: where settings were tuned elsewhere, each place from the run with its settings."""
    rows = {name: done for name, done in finished.items() if not name.startswith("tuned ")}
    by_place = {place: finished[_row(choice)] for place, choice in choices.items()}
    first = next(iter(by_place.values()))
    where = {each.task: str(each.report["place"]) for done in by_place.values() for each in done.episodes}
    records = tuple(
        record
        for number, record in enumerate(first.records)
        for record in [by_place[where[record.task]].records[number]]
    )
    composed = Run(first.settings, first.folder, first.header, records)
    names = list(rows)
    order = [*names[: names.index(USUAL)], TUNED, *names[names.index(USUAL) :]]
    return {name: composed if name == TUNED else rows[name] for name in order}


if __name__ == "__main__":
    typer.run(main)
