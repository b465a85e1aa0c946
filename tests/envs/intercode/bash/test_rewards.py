"""The three parts of a Bash reward, computed from what both sides show."""

import math
from collections.abc import Hashable, Sequence
from dataclasses import dataclass, field

import pytest
from hypothesis import given
from hypothesis import strategies as st

from envs.intercode.bash.rewards import BASE, PART, Effects, Side, file_diff, grade
from envs.intercode.bash.similarity import cosine
from envs.intercode.bash.status import UNREADABLE, changes_of, exact_changes, words_of
from slinvit.errors import UnknownName

CHANGES = st.sets(st.tuples(st.sampled_from(["a.txt", "b.txt", "c/", "d"]), st.sampled_from(["??", "M", "D"])))


@dataclass
class Written:
    """Files whose content is written down here; ``same`` where nothing is."""

    known: dict[str, str | None] = field(default_factory=dict)

    def checksums(self, commands: Sequence[Sequence[str]]) -> list[bytes | None]:
        return [self._read(command[-1]) for command in commands]

    def contents(self, paths: Sequence[str]) -> list[Hashable | None]:
        return [self._read(path) for path in paths]

    def _read(self, path: str) -> bytes | None:
        content = self.known.get(path, "same")
        return None if content is None else content.encode()


def side(text: str | None, status: str = "", files: dict[str, str | None] | None = None) -> Side:
    """Return a side with the given content of each path."""
    return Side(Effects(text, status, changes_of(status, lambda: None)), Written(files or {}))


def test_equal_sides_earn_one() -> None:
    found = grade(side("three words here", "?? a.txt\n"), side("three words here", "?? a.txt\n"))
    assert found.reward == pytest.approx(1.0, abs=1e-12)
    assert found.details["corrected"] == pytest.approx(1.0, abs=1e-12)
    assert {found.details[part] for part in ("file_diff", "file_changes", "answer_similarity")} == {PART}


def test_doing_nothing_for_a_question_that_only_reads_earns_two_parts() -> None:
    assert grade(side("", ""), side("an answer", "")).reward == BASE + PART + PART


@given(CHANGES, CHANGES)
def test_the_file_part_falls_with_every_change_that_only_one_side_has(
    agent: set[tuple[str, str]], gold: set[tuple[str, str]]
) -> None:
    missing, extra = gold - agent, agent - gold
    expected = round(0.33 * (1 - math.erf(len(missing) + len(extra))), 2)
    assert file_diff(sorted(agent), sorted(gold)) == expected


def test_contents_of_new_files_are_compared_by_share() -> None:
    status = "?? a.txt\n?? b.txt\n?? c.txt\n"
    found = grade(side("x1", status), side("x1", status, {"a.txt": "other"}))
    assert found.details["file_changes"] == round(0.33 * (2 / 3), 2)


def test_new_paths_without_a_dot_count_as_equal_in_the_original_only() -> None:
    status = "?? folder/\n"
    details = grade(side("x1", status), side("x1", status, {"folder/": "other"})).details
    assert details["file_changes"] == PART
    assert details["corrected"] == pytest.approx(1 - PART)


def test_contents_of_modified_files_are_compared_in_the_corrected_variant_only() -> None:
    status = " M a.txt\n"
    details = grade(side("x1", status), side("x1", status, {"a.txt": "other"})).details
    assert details["intercode"] == pytest.approx(1.0)
    assert details["corrected"] == pytest.approx(1 - PART)


def test_deleted_files_have_no_contents_to_compare() -> None:
    status = " D a.txt\n"
    assert grade(side("x1", status), side("x1", status, {"a.txt": "other"})).details["corrected"] == pytest.approx(1.0)


def test_the_answer_part_is_the_rounded_cosine() -> None:
    alike = cosine("one two three", "two three four")
    assert alike is not None
    details = grade(side("one two three"), side("two three four")).details
    assert details["answer_similarity"] == round(0.33 * alike, 2)


@pytest.mark.parametrize(("answer", "gold", "part"), [("7\n", "7\n", PART), ("7\n", "8\n", 0.0), ("", "8\n", 0.0)])
def test_answers_without_words_are_equal_or_not(answer: str, gold: str, part: float) -> None:
    assert grade(side(answer), side(gold)).details["answer_similarity"] == part


