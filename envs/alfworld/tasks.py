"""Where ALFWorld tasks come from: splits, folders, archives, files, generated scenes; and choosing among them."""

import logging
import re
from collections.abc import Mapping, Sequence
from pathlib import Path

from envs.alfworld.files import COUNTS, GET, find_split, game_ids, is_archive, read_games
from envs.alfworld.game import TASK_TYPES, Game
from envs.alfworld.generate import generate
from envs.alfworld.task import HORIZON, AlfworldTask
from envs.alfworld.wording import Grammar, as_grammar
from slinvit.errors import InputError, UnknownName, did_you_mean
from slinvit.registry import Spec, parse_spec
from slinvit.rng import generator

DEFAULT_HORIZON = "2x"
"""What the command line says where nothing was said: 50 steps."""

DEFAULT_SPLIT = "valid_seen"

SHORT_TYPES: Mapping[str, str] = dict(zip(("place", "light", "clean", "heat", "cool", "two"), TASK_TYPES, strict=True))
"""Short names of the task types."""

OPTIONS = ("type", "id", "number", "room", "grammar", "seed")

SCENES = 10_000
"""Most generated scenes of one seed."""

_log = logging.getLogger(__name__)


def load(
    tasks: str,
    *,
    seed: int = 0,
    limit: int | None = None,
    horizon: str = DEFAULT_HORIZON,
    grammar: Grammar = "move",
    bad: list[InputError] | None = None,
) -> list[AlfworldTask]:
    """Return the tasks that ``tasks`` names, sorted by id.

    Args:
        tasks: a source, then options, separated by commas. Sources:

            * an official split, ``valid_seen``, ``valid_unseen``, ``valid_train`` or ``train``, which must be complete;
            * a folder, an archive of one, or a single ``game.tw-pddl``;
            * ``generated:6``: scenes made on the spot;
            * ``random:40`` or just ``40``: drawn from valid_seen, or generated where that split is not found.

            Options: ``type=heat`` (place, light, clean, heat, cool, two, their numbers 1 to 6 or full names; several
            joined by ``+``), ``id=...`` (an id, its folder or its trial), ``number=3`` or ``number=1-20`` (position in
            the source sorted by id), ``room=kitchen`` (of scenes), ``grammar=put``, ``seed=3`` (of scenes and draws).
        seed: of scenes and draws that name none.
        limit: at most this many.
        horizon: steps per episode, a number; by default 50.
        grammar: wording of putting things down where ``tasks`` names none.
        bad: collects what is wrong with games that cannot be read, which are left out and logged; without it the first
            one raises.

    Raises:
        InputError: the source is nowhere, incomplete, or holds no such game; a game that cannot be read.
    """
    if limit is not None and limit < 1:
        raise InputError(f"the limit on tasks must be 1 or more, not {limit}")
    steps, wish = _steps(horizon), _spec(tasks)
    wording = as_grammar(wish.options.get("grammar", grammar))
    games = _games(wish, _number(wish, "seed", seed), limit, bad)
    return [AlfworldTask(game, steps, wording) for game in games[:limit]]


def _games(wish: Spec, seed: int, limit: int | None, bad: list[InputError] | None) -> Sequence[Game]:
    types = _types(wish.options.get("type", ""))
    if wish.name == "generated":
        return _generated(wish, types, seed, limit)
    if wish.name != "random":
        return _chosen(wish, types, limit, bad)
    count = _number(wish, "", 1)
    try:
        find_split(DEFAULT_SPLIT)
    except InputError as error:
        _log.warning("%s; using scenes generated here", error)
        return _generated(wish, types, seed, limit)
    games = _chosen(Spec(DEFAULT_SPLIT, "", wish.options), types, None, bad)
    draw = generator(seed, "alfworld games").permutation(len(games))[:count]
    return [games[i] for i in sorted(draw[:limit])]


def _chosen(wish: Spec, types: frozenset[str], limit: int | None, bad: list[InputError] | None) -> list[Game]:
    if "room" in wish.options:
        raise InputError(f"only generated scenes are chosen by room; leave room= out of {wish.name}")
    path = _path(wish.name)
    official = not Path(wish.name).exists()
    ids = game_ids(path)
    if official and wish.name in COUNTS and len(ids) < COUNTS[wish.name]:
        raise InputError(
            f"{path} has {len(ids)} of the {COUNTS[wish.name]} games of {wish.name}; get them all: {GET}; to use what "
            "is there, give its path"
        )
    chosen = _selected(wish, ids, types)[:limit]
    games = read_games(path, wanted=frozenset(chosen).__contains__, bad=bad)
    found = sorted(games, key=lambda game: game.id)
    if bad:
        _log.warning("left out %d of %d games: %s", len(bad), len(chosen), "; ".join(map(str, bad)))
    return found


