"""Listening: sockets, uvicorn, and servers in a thread."""

import socket
import ssl
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import uvicorn

from priors.serving.app import Server
from priors.serving.guard import LOOPBACK
from priors.serving.limits import Limits
from priors.serving.served import Served, served
from slinvit.errors import InputError
from slinvit.protocols import Prior

PATIENCE = 30
"""Seconds in which requests under way may finish when the server is told to stop."""


@dataclass(frozen=True)
class Certificate:
    """What makes a server speak https: PEM files."""

    chain: Path
    key: Path


def certificate(chain: Path | None, key: Path | None) -> Certificate | None:
    """Return what was given, ``None`` for nothing; raises ``InputError`` for half of it, or for other files."""
    if chain is None and key is None:
        return None
    if chain is None or key is None:
        raise InputError("--tls-cert and --tls-key go together")
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(chain, key)
    except (OSError, ssl.SSLError) as error:
        raise InputError(f"cannot use {chain} and {key} for https: {error}") from error
    return Certificate(chain, key)


def listen(host: str, port: int) -> socket.socket:
    """Return a listening socket; port 0 takes any free one.

    Raises:
        InputError: the address cannot be had.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        return socket.create_server((host, port), family=family, backlog=2048)
    except OSError as error:
        raise InputError(
            f"cannot listen on {host} port {port}: {error.strerror or error}; another --port, or 0 for a free one"
        ) from error


def address(listening: socket.socket, scheme: str = "http") -> str:
    """Return the base URL that clients are given."""
    host, port = listening.getsockname()[:2]
    return f"{scheme}://{f'[{host}]' if ':' in host else host}:{port}/v1"


def serve(
    offered: Served,
    listening: socket.socket,
    *,
    limits: Limits,
    token: str | None = None,
    certificate: Certificate | None = None,
) -> None:
    """Answer requests until SIGINT or SIGTERM; those under way are finished, and the signal is raised again."""
    # The thread with the model computes in Python, too; with the usual 5 ms every byte sent would wait for it so long.
    sys.setswitchinterval(0.0005)
    _uvicorn(offered, listening, limits, token, certificate).run(sockets=[listening])


@contextmanager
def running(
    prior: Prior,
    *,
    limits: Limits | None = None,
    token: str | None = None,
    name: str | None = None,
    certificate: Certificate | None = None,
) -> Iterator[str]:
    """Serve ``prior`` on a free port of this machine, in a thread, as long as the context lasts; gives the base URL.

    Raises:
        InputError: a prior that is no local model.
    """
    offered = served(prior, name)
    with listen("127.0.0.1", 0) as listening:
        server = _uvicorn(offered, listening, limits or Limits(), token, certificate)
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]}, name="slinvit-serve")
        thread.start()
        try:
            yield address(listening, "http" if certificate is None else "https")
        finally:
            server.should_exit = True
            thread.join()


def _uvicorn(
    offered: Served,
    listening: socket.socket,
    limits: Limits,
    token: str | None,
    certificate: Certificate | None = None,
) -> uvicorn.Server:
    host = listening.getsockname()[0]
    encrypted = {} if certificate is None else {"ssl_certfile": certificate.chain, "ssl_keyfile": certificate.key}
    app = Server(offered, limits).app(token=token, hosts=LOOPBACK if host in LOOPBACK else None)
    return uvicorn.Server(
        uvicorn.Config(
            app,
            access_log=False,
            log_config=None,
            server_header=False,
            ws="none",
            lifespan="on",
            timeout_keep_alive=120,
            timeout_graceful_shutdown=PATIENCE,
            **encrypted,  # type: ignore[arg-type]
        )
    )
