"""Every ``Source:`` line names a place in an arXiv paper, an older article, or a section of docs/theory.md."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import slinvit

ROOT = Path(slinvit.__file__).parents[1]
PACKAGES = ("slinvit", "envs", "priors", "value_estimators", "planners", "agent", "learners")
PART = (
    r"(?:Eq\. \(\w+(?:\.\d+)?\)|(?:Algorithm|Theorem|Lemma|Proposition|Corollary|Definition|Section|Figure) [\w.]*\w)"
)
ARTICLE = r"[A-Z][\w .,&-]+ \(\d{4}\), .+"
DERIVED = r"derived: docs/theory\.md §(?P<section>\d+(?:\.\d+)*)"
FORM = re.compile(rf"Source: (?:arXiv:\d{{4}}\.\d{{5}}, {PART}|{ARTICLE}|{DERIVED})")


def docstrings() -> Iterator[tuple[str, str]]:
    for package in PACKAGES:
        for path in sorted((ROOT / package).rglob("*.py")):
            for node in ast.walk(ast.parse(path.read_text())):
                if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
                    name = getattr(node, "name", "module")
                    yield f"{path.relative_to(ROOT)}::{name}", ast.get_docstring(node) or ""


def source_lines() -> list[tuple[str, str]]:
    return [(name, line) for name, text in docstrings() for line in text.splitlines() if line.startswith("Source:")]


def test_every_source_line_has_the_one_form() -> None:
    assert [found for found in source_lines() if not FORM.fullmatch(found[1])] == []


def test_every_source_line_is_the_last_of_its_docstring_and_the_only_one() -> None:
    for name, text in docstrings():
        if "\nSource:" in text:
            assert text.count("\nSource:") == 1, name
            assert text.splitlines()[-1].startswith("Source:"), name


def test_derived_sources_point_at_a_section_that_exists() -> None:
    sections = re.findall(r"^##+ §(\d+(?:\.\d+)*) ", (ROOT / "docs" / "theory.md").read_text(), flags=re.MULTILINE)
    wanted = {match["section"] for _, line in source_lines() if (match := FORM.fullmatch(line)) and match["section"]}
    assert wanted <= set(sections)


def test_every_public_function_of_the_kl_algebra_names_its_source() -> None:
    functions = [(name, text) for name, text in docstrings() if name.startswith("slinvit/kl.py::")]
    public = [(name, text) for name, text in functions if not name.split("::")[1].startswith("_")]
    assert [name for name, text in public if "Source:" not in text] == ["slinvit/kl.py::module"]
