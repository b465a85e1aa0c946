"""``slinvit doctor``: what this installation, its data and a backend can do, and what to do about what they cannot."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, Any

import typer

from agent.diagnosis import Finding, State, data, extras, machine, servers, tools, versions

if TYPE_CHECKING:
    from rich.table import Table

STYLES: dict[State, str] = {"ok": "green", "missing": "yellow", "note": "cyan", "failed": "bold red"}


def command(
    prior: Annotated[
        str | None, typer.Option(help="Also try this prior: bundled, hf:PATH_OR_ID, openai:MODEL@URL, ...")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object instead of a table.")] = False,
) -> None:
    """Say what this installation, its data and a backend can do. Exit code 1: something that should work does not."""
    findings = [*versions(), *extras(), *machine(), *data(), *tools(), *servers()]
    if prior is not None:
        findings += backend(prior)
    failed = [finding for finding in findings if finding.state == "failed"]
    if as_json:
        content = {"ok": not failed, "findings": [asdict(finding) for finding in findings]}
        typer.echo(json.dumps(content, ensure_ascii=False, indent=2))
    else:
        from rich.console import Console

        Console(highlight=False).print(table(findings))
    if failed:
        raise typer.Exit(1)


def backend(spec: str) -> Iterator[Finding]:
    """Try the prior that ``spec`` names; raises ``InputError`` for what cannot be read or is not known."""
    from priors import PRIORS, build
    from priors.local import LocalPrior
    from slinvit.errors import SlinvitError

    _, parsed = PRIORS.split(spec)
    try:
        if parsed.name == "openai":
            yield from _remote(parsed)
            return
        prior = build(spec)
        if isinstance(prior, LocalPrior):
            yield from _local(prior)
        else:
            yield Finding("prior", spec, "ok", type(prior).__name__)
    except SlinvitError as error:
        yield Finding("prior", spec, "failed", str(error))


def table(findings: Sequence[Finding]) -> "Table":
    """Return findings for the eye; areas are separated."""
    from rich.table import Table

    shown = Table("area", "what", "state", "found", "what to do", title="slinvit doctor", title_justify="left")
    area = ""
    for finding in findings:
        if area and finding.area != area:
            shown.add_section()
        took = "" if finding.seconds is None else f" ({finding.seconds * 1000:.0f} ms)"
        first = finding.area if finding.area != area else ""
        style = STYLES[finding.state]
        shown.add_row(
            first, finding.name, f"[{style}]{finding.state}[/]", _plain(finding.found + took), _plain(finding.advice)
        )
        area = finding.area
    return shown


def _local(prior: Any) -> Iterator[Finding]:
    from priors.serving.inspection import inspect

    found = inspect(prior)
    longest = "texts of any length" if found.longest is None else f"texts up to {found.longest} tokens"
    template = "prompts in its chat template" if found.chat else "prompts as they are"
    yield Finding("prior", found.name, "ok", f"{found.dtype} on {found.device}; {longest}; {template}")
    yield Finding("prior", "exact scores", "ok", found.method, found.reason)
    yield Finding("prior", "new prompt", "ok", "3 candidates", seconds=found.cold)
    yield Finding("prior", "known prompt", "ok", "3 candidates", seconds=found.warm)


def _remote(spec: Any) -> Iterator[Finding]:
    from priors.remote import manners, options, probe, transport
    from priors.remote.backend import Backend

    wanted = options.Options.of(spec)
    model, url = manners.backend(spec.argument)
    polite, _ = manners.Manners.split(spec)
    with transport.Transport(url, polite) as connection:
        found = probe.survey(Backend(connection, url, model, wanted))
    works = [finding for finding in found if finding.strategy is not None]
    for finding in found:
        chosen = bool(works) and finding is works[0]
        able = finding.strategy is not None
        advice = "chosen by itself" if chosen else f"strategy={finding.name}" if able else ""
        yield Finding("prior", finding.name, "ok" if able else "missing", finding.detail, advice, finding.seconds)
    if not works:
        yield Finding("prior", model, "failed", "no way to a distribution over actions")


def _plain(text: str) -> str:
    """Return ``text`` with nothing that rich would take for markup."""
    from rich.markup import escape

    return escape(text)
