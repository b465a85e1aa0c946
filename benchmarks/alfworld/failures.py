"""Why an episode failed, read from its texts alone."""

from collections import Counter
from collections.abc import Iterable

from agent.episode import Episode
from priors.alfworld.progress import home
from priors.alfworld.reading import Belief, after, kind_of, read_goal, read_sight


def failure_classes(episodes: Iterable[Episode]) -> Counter[str]:
    """Return how many of the unsolved episodes are of each class."""
    return Counter(failure_class(episode) for episode in episodes if not episode.solved)


def failure_class(episode: Episode) -> str:
    """Return the first subgoal that was never reached, or how it was spoilt."""
    wish, belief, held, treated = read_goal(episode.goal), Belief(), set[str](), False
    for step in episode.steps:
        belief = after(belief, read_sight(step.observation))
        held |= {belief.held} if kind_of(belief.held) == wish.object else set()
        treated |= any(kind_of(thing) == wish.object for _, thing in belief.treated)
    if not held:
        return "wanted object seen, never taken" if belief.places(wish.object) else "wanted object never found"
    if wish.kind == "light":
        return "lamp never found" if not belief.places(wish.target) else "never used beside the lamp"
    if wish.treatment and not treated:
        return f"taken, never treated ({wish.treatment})"
    if wish.kind == "two":
        return _of_two(sum(map(len, _at_targets(belief, wish.object, wish.target))), home(wish, belief)[1])
    return "treated, never brought" if wish.treatment else "taken, never brought"


def _at_targets(belief: Belief, thing: str, target: str) -> list[frozenset[str]]:
    return [things for place, things in belief.places(thing).items() if kind_of(place) == target]


def _of_two(brought: int, together: int) -> str:
    if brought >= 2 > together:
        return "two brought, to different receptacles"
    return "one of two brought" if brought else "none of two brought"