def test_a_gold_answer_that_is_no_text_is_like_nothing() -> None:
    assert grade(side("some words"), side(None)).details["answer_similarity"] == 0.0


def test_a_gold_command_without_any_effect_is_matched_by_silence_in_the_original_only() -> None:
    details = grade(side(""), side("")).details
    assert details["empty_gold"] is True
    assert details["intercode"] == pytest.approx(1.0)
    assert details["corrected"] == pytest.approx(1 - PART)


def test_a_gold_command_that_changes_files_silently_is_not_empty() -> None:
    details = grade(side("", "?? a.txt\n"), side("", "?? a.txt\n")).details
    assert details["empty_gold"] is False
    assert details["corrected"] == pytest.approx(1.0)


@pytest.mark.parametrize("status", ['?? "two words"\n', "?? it's.txt\n"])
def test_a_status_that_the_original_could_not_read_is_scored_by_its_meaning(status: str) -> None:
    exact = status.strip().replace('"', "").encode() + b"\0"
    effects = Effects("x1", status, changes_of(status, lambda: exact))
    same = Side(effects, Written())
    found = grade(same, same)
    assert found.details["status_unreadable"] is True
    assert found.reward == pytest.approx(1.0)


def test_two_paths_with_blanks_are_misread_as_the_original_did() -> None:
    assert words_of('?? "a b"\n?? "c d"\n') == (('"a', "??"), ("??", 'b"'), ('d"', '"c'))
    assert words_of('?? "a b"\n') is None


def test_an_exact_status_is_read_with_blanks_renames_and_bytes_that_are_no_text() -> None:
    status = b'?? a b\0R  new\0old\0 M q"uote\0?? \xff\0'
    assert exact_changes(status) == (("a b", "??"), ("new", "R"), ('q"uote', "M"), ("\udcff", "??"))


def test_broken_version_control_is_a_change_of_its_own() -> None:
    assert changes_of("fatal: not a git repository\n", lambda: b"", readable=False) == (UNREADABLE,)


def test_the_score_that_is_the_reward_can_be_chosen() -> None:
    agent, gold = side(""), side("")
    assert grade(agent, gold, "corrected").reward == grade(agent, gold).details["corrected"]
    with pytest.raises(UnknownName, match="intercode"):
        grade(agent, gold, "intercod")


@given(st.text(max_size=20), st.text(max_size=20), CHANGES, CHANGES)
def test_rewards_are_between_their_bounds_and_the_sum_of_their_parts(
    answer: str, wanted: str, agent: set[tuple[str, str]], gold: set[tuple[str, str]]
) -> None:
    def of(text: str, changes: set[tuple[str, str]]) -> Side:
        return side(text, "".join(f"{code:>2} {path}\n" for path, code in sorted(changes)))

    found = grade(of(answer, agent), of(wanted, gold))
    parts = [found.details[name] for name in ("file_diff", "file_changes", "answer_similarity")]
    assert found.reward == BASE + parts[0] + parts[1] + parts[2]
    assert all(0 <= part <= PART for part in parts)
    assert found.details["corrected"] <= 1 + 1e-12


@pytest.mark.parametrize("status", ["?? a.txt\n", " M a.txt\n"])
def test_what_could_not_be_read_on_either_side_is_equal_to_nothing(status: str) -> None:
    details = grade(side("x1", status, {"a.txt": None}), side("x1", status, {"a.txt": None})).details
    assert details["corrected"] == pytest.approx(1 - PART)
    assert details["file_changes"] == (0.0 if status.startswith("?") else PART)


def test_a_status_that_did_not_end_is_scored_by_the_changes() -> None:
    agent = Side(Effects("x1", None, (("a.txt", "??"),)), Written())
    found = grade(agent, side("x1", "?? a.txt\n"))
    assert found.details["status_unreadable"] is True
    assert found.reward == pytest.approx(1.0)
    assert grade(Side(Effects("x1", None, (UNREADABLE,)), Written()), side("x1", "")).reward < 1 - PART / 2
