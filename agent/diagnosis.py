"""What ``slinvit doctor`` looks at; each function returns findings, and none changes anything."""

import os
import platform
import shutil
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, requires, version
from pathlib import Path
from re import findall, match
from typing import Literal, TypeAlias

State: TypeAlias = Literal["ok", "missing", "failed", "note"]

VERSIONS = ("slinvit", "numpy", "torch", "transformers", "openai", "numba", "starlette", "uvicorn")
DATA = ("blocksworld", "intercode", "alfworld")
SERVERS: Mapping[int, str] = {
    8000: "slinvit serve, vLLM, transformers serve",
    8080: "llama.cpp",
    1234: "LM Studio",
    11434: "Ollama",
    30000: "SGLang",
}
"""Where servers listen by default."""


@dataclass(frozen=True)
class Finding:
    """One line of the table.

    Attributes:
        area: what it is about.
        name: of what was looked at.
        state: ``missing`` is no fault, ``failed`` is one.
        found: what is there.
        advice: what to do, where something can be done.
        seconds: that it took, where that says something.
    """

    area: str
    name: str
    state: State
    found: str
    advice: str = ""
    seconds: float | None = None


def versions() -> Iterator[Finding]:
    """Look at Python and at what is always installed."""
    yield Finding("installation", "python", "ok", f"{platform.python_version()} at {sys.executable}")
    for name in VERSIONS:
        found = _version(name)
        if found is None:
            yield Finding("installation", name, "failed", "not installed", "pip install slinvit")
        else:
            yield Finding("installation", name, "ok", found)


def extras() -> Iterator[Finding]:
    """Look at what can be installed in addition."""
    for line in requires("slinvit") or []:
        name, extra = match(r"[\w.-]+", line), findall(r"extra == ['\"](\w+)['\"]", line)
        if name is None or not extra or extra == ["dev"]:
            continue
        found = _version(name[0])
        install = f"pip install 'slinvit[{extra[0]}]'"
        if found is None:
            yield Finding("extras", name[0], "missing", "not installed", install)
        else:
            yield Finding("extras", name[0], "ok", found)


def machine() -> Iterator[Finding]:
    """Look at processors, memory and graphics cards."""
    from priors.serving.inspection import accelerators, threads

    used, allowed = threads()
    advice = f"OMP_NUM_THREADS={allowed} uses all" if used < allowed else ""
    yield Finding("machine", "processors", "ok", f"{allowed}, torch uses {used}", advice)
    total = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    yield Finding("machine", "memory", "ok", _gib(total))
    cards = accelerators()
    for card in cards:
        found = f"{card.name}, {_gib(card.free)} of {_gib(card.total)} free"
        yield Finding("machine", "GPU", "ok", found, "--prior hf:MODEL,device=cuda")
    if not cards:
        yield Finding("machine", "GPU", "missing", "torch sees none", "models run on the processors")


def data() -> Iterator[Finding]:
    """Look for the data of environments."""
    yield _development_data(os.environ.get("SLINVIT_DATA"))
    from envs.alfworld.archive import complete, home

    folder = home().expanduser()
    if complete(folder):
        yield Finding("data", "alfworld games", "ok", str(folder))
    elif folder.is_dir():
        advice = "slinvit data get alfworld fetches all; slinvit run alfworld --tasks random:40 needs none"
        yield Finding("data", "alfworld games", "note", f"not all official games are in {folder}", advice)
    else:
        advice = "slinvit data get alfworld, or set ALFWORLD_DATA; --tasks random:40 needs none"
        yield Finding("data", "alfworld games", "missing", f"no folder {folder}", advice)


def tools() -> Iterator[Finding]:
    """Look for programs that isolate what a model types into a shell."""
    for name, use in (("bwrap", "sandbox without privileges"), ("docker", "containers")):
        path = shutil.which(name)
        if path is None:
            yield Finding("tools", name, "missing", "not found", f"{use}; only for environments that run commands")
        else:
            yield Finding("tools", name, "ok", path)


def servers(ports: Iterable[int] = SERVERS) -> Iterator[Finding]:
    """Ask the usual ports of this machine whether a model server listens there."""
    found = [finding for port in ports if (finding := _server(port)) is not None]
    yield from found
    if not found:
        asked = ", ".join(map(str, ports))
        yield Finding("servers", "localhost", "missing", f"no model server on {asked}", "slinvit serve starts one")


def _development_data(root: str | None) -> Finding:
    if not root:
        return Finding(
            "data", "SLINVIT_DATA", "missing", "not set", "only for published problem sets; random:N needs none"
        )
    folder = Path(root)
    if not folder.is_dir():
        return Finding(
            "data", "SLINVIT_DATA", "failed", f"{root} is no folder", "set it to the data folder, or unset it"
        )
    there = [name for name in DATA if (folder / name).is_dir()]
    lacking = [name for name in DATA if name not in there]
    advice = f"no {', '.join(lacking)} in it" if lacking else ""
    return Finding(
        "data", "SLINVIT_DATA", "ok" if there else "failed", f"{root}: {', '.join(there) or 'nothing'}", advice
    )


def _server(port: int) -> Finding | None:
    import httpx

    url = f"http://127.0.0.1:{port}/v1"
    try:
        # Proxies are for addresses elsewhere.
        with httpx.Client(timeout=0.5, trust_env=False) as client:
            answer = client.get(f"{url}/models")
    except httpx.HTTPError:
        return None
    if answer.status_code in (401, 403):
        advice = "needs a key: set SLINVIT_API_KEY"
        return Finding("servers", f"port {port}", "note", f"wants to know who asks; usually {_usual(port)}", advice)
    names = _model_names(answer)
    if not names:
        return None
    return Finding("servers", f"port {port}", "ok", ", ".join(names[:3]), f"--prior openai:{names[0]}@{url}")


def _model_names(answer: object) -> Sequence[str]:
    """Return the models that an answer lists; none where it is not what a model server says."""
    import httpx

    assert isinstance(answer, httpx.Response)
    try:
        listed = answer.json()["data"]
        return [str(entry["id"]) for entry in listed]
    except (ValueError, KeyError, TypeError):
        return []


def _usual(port: int) -> str:
    return SERVERS.get(port, "unknown")


def _version(name: str) -> str | None:
    try:
        return version(name)
    except PackageNotFoundError:
        return None


def _gib(count: int) -> str:
    return f"{count / 2**30:.1f} GiB"
