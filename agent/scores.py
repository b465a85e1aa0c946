"""What worlds with a grader say of episodes beside success: mean reward, its parts, corrected, by kind of gold."""

from collections.abc import Iterator, Mapping, Sequence
from statistics import fmean
from typing import Any

from agent.episode import Episode
from agent.intervals import mean_interval, wilson_interval

KNOWN = ("score", "corrected", "empty_gold")
"""Details with a meaning of their own; all other numbers and truth values are parts of the reward."""

TOLERANCE = 1e-9
"""A corrected reward this close to 1 is a success."""


def grade_of(episode: Episode) -> Mapping[str, Any] | None:
    """Return the details of the last step that was graded; ``None`` where none was."""
    return next((step.details for step in reversed(episode.steps) if step.details), None)


def scores(episodes: Sequence[Episode]) -> dict[str, Any] | None:
    """Return JSON values, ``None`` where no step of any episode was graded.

    ``reward`` is the mean return over all episodes (one that ended without a grade earned what its record says, mostly
    0), ``ci95`` its interval after Student. ``parts`` are means over the ``graded`` episodes for which the grader gave
    them. ``corrected`` is reward and success by the corrected rule, over all episodes, ungraded ones as 0. ``nonempty``
    counts graded episodes whose gold answer is not empty: an empty one is matched by any empty answer.
    """
    grades = [(episode, grade) for episode in episodes if (grade := grade_of(episode)) is not None]
    if not grades:
        return None
    kept = [episode for episode, grade in grades if grade.get("empty_gold") is False]
    rewards = [episode.reward for episode in episodes]
    return {
        "reward": fmean(rewards),
        "ci95": mean_interval(rewards),
        "graded": len(grades),
        "parts": dict(_parts([grade for _, grade in grades])),
        "corrected": _corrected([grade for _, grade in grades], len(episodes)),
        "nonempty": _success([episode.solved for episode in kept], [episode.reward for episode in kept]),
    }


def _parts(grades: Sequence[Mapping[str, Any]]) -> Iterator[tuple[str, float]]:
    for name in dict.fromkeys(name for grade in grades for name in grade if name not in KNOWN):
        numbers = [float(grade[name]) for grade in grades if isinstance(grade.get(name), (bool, int, float))]
        if numbers:
            yield name, fmean(numbers)


def _corrected(grades: Sequence[Mapping[str, Any]], episodes: int) -> dict[str, Any] | None:
    rewards = [float(grade["corrected"]) for grade in grades if "corrected" in grade]
    if not rewards:
        return None
    rewards += [0.0] * (episodes - len(rewards))
    return _success([reward >= 1 - TOLERANCE for reward in rewards], rewards)


def _success(solved: Sequence[bool], rewards: Sequence[float]) -> dict[str, Any] | None:
    if not solved:
        return None
    count = sum(solved)
    return {
        "episodes": len(solved),
        "successes": count,
        "success_rate": count / len(solved),
        "ci95": list(wilson_interval(count, len(solved))),
        "reward": fmean(rewards),
    }
