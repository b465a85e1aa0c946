"""Commands to be answered by both engines, and the twin's answers."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from envs.alfworld.game import Game
from envs.alfworld.scene import build_scene
from envs.alfworld.twin import Twin, World
from slinvit.rng import generator

WRONG = (
    "",
    "go to nowhere",
    "take the moon from shelf 1",
    "open",
    "xyzzy",
    "put it down",
    "examine cabinet 99",
    "Look",
)
"""Commands that no game accepts."""

WEIGHTS: Mapping[str, float] = {
    "help": 0.02,
    "inventory": 0.1,
    "look": 0.4,
    "examine": 0.3,
    "go": 0.7,
    "open": 1.5,
    "close": 0.4,
    "take": 1.5,
    "move": 0.5,
    "use": 0.7,
    "clean": 1.0,
    "heat": 1.0,
    "cool": 1.0,
    "slice": 3.0,
}
"""How readily a walk does what it can do."""


@dataclass(frozen=True)
class Walk:
    """Episodes of one game: its walkthrough and what lies behind it, then random walks."""

    game: Game
    episodes: tuple[tuple[str, ...], ...]

    def as_json(self) -> Mapping[str, Any]:
        """Return what the stock engine needs."""
        game = self.game
        content = {"pddl_domain": game.domain, "grammar": game.grammar, "pddl_problem": game.problem}
        return {"game": content, "episodes": self.episodes}


@dataclass(frozen=True)
class Reply:
    """What an engine says."""

    feedback: str
    commands: tuple[str, ...]
    score: int
    won: bool


def make_walk(game: Game, steps: int, *, seed: int) -> Walk:
    """Return the walkthrough with ``steps`` random commands after it, and as many from the start."""
    twin, rng = Twin(build_scene(game)), generator(seed, "engine walk", game.id)
    return Walk(game, (_walk(twin, game.walkthrough, steps // 4, rng), _walk(twin, (), steps, rng)))


def twin_replies(walk: Walk) -> list[list[Reply]]:
    """Return what the twin says to each command of each episode, the first text first."""
    twin = Twin(build_scene(walk.game))
    return [_episode(twin, walk.game, episode) for episode in walk.episodes]


def verbs(walks: Iterable[Walk]) -> Mapping[str, int]:
    """Return how often the twin accepted each verb; ``wrong`` counts what it refused."""
    counts: Counter[str] = Counter()
    for walk in walks:
        twin = Twin(build_scene(walk.game))
        for episode in walk.episodes:
            world = twin.start()
            for command in episode:
                world, _, admissible = twin.step(world, command)
                counts[command.split()[0] if admissible else "wrong"] += 1
    return dict(sorted(counts.items()))


def _walk(twin: Twin, begin: Sequence[str], more: int, rng: np.random.Generator) -> tuple[str, ...]:
    commands, world = list(begin), twin.start()
    for command in begin:
        world, _, _ = twin.step(world, command)
    for _ in range(more):
        commands.append(_command(twin.admissible(world), rng))
        world, _, _ = twin.step(world, commands[-1])
    return tuple(commands)


def _command(admissible: Sequence[str], rng: np.random.Generator) -> str:
    """Return a command of a verb drawn by weight: of all commands, two of three would only go elsewhere."""
    if rng.random() < 0.05:
        return _one_of(WRONG, rng)
    options: dict[str, list[str]] = {}
    for command in admissible:
        options.setdefault(command.split()[0], []).append(command)
    weights = np.array([WEIGHTS[verb] for verb in options])
    chosen = list(options.values())[int(rng.choice(len(options), p=weights / weights.sum()))]
    # Without a knife in hand nothing is ever sliced.
    sharp = [command for command in chosen if command.startswith(("take knife", "take butterknife"))]
    return _one_of(sharp or chosen, rng)


def _one_of(commands: Sequence[str], rng: np.random.Generator) -> str:
    return commands[int(rng.integers(len(commands)))]


def _episode(twin: Twin, game: Game, commands: Sequence[str]) -> list[Reply]:
    world = twin.start()
    replies = [_reply(twin, world, f"{twin.intro()}\n\nYour task is to: {game.goal}")]
    for command in commands:
        world, feedback, _ = twin.step(world, command)
        replies.append(_reply(twin, world, feedback))
    return replies


def _reply(twin: Twin, world: World, feedback: str) -> Reply:
    won = twin.won(world)
    return Reply(feedback, twin.admissible(world), int(won), won)