def _selected(wish: Spec, ids: Sequence[str], types: frozenset[str]) -> list[str]:
    """Return the ids that fit all options."""
    first, last = _range(wish.options.get("number", ""), len(ids))
    chosen = [id for id in ids[first - 1 : last] if not types or id.partition("-")[0] in types]
    name = wish.options.get("id")
    if name is not None:
        chosen = [id for id in chosen if name == id or name in id.split("/")]
        if not chosen and name not in {part for id in ids for part in (id, *id.split("/"))}:
            raise InputError(f"{wish.name} has no game {name!r}{did_you_mean(name, ids)}")
    if not chosen:
        asked = ",".join(f"{key}={value}" for key, value in wish.options.items())
        raise InputError(f"none of the {len(ids)} games of {wish.name} fits {asked or 'that'}")
    return chosen


def _generated(wish: Spec, types: frozenset[str], seed: int, limit: int | None) -> list[Game]:
    for option in ("id", "number"):
        if option in wish.options:
            raise InputError(f"generated scenes have no {option}; choose them by seed= and type=")
    count, room = _number(wish, "", 1), wish.options.get("room")
    kinds = [kind for kind in TASK_TYPES if not types or kind in types]
    first = seed * SCENES
    return [generate(first + i, kinds[i % len(kinds)], room) for i in range(min(count, limit or count, SCENES))]


def _spec(tasks: str) -> Spec:
    """Return source, argument and options; a path may hold any letters but commas."""
    source, _, rest = tasks.partition(",")
    if source.isdecimal():
        source = f"random:{source}"
    name, _, argument = source.partition(":") if source.startswith(("random:", "generated:")) else (source, "", "")
    spec = parse_spec(f"options:{rest}")
    if spec.argument:
        raise InputError(f"cannot read {spec.argument!r} in {tasks!r}: options are {', '.join(OPTIONS)}, as key=value")
    for option in spec.options:
        if option not in OPTIONS:
            raise UnknownName("option of ALFWorld tasks", option, OPTIONS)
    return Spec(name, argument, spec.options)


def _path(source: str) -> Path:
    path = Path(source)
    if path.exists():
        if path.is_file() and path.suffix not in (".tw-pddl", ".json") and not is_archive(path):
            raise InputError(f"{path}: expected a game.tw-pddl, a folder or an archive of these")
        return path
    if "/" in source or path.suffix:
        raise InputError(f"{source} does not exist")
    return find_split(source)


def _types(text: str) -> frozenset[str]:
    """Return the full names of task types joined by ``+``."""
    names = {**SHORT_TYPES, **{name: name for name in TASK_TYPES}}
    names |= {str(number): name for number, name in enumerate(TASK_TYPES, start=1)}
    for part in filter(None, text.split("+")):
        if part not in names:
            raise UnknownName("ALFWorld task type", part, (*SHORT_TYPES, *TASK_TYPES))
    return frozenset(names[part] for part in text.split("+") if part)


def _range(text: str, count: int) -> tuple[int, int]:
    if not text:
        return 1, count
    found = re.fullmatch(r"(\d+)(?:-(\d+))?", text)
    first, last = (int(found[1]), int(found[2] or found[1])) if found else (0, 0)
    if not 1 <= first <= last <= count:
        raise InputError(f"cannot use number={text}: a number from 1 to {count}, or a range such as 1-20")
    return first, last


def _number(wish: Spec, option: str, default: int) -> int:
    text = wish.options.get(option, "") if option else wish.argument
    if not text:
        return default
    if not text.isdecimal() or (not option and int(text) < 1):
        raise InputError(f"cannot read {text!r} in {wish.name}: {option or 'the count'} must be a whole number")
    return int(text)


def _steps(horizon: str) -> int:
    if horizon == DEFAULT_HORIZON:
        return HORIZON
    if horizon.isdecimal() and int(horizon) > 0:
        return int(horizon)
    raise InputError(f"cannot read the horizon {horizon!r}: ALFWorld takes a number of steps; {HORIZON} by default")
