"""The command that counts where things lie: ``slinvit train-placement alfworld``."""

import json
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from hashlib import sha256
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TypeAlias

import typer

from slinvit.errors import InputError, did_you_mean

if TYPE_CHECKING:
    from envs.alfworld.scene import Scene

DOMAINS = ("alfworld",)

Counts: TypeAlias = Mapping[str, Mapping[str, tuple[int, int]]]
"""Object kind to receptacle kind to (receptacles that hold one at the start, all of these receptacles)."""


def command(
    domain: Annotated[str, typer.Argument(help=f"What to count: {', '.join(DOMAINS)}.")],
    games: Annotated[str, typer.Option(help="Games to count, as for --tasks; never those of an evaluation.")] = "train",
    out: Annotated[Path, typer.Option(help="JSON file for the counts.")] = Path("placement.json"),
) -> None:
    """Count in which kinds of receptacles each kind of object is found; takes seconds."""
    if domain not in DOMAINS:
        raise InputError(f"no placement for {domain!r}{did_you_mean(domain, DOMAINS)}; known: {', '.join(DOMAINS)}")
    from envs.alfworld.scene import build_scene
    from envs.alfworld.tasks import load

    tasks = load(games)
    counts = count(build_scene(task.game) for task in tasks)
    content = {
        "domain": domain,
        "command": f"slinvit train-placement {domain} --games {games}",
        "version": version("slinvit"),
        "games": len(tasks),
        "games_sha256": _digest([task.digest for task in tasks]),
        "counts": {thing: {place: list(pair) for place, pair in row.items()} for thing, row in counts.items()},
    }
    write(content, out)
    typer.echo(f"{len(tasks)} games, {len(counts)} kinds of objects: {out}")


def count(scenes: "Iterable[Scene]") -> Counts:
    """Return in how many of the receptacles of each kind each kind of object lies at the start.

    A receptacle counts for an object wherever the room has that object at all; lamps count as objects.
    """
    holding: dict[str, dict[str, int]] = defaultdict(lambda: defaultdict(int))
    instances: dict[str, dict[str, int]] = defaultdict(lambda: defaultdict(int))
    for scene in scenes:
        wanted = scene.pickupable | scene.toggleable
        receptacles = [
            (_kind(name), {_kind(scene.objects[o]) for o in things if o in wanted})
            for name, things, place in zip(scene.receptacles, scene.inside, scene.location, strict=True)
            if place
        ]
        for thing in sorted(set().union(*(held for _, held in receptacles))):
            for kind, held in receptacles:
                instances[thing][kind] += 1
                holding[thing][kind] += thing in held
    return {
        thing: {kind: (holding[thing][kind], total) for kind, total in sorted(row.items())}
        for thing, row in sorted(instances.items())
    }


def write(content: Mapping[str, Any], out: Path) -> None:
    """Write the counts, one object kind per line."""
    head = {key: value for key, value in content.items() if key != "counts"}
    rows = ",\n".join(f"  {json.dumps(thing)}: {json.dumps(row)}" for thing, row in content["counts"].items())
    text = f'{json.dumps(head, indent=1)[:-2]},\n "counts": {{\n{rows}\n }}\n}}\n'
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        out.write_text(text, encoding="utf-8")
    except OSError as error:
        raise InputError(f"--out {out}: cannot write there: {error.strerror or error}") from error


def _kind(name: str) -> str:
    return name.rpartition(" ")[0]


def _digest(digests: Sequence[str]) -> str:
    return sha256("\n".join(digests).encode()).hexdigest()
