"""Every property of the catalogue, and what happens to one that fails or cannot be checked."""

import json
import os
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pytest

from agent.theory import catalogue as module
from agent.theory.catalogue import catalogue, chosen, validate
from agent.theory.record import Finding, NotHere, Property, Scale, worst
from agent.theory.table import verdict_json, verdict_table
from slinvit.errors import InputError

QUICK = Scale(quick=True)
LEARNING = range(18, 25)
"""Numbers of the properties that need many episodes."""


def check(rule: Property) -> None:
    (verdict,) = validate([rule], QUICK)
    if verdict.status == "skip":
        assert not ("SLINVIT_DATA" in verdict.finding.note and os.environ.get("CI")), verdict.finding.note
        pytest.skip(verdict.finding.note)
    assert verdict.status == "pass", f"{verdict.finding} against {rule.tolerance}"


@pytest.mark.parametrize(
    "rule", [r for r in catalogue() if r.number not in LEARNING], ids=lambda r: f"{r.number} {r.name}"
)
def test_the_property_holds(rule: Property) -> None:
    check(rule)


@pytest.mark.slow
@pytest.mark.parametrize("rule", [r for r in catalogue() if r.number in LEARNING], ids=lambda r: f"{r.number} {r.name}")
def test_the_property_of_the_learner_holds(rule: Property) -> None:
    check(rule)


def test_the_catalogue_is_complete_and_its_names_are_unique() -> None:
    numbers, names = {r.number for r in catalogue()}, [r.name for r in catalogue()]
    assert numbers == set(range(1, max(numbers) + 1))
    assert max(numbers) >= 33
    assert len(names) == len(set(names))


def test_a_deviation_above_the_tolerance_fails_and_so_does_nothing_checked_or_not_a_number() -> None:
    def rule(finding: Finding) -> Property:
        return Property(1, "made up", "0 = 0", 0.1, lambda _: finding)

    statuses = [
        v.status for v in validate([rule(Finding(1, 0.1)), rule(Finding(1, 0.2)), rule(Finding(0, 0.0))], QUICK)
    ]
    assert statuses == ["pass", "FAIL", "FAIL"]
    assert worst([0.5, float("nan")]).worst == float("inf")


def test_what_cannot_be_checked_is_skipped_with_the_reason() -> None:
    def missing(_: Scale) -> Finding:
        raise NotHere("needs something")

    (verdict,) = validate([Property(1, "made up", "0 = 0", 0.0, missing)], QUICK)
    assert (verdict.status, verdict.finding.note) == ("skip", "needs something")
    assert verdict_json([verdict], QUICK)["properties"][0]["worst"] is None
    assert verdict_table([verdict], QUICK).row_count == 1


@pytest.mark.parametrize(("only", "numbers"), [("33", {33}), ("1,33", {1, 33}), ("14-16,1", {1, 14, 15, 16})])
def test_only_takes_numbers_and_ranges(only: str, numbers: set[int]) -> None:
    assert {r.number for r in chosen(only)} == numbers


@pytest.mark.parametrize(
    ("only", "message"),
    [
        ("99", "no property 99; the numbers are 1-"),
        ("x", "no number"),
        ("5-3", "empty"),
        ("", "no number"),
        ("1-9999", "too long"),
    ],
)
def test_other_selections_are_refused(only: str, message: str) -> None:
    with pytest.raises(InputError, match=message):
        chosen(only)


def test_the_command_prints_one_object_and_exits_with_0(slinvit: Any) -> None:
    outcome = slinvit("theory", "validate", "--quick", "--only", "33,40", "--json")
    assert outcome.code == 0
    assert outcome.json["counts"] == {"pass": 3}
    assert {each["number"] for each in outcome.json["properties"]} == {33, 40}


def test_the_command_prints_a_table(slinvit: Any) -> None:
    outcome = slinvit("theory", "validate", "--quick", "--only", "33")
    assert "KL(pi||prior) .368064" in outcome.out
    assert "1 pass" in outcome.out


def test_the_command_exits_with_1_and_names_what_failed(slinvit: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    broken = tuple(replace(r, tolerance=-1.0) for r in catalogue() if r.number == 33)
    themes = {"agent.theory.broken": SimpleNamespace(PROPERTIES=broken)}
    monkeypatch.setattr(module, "THEMES", ("broken",))
    monkeypatch.setattr(module, "import_module", themes.__getitem__)
    outcome = slinvit("theory", "validate", "--quick", "--json")
    assert outcome.code == 1
    assert "1 of 1 properties failed: 33 direction of KL" in outcome.err
    assert json.loads(outcome.out)["counts"] == {"FAIL": 1}


@pytest.mark.parametrize("options", [("--only", "seven"), ("--seed", "-1"), ("--seed", "x"), ("--quik",)])
def test_bad_options_are_one_line_and_exit_code_2(slinvit: Any, options: tuple[str, ...]) -> None:
    outcome = slinvit("theory", "validate", *options)
    assert outcome.code == 2
    assert outcome.err.count("\n") == 1


def test_the_group_alone_shows_its_commands(slinvit: Any) -> None:
    outcome = slinvit("theory")
    assert outcome.code == 0
    assert "validate" in outcome.out
    assert "experiment" in outcome.out
