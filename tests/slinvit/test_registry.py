import sys
from pathlib import Path

import pytest

from slinvit import InputError, UnknownName
from slinvit.registry import Registry, Spec, load_target, parse_spec

SHAPES = Registry(
    kind="shape", targets={"round": "math:tau", "square": "fractions:Fraction"}, group="slinvit.test_shapes"
)

ENTRY_POINT = """[slinvit.test_shapes]
oval = decimal:Decimal
"""


@pytest.fixture
def plug_in(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Another distribution that adds the shape ``oval`` and a module ``our_shapes``."""
    metadata = tmp_path / "shapes-1.0.dist-info"
    metadata.mkdir()
    (metadata / "METADATA").write_text("Metadata-Version: 2.1\nName: shapes\nVersion: 1.0\n")
    (metadata / "entry_points.txt").write_text(ENTRY_POINT)
    (tmp_path / "our_shapes.py").write_text("class Star:\n    points = 5\n")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "our_shapes", raising=False)


def test_a_name_loads_its_target() -> None:
    import fractions

    assert SHAPES.load("square") is fractions.Fraction
    assert list(SHAPES) == SHAPES.names() == ["round", "square"]


def test_a_misspelt_name_gets_a_suggestion_and_the_list() -> None:
    with pytest.raises(UnknownName, match=r"unknown shape 'squar'; did you mean 'square'\?; known: round, square") as e:
        SHAPES.load("squar")
    assert e.value.name == "squar"
    with pytest.raises(UnknownName, match="unknown shape 'zzz'; known"):
        SHAPES.split("zzz:1,side=2")


@pytest.mark.parametrize(
    ("text", "spec"),
    [
        ("square", Spec("square")),
        ("square:3", Spec("square", "3")),
        ("square:side=3", Spec("square", "", {"side": "3"})),
        ("square:a/b=c.txt,side=3,unit=", Spec("square", "a/b=c.txt", {"side": "3", "unit": ""})),
        ("square:C:/x", Spec("square", "C:/x")),
    ],
)
def test_specs_split_into_name_argument_and_options(text: str, spec: Spec) -> None:
    _, found = SHAPES.split(text)
    assert found == spec


def test_a_spec_can_be_read_without_loading_what_it_names() -> None:
    assert parse_spec("unheard-of:1,side=2") == Spec("unheard-of", "1", {"side": "2"})


@pytest.mark.parametrize(
    ("text", "message"), [("square:1,2", "one argument"), ("square:s=1,s=2", "'s' is given twice")]
)
def test_specs_that_say_two_things_are_refused(text: str, message: str) -> None:
    with pytest.raises(InputError, match=message):
        SHAPES.split(text)


@pytest.mark.usefixtures("plug_in")
def test_a_module_and_a_name_plug_in_directly() -> None:
    target, spec = SHAPES.split("our_shapes:Star:7,points=6")
    assert target.points == 5
    assert spec == Spec("our_shapes:Star", "7", {"points": "6"})
    assert SHAPES.load("our_shapes:Star") is target
    with pytest.raises(InputError, match="'our_shapes' has no 'Moon'"):
        SHAPES.load("our_shapes:Moon")


@pytest.mark.usefixtures("plug_in")
def test_an_entry_point_of_another_distribution_is_a_name_like_ours() -> None:
    import decimal

    assert SHAPES.names() == ["oval", "round", "square"]
    assert SHAPES.split("oval:1") == (decimal.Decimal, Spec("oval", "1"))


def test_a_module_that_does_not_exist_is_an_unknown_name() -> None:
    for text in ("no_such_module_here:Name", "no.such.module:Name", ":Name"):
        with pytest.raises(UnknownName, match="unknown shape"):
            SHAPES.split(text)


def test_load_target_says_what_a_module_lacks() -> None:
    with pytest.raises(InputError, match="the module 'math' has no 'pie'"):
        load_target("math:pie")
