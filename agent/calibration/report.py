"""Calibration as tables for the eye, and as files."""

import json
import math
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from rich.box import SIMPLE_HEAD
from rich.table import Table
from rich.text import Text

from agent.calibration.figures import draw_lams, draw_ranking, draw_reliability
from agent.episode import json_number
from agent.report import number_text
from slinvit.errors import InputError

Found = Mapping[str, Any]

SMALL = 5e-3
"""Below it three decimals say too little."""


def tables(found: Found) -> Iterator[Any]:
    """Yield the tables and remarks that show what :func:`agent.calibration.calibrate` found."""
    if "worlds" in found:
        yield _worlds_table(found)
        yield _worlds_ranking(found)
        if found["against"] is not None:
            yield _worlds_divergence(found)
    else:
        yield _policies_table(found)
        if found["divergence"] is not None:
            yield _divergence_table(found)
        if found["ranking"]:
            yield _ranking_table(found)
            yield Text(
                f"predicted episodes to learn, as a ratio to the uniform prior: {_interval(found['predicted_need'])} "
                "(ratio of the two KL sums; docs/theory.md §7)"
            )
    yield _ledger_table(found)


def as_json(found: Any) -> Any:
    """Return ``found`` with infinities as text, which strict JSON can hold."""
    if isinstance(found, Mapping):
        return {str(key): as_json(value) for key, value in found.items()}
    if isinstance(found, list | tuple):
        return [as_json(value) for value in found]
    return json_number(found)


