"""``slinvit serve``: a local prior over HTTP."""

import os
import signal
from pathlib import Path
from typing import Annotated, Any

import typer

TOKEN = "SLINVIT_API_KEY"
"""The variable in which clients of ours look for the key of a server, too."""


def command(
    prior: Annotated[str, typer.Option(help="A local model: bundled, or hf:PATH_OR_ID,device=cuda,...")] = "bundled",
    host: Annotated[str, typer.Option(help="Address; one that others can reach needs a token or --insecure.")] = (
        "127.0.0.1"
    ),
    port: Annotated[int, typer.Option(min=0, max=65535, help="0: any free one, printed.")] = 8000,
    name: Annotated[str | None, typer.Option(help="What clients call the model (default: its own name).")] = None,
    chat_template: Annotated[Path | None, typer.Option(help="Jinja file, for models that have none.")] = None,
    token_env: Annotated[
        str | None, typer.Option(help=f"Environment variable with the bearer token (default: {TOKEN}, if set).")
    ] = None,
    insecure: Annotated[bool, typer.Option("--insecure", help="Let everybody who reaches --host ask.")] = False,
    tls_cert: Annotated[Path | None, typer.Option(help="PEM file; with --tls-key the server speaks https.")] = None,
    tls_key: Annotated[Path | None, typer.Option(help="PEM file.")] = None,
    max_body_mib: Annotated[int, typer.Option(min=1, help="Largest request.")] = 4,
    max_waiting: Annotated[int, typer.Option(min=1, help="Most requests at once; others are told to come back.")] = (
        1024
    ),
    batch_tokens: Annotated[int, typer.Option(min=1, help="Most tokens merged over clients.")] = 32_768,
) -> None:
    """Offer a local prior over HTTP: OpenAI's endpoints, and /v1/score, merged over all clients."""
    from priors.serving.guard import LOOPBACK
    from priors.serving.limits import Limits
    from slinvit.errors import InputError

    token = _token(token_env)
    if host not in LOOPBACK and token is None and not insecure:
        raise InputError(
            f"--host {host} can be reached from other machines: set a token in the environment variable "
            f"{token_env or TOKEN}, or say --insecure"
        )
    limits = Limits(body_bytes=max_body_mib << 20, waiting=max_waiting, batch_tokens=batch_tokens)
    # Ctrl-C and SIGTERM are one thing here: what is under way is finished, then the command has done its work.
    before = signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        _serve(prior, (host, port), name, chat_template, (tls_cert, tls_key), limits, token)
    except KeyboardInterrupt:
        typer.echo("stopped", err=True)
    finally:
        signal.signal(signal.SIGTERM, before)


def _serve(
    prior: str,
    at: tuple[str, int],
    name: str | None,
    chat_template: Path | None,
    tls: tuple[Path | None, Path | None],
    limits: Any,
    token: str | None,
) -> None:
    from priors.serving.server import address, certificate, listen, serve

    encrypted = certificate(*tls)
    with listen(*at) as listening:
        offered = _offered(prior, name, chat_template)
        url = address(listening, "http" if encrypted is None else "https")
        typer.echo(f"serving {offered.name} at {url}; {'with' if token else 'without'} a token; Ctrl-C stops")
        serve(offered, listening, limits=limits, token=token, certificate=encrypted)


def _offered(prior: str, name: str | None, chat_template: Path | None) -> Any:
    import priors
    from priors.serving.served import served
    from slinvit.errors import InputError

    offered = served(priors.build(prior), name)
    if chat_template is not None:
        try:
            offered.tokenizer.chat_template = chat_template.read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise InputError(f"cannot read --chat-template {chat_template}: {error}") from error
    return offered


def _token(variable: str | None) -> str | None:
    """Return the token; it never stands on a command line, which every user of the machine can read."""
    from slinvit.errors import InputError

    token = os.environ.get(variable or TOKEN, "").strip() or None
    if variable is not None and token is None:
        raise InputError(f"--token-env {variable}: that environment variable is not set")
    return token
