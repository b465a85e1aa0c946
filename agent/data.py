"""``slinvit data get NAME``: real data of environments, from where their authors publish them.

Only typer is imported here.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path, PurePosixPath
from typing import Annotated, Protocol, cast
from urllib.parse import urlsplit

import typer


class Source(Protocol):
    """What the module of an environment knows about its data."""

    def home(self) -> Path:
        """Return the folder in which the data are looked for where nothing else is said."""
        ...

    def complete(self, folder: Path) -> bool:
        """Say whether everything is in ``folder``."""
        ...

    def install(self, archive: Path, folder: Path, *, check: bool) -> Sequence[str]:
        """Unpack ``archive`` into ``folder`` and return lines about what was found; raises ``InputError``."""
        ...

    def found_by(self, folder: Path) -> str:
        """Return how the data in ``folder`` are used."""
        ...


@dataclass(frozen=True)
class DataSet:
    """What can be got.

    Attributes:
        url: where it is published.
        source: name of a module that satisfies :class:`Source`.
        about: a few words.
    """

    url: str
    source: str
    about: str


DATA_SETS: Mapping[str, DataSet] = {
    "alfworld": DataSet(
        url="https://github.com/alfworld/alfworld/releases/download/0.4.0/json_2.1.2_tw-pddl.zip",
        source="envs.alfworld.archive",
        about="the official ALFWorld games",
    ),
    "intercode": DataSet(
        url="https://github.com/princeton-nlp/intercode/archive/c3e46d827cfc9d4c704ec078f7abf9f41e3191d8.zip",
        source="envs.intercode.archive",
        about="the official InterCode tasks, databases, file systems and recordings",
    ),
}

app = typer.Typer(name="data", help="Fetch real data of environments.", pretty_exceptions_enable=False)


@app.callback(invoke_without_command=True)
def root(context: typer.Context) -> None:
    """Fetch real data of environments."""
    if context.invoked_subcommand is None:
        typer.echo(context.get_help())


@app.command("get")
def get_command(
    name: Annotated[str, typer.Argument(help="; ".join(f"{key}: {one.about}" for key, one in DATA_SETS.items()))],
    url: Annotated[str | None, typer.Option(help="Another address than the official one.")] = None,
    to: Annotated[Path | None, typer.Option(help="Folder (default: where the environment looks for it).")] = None,
    sha256: Annotated[str | None, typer.Option(help="Checksum that the archive must have.")] = None,
    check: Annotated[bool, typer.Option("--check/--no-check", help="Only the official content is accepted.")] = True,
    again: Annotated[bool, typer.Option("--again", help="Even where everything is there.")] = False,
) -> None:
    """Fetch a data set, check it, unpack it, say where it is. The same command continues one that was interrupted."""
    from agent.download import fetch
    from slinvit.errors import InputError, UnknownName

    if name not in DATA_SETS:
        raise UnknownName("data set", name, DATA_SETS)
    source = cast(Source, import_module(DATA_SETS[name].source))
    address = url or DATA_SETS[name].url
    file = PurePosixPath(urlsplit(address).path).name
    if not file:
        raise InputError(f"--url must end in the name of an archive, {address} does not")
    folder = (source.home() if to is None else to).expanduser().resolve()
    if not again and source.complete(folder):
        typer.echo("everything is there; --again fetches it anew", err=True)
        typer.echo(source.found_by(folder))
        return
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with _bar(file) as progress:
            archive = fetch(address, folder / file, sha256=sha256, progress=progress)
        try:
            found = source.install(archive, folder, check=check)
        finally:
            archive.unlink()
    except OSError as error:
        raise InputError(f"cannot write to {folder}: {error.strerror or error}") from error
    for line in found:
        typer.echo(line, err=True)
    typer.echo(source.found_by(folder))


@contextmanager
def _bar(name: str) -> Iterator[Callable[[int, int | None], None]]:
    """Draw a bar on stderr; nothing where that is no terminal."""
    from rich.console import Console
    from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn, TransferSpeedColumn

    console = Console(stderr=True)
    columns = (TextColumn(name), BarColumn(), DownloadColumn(), TransferSpeedColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console, disable=not console.is_terminal) as progress:
        bar = progress.add_task(name, total=None)
        yield lambda here, total: progress.update(bar, completed=here, total=total)