def write(found: Found, folder: Path) -> None:
    """Write ``calibration.json`` and the figures into ``folder``; raises ``InputError`` where that is not possible."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        text = json.dumps(as_json(found), indent=2, ensure_ascii=False, allow_nan=False) + "\n"
        (folder / "calibration.json").write_text(text, encoding="utf-8")
        if "worlds" in found:
            draw_lams(found["worlds"], folder / "lam.png")
        elif found["ranking"]:
            draw_reliability(found["policies"], folder / "reliability.png")
            draw_ranking(found["ranking"], folder / "ranking.png")
    except OSError as error:
        raise InputError(f"cannot write to {folder}: {error.strerror or error}; choose another --out") from error


def _policies_table(found: Found) -> Table:
    table = _table(
        f"{found['env']} · {found['tasks']['source']} · {found['tasks']['count']} tasks · seed {found['seed']}",
        "means over states; nats; plan: KL summed over a shortest plan\n"
        "top-k: an optimal action is among the k most probable\n"
        "ECE: over all actions, probability against being optimal",
        ("states", "policy", "n", "entropy", "KL(opt)", "plan", "top-1", "top-2", "ECE"),
    )
    for kind, states in found["states"].items():
        for name, by_kind in found["policies"].items():
            cell = by_kind[kind]
            table.add_row(
                kind,
                Text(name),
                str(states["states"]),
                *(_mean(cell.get(key)) for key in ("entropy", "kl_optimal", "trajectory_kl")),
                *(_mean(cell.get("coverage", {}).get(k)) for k in ("1", "2")),
                f"{cell['reliability']['ece']:.3f}" if "reliability" in cell else "-",
            )
    return table


def _divergence_table(found: Found) -> Table:
    table = _table(
        f"from {found['against']}",
        "KL(stronger || policy), nats per state\nagreement of the most probable actions",
        ("states", "policy", "KL", "agreement"),
    )
    for name, by_kind in found["divergence"].items():
        for kind, cell in by_kind.items():
            table.add_row(kind, Text(name), _interval(cell["kl"]), _interval(cell["agreement"]))
    return table


def _ranking_table(found: Found) -> Table:
    oracles = ", ".join(found["oracles"]) or "none"
    table = _table(
        "lam log pi + V against Q*, within states",
        "of the pairs that differ in Q*, share ordered right - share wrong\n"
        "best mix: the lam chosen on these states; rho, tau-b: Spearman,\n"
        f"Kendall at that lam; oracle: {oracles}",
        ("states", "value", "V alone", "log pi", "best mix", "lam", "rho", "tau-b"),
    )
    for kind, value in dict.fromkeys((row["kind"], row["value"]) for row in found["ranking"]):
        rows = [row for row in found["ranking"] if (row["kind"], row["value"]) == (kind, value)]
        ends = {row["lam"]: row for row in rows}
        best = [row for row in rows if row["best"]]
        table.add_row(
            kind,
            Text(value),
            _mean(ends[0.0]["ordered"]) if 0.0 in ends else "-",
            _mean(ends[math.inf]["ordered"]) if math.inf in ends else "-",
            _interval(best[0]["ordered"]),
            _lam_text(best),
            *(_mean(best[0][key]) for key in ("spearman", "kendall")),
        )
    return table


def _worlds_table(found: Found) -> Table:
    table = _table(
        f"{found['env']} · {found['tasks']['source']} · prior {found['prior']}",
        "V*, prior, unif: returns; KL: least of an optimal policy, nats\n"
        "lam: largest that loses at most epsilon / 2\n"
        "need: predicted episodes, ratio to uniform, by KL, by lam",
        ("world", "V*", "prior", "unif", "KL", "KL\nunif", "top-1", "lam", "need\nKL", "need\nlam"),
    )
    for world in found["worlds"]:
        mine, control, need = world["policies"]["prior"], world["policies"]["uniform"], world["predicted_need"]
        table.add_row(
            Text(world["task"]),
            *(f"{value:.3f}" for value in (world["optimal_value"], mine["value"], control["value"])),
            *(f"{each['trajectory_kl']['closest']:.3f}" for each in (mine, control)),
            _number(mine["on_optimal_path"]["top1"]),
            f"{mine['best_lam']:.3g}",
            *(_number(need[key]) for key in ("theory", "best")),
        )
    return table


def _worlds_ranking(found: Found) -> Table:
    table = _table(
        "lam log pi + V against Q*, within states",
        "of the pairs that differ in Q*, share right - wrong\nin states on the path of the closest optimal policy",
        ("world", "value", "V alone", "log pi", "best mix", "lam"),
    )
    for world in found["worlds"]:
        rows = [row for row in world["ranking"] if row["kind"] == "optimal"]
        for value in dict.fromkeys(row["value"] for row in rows):
            mine = [row for row in rows if row["value"] == value]
            ends, best = {row["lam"]: row for row in mine}, [row for row in mine if row["best"]]
            table.add_row(
                Text(world["task"]),
                value,
                *(_number(ends[lam]["ordered"]) if lam in ends else "-" for lam in (0.0, math.inf)),
                _number(best[0]["ordered"]) if best else "-",
                _lam_text(best),
            )
    return table


def _worlds_divergence(found: Found) -> Table:
    table = _table(f"from {found['against']}", None, ("world", "KL along its trajectories, nats"))
    for world in found["worlds"]:
        table.add_row(Text(world["task"]), _number(world["divergence"]))
    return table


def _ledger_table(found: Found) -> Table:
    resources = ("llm_calls", "prompt_tokens", "tokens_forwarded", "env_steps", "sim_steps")
    headers = tuple(resource.replace("_", "\n") for resource in resources)
    table = _table(f"costs · {found['ledger']['seconds']:.1f} seconds in all", None, ("spent on", *headers))
    for name, spent in (*found["spent"].items(), ("total", found["ledger"])):
        table.add_row(Text(name), *(number_text(spent[resource]) for resource in resources))
    return table


def _table(title: str, caption: str | None, columns: tuple[str, ...]) -> Table:
    table = Table(title=title, caption=caption, caption_justify="left", box=SIMPLE_HEAD, padding=0)
    for column in columns:
        words = column in ("states", "policy", "value", "world", "spent on")
        table.add_column(column, justify="left" if words else "right", overflow="fold", no_wrap=not words)
    return table


def _lam_text(best: list[Any]) -> str:
    if not best:
        return "-"
    low, high = best[0]["lam"], best[-1]["lam"]
    return f"{low:g}" if low == high else f"{low:g}-{high:g}"


def _mean(estimate: Found | None) -> str:
    return "-" if estimate is None else _number(estimate["mean"])


def _interval(estimate: Found) -> str:
    if estimate["ci95"] is None:
        return _mean(estimate)
    low, high = estimate["ci95"]
    if abs(estimate["mean"]) < SMALL:
        return f"{estimate['mean']:.1e} [{low:.0e}, {high:.0e}]"
    return f"{estimate['mean']:.3f} [{low:.2f}, {high:.2f}]"


def _number(value: float | None) -> str:
    if value is None:
        return "-"
    return f"{value:.1e}" if 0 < abs(value) < SMALL else f"{value:.3f}"
