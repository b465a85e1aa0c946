"""`slinvit doctor`."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import priors
from agent import diagnosis
from agent.diagnosis import Finding, data, extras, servers, tools, versions
from agent.doctor import table
from priors.serving.server import running

Slinvit = Callable[..., Any]


def by_name(findings: Any) -> dict[str, Finding]:
    return {finding.name: finding for finding in findings}


def test_a_local_prior_is_tried_and_timed(slinvit: Slinvit) -> None:
    outcome = slinvit("doctor", "--prior", "bundled", "--json")
    assert outcome.code == 0
    found = {entry["name"]: entry for entry in outcome.json["findings"]}
    assert outcome.json["ok"]
    assert found["exact scores"]["found"] == "packed"
    assert found["bundled"]["found"].startswith("float32 on cpu; texts up to 512 tokens")
    assert found["new prompt"]["seconds"] > 0
    assert found["torch"]["state"] == "ok"


def test_a_backend_is_surveyed_with_what_works_and_what_lacks(slinvit: Slinvit) -> None:
    with running(priors.build("bundled")) as url:
        outcome = slinvit("doctor", "--prior", f"openai:bundled@{url}", "--json")
    assert outcome.code == 0
    found = {entry["name"]: entry for entry in outcome.json["findings"] if entry["area"] == "prior"}
    assert [found[name]["state"] for name in ("score", "echo", "trie")] == ["ok"] * 3
    assert found["score"]["advice"] == "chosen by itself"
    assert all(entry["seconds"] > 0 for entry in found.values())


def test_a_prior_that_does_not_work_is_a_finding_and_exit_code_1(slinvit: Slinvit) -> None:
    outcome = slinvit("doctor", "--prior", "hf:./no-such-folder")
    assert outcome.code == 1
    assert "does not exist" in outcome.out
    assert outcome.err == ""


def test_a_misspelt_prior_is_bad_input(slinvit: Slinvit) -> None:
    outcome = slinvit("doctor", "--prior", "bundeld")
    assert outcome.code == 2
    assert "did you mean 'bundled'" in outcome.err


def test_a_prior_without_a_model_has_nothing_to_time(slinvit: Slinvit) -> None:
    outcome = slinvit("doctor", "--prior", "uniform", "--json")
    assert outcome.json["findings"][-1]["found"] == "Uniform"


def test_servers_on_this_machine_are_found_with_the_prior_that_asks_them() -> None:
    with running(priors.build("bundled")) as url, running(priors.build("bundled"), token="secret") as closed:
        ports = [int(each.rpartition(":")[2].partition("/")[0]) for each in (url, closed)]
        found = by_name(servers(ports))
    assert found[f"port {ports[0]}"].advice == f"--prior openai:bundled@{url}"
    assert "SLINVIT_API_KEY" in found[f"port {ports[1]}"].advice
    assert by_name(servers(ports))["localhost"].state == "missing"


def test_data_are_found_or_said_to_be_missing(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("ALFWORLD_DATA", str(tmp_path / "nothing"))
    monkeypatch.delenv("SLINVIT_DATA", raising=False)
    found = by_name(data())
    assert found["SLINVIT_DATA"].state == found["alfworld games"].state == "missing"
    assert "slinvit data get alfworld" in found["alfworld games"].advice
    (tmp_path / "blocksworld").mkdir()
    monkeypatch.setenv("SLINVIT_DATA", str(tmp_path))
    monkeypatch.setenv("ALFWORLD_DATA", str(tmp_path))
    found = by_name(data())
    assert found["SLINVIT_DATA"].state == "ok"
    assert found["SLINVIT_DATA"].advice == "no intercode, alfworld in it"
    assert found["alfworld games"].state == "note"
    monkeypatch.setenv("SLINVIT_DATA", str(tmp_path / "nothing"))
    assert by_name(data())["SLINVIT_DATA"].state == "failed"


def test_what_is_not_installed_comes_with_the_command_that_installs_it(monkeypatch: pytest.MonkeyPatch) -> None:
    lines = ["numpy>=2", "surely-not-there>=1; extra == 'games'", "ruff; extra == 'dev'"]
    monkeypatch.setattr(diagnosis, "requires", lambda name: lines)
    (finding,) = extras()
    assert (finding.state, finding.advice) == ("missing", "pip install 'slinvit[games]'")
    monkeypatch.setattr(diagnosis, "VERSIONS", ("surely-not-there",))
    assert by_name(versions())["surely-not-there"].state == "failed"


def test_programs_are_looked_for_on_the_path(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    program = tmp_path / "bwrap"
    program.write_text("#!/bin/sh\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    found = by_name(tools())
    assert found["bwrap"].found == str(program)
    assert found["docker"].state == "missing"


def test_the_table_shows_markup_as_it_is() -> None:
    from rich.console import Console

    console = Console(width=200)
    with console.capture() as capture:
        console.print(table([Finding("area", "name", "note", "a [b] c", "pip install 'x[y]'", 0.5)]))
    assert "a [b] c (500 ms)" in capture.get()
    assert "pip install 'x[y]'" in capture.get()
