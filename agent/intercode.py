"""``slinvit intercode``: a root tree for Bash tasks like that of the published environment; a server for SQL tasks."""

from pathlib import Path
from typing import Annotated

import typer

app = typer.Typer(name="intercode", help="Prepare what InterCode needs.", pretty_exceptions_enable=False)


@app.callback(invoke_without_command=True)
def intercode(context: typer.Context) -> None:
    """Prepare what InterCode needs."""
    if context.invoked_subcommand is None:
        typer.echo(context.get_help())


@app.command("root")
def root_command(
    folder: Annotated[Path, typer.Argument(help="Becomes the root tree; must not exist or be empty.")],
    suite: Annotated[str, typer.Option(help="A Debian release.")] = "bullseye",
    mirror: Annotated[str | None, typer.Option(help="Address of a Debian archive.")] = None,
    owner: Annotated[int | None, typer.Option(help="User number that will own it (default: who called sudo).")] = None,
) -> None:
    """Install the system that recorded Bash rewards need, by debootstrap: Debian 11 with the image's packages."""
    from envs.intercode.bash.root import MIRROR, build

    folder = folder.expanduser().absolute()
    build(folder, suite=suite, mirror=mirror or MIRROR, owner=owner, log=lambda line: typer.echo(line, err=True))
    typer.echo(f"the root tree is in {folder}; slinvit run intercode-bash:root={folder}")


@app.command("mariadb")
def mariadb_command() -> None:
    """Start a MariaDB or MySQL server on loopback, print the --engine text that uses it, and run until Ctrl-C."""
    from signal import pause

    from envs.intercode.sql.server import PrivateServer

    with PrivateServer() as server:
        typer.echo(f"--engine mysql:{server.host},port={server.port},user={server.user},password={server.password}")
        pause()
