"""The shortest way through a household, looking only at what the goal is about."""

from collections import deque

from envs.alfworld.scene import Scene
from envs.alfworld.twin import Operator, Twin, World

ENOUGH = 3
"""Objects of the wanted kind that the search handles; the easiest to get at."""


def find_walkthrough(scene: Scene) -> tuple[str, ...] | None:
    """Return the fewest commands about goal objects that reach the goal, ``None`` where there are none."""
    twin, matters = Twin(scene), _Matters(scene)
    start = twin.start()
    came: dict[World, tuple[World, str] | None] = {start: None}
    queue = deque([start])
    while queue:
        world = queue.popleft()
        if twin.won(world):
            return _path(came, world)
        for command, operator in twin.operators(world).items():
            if matters.to_goal(operator):
                after = twin.step(world, command)[0]
                if after not in came:
                    came[after] = (world, command)
                    queue.append(after)
    return None


class _Matters:
    """What of a household the goal is about."""

    def __init__(self, scene: Scene) -> None:
        goal = scene.goal
        holder = {o: r for r, held in enumerate(scene.inside) for o in held}
        easy = sorted((o for o in goal.objects if o in holder), key=lambda o: (holder[o] in scene.openable, o))
        self._objects = frozenset(easy[:ENOUGH])
        self._lamps = goal.lamps
        # One that is always open saves a step; where objects lie already, one step fewer may do.
        there = [r for r in goal.receptacles if goal.objects & set(scene.inside[r])]
        handy = sorted(goal.receptacles, key=lambda r: (r in scene.openable, r))[:1]
        self._targets = frozenset([*handy, *there])
        self._verb = {"clean": "clean", "hot": "heat", "cool": "cool", "": ""}[goal.treatment]
        tools = {"clean": scene.sinks, "heat": scene.microwaves, "cool": scene.fridges, "": frozenset[int]()}
        lit = [holder[o] for o in sorted(goal.lamps) if o in holder][:1]
        self._receptacles = frozenset(
            [*(holder[o] for o in self._objects), *self._targets, *sorted(tools[self._verb])[:1], *lit]
        )

    def to_goal(self, operator: Operator) -> bool:
        """Say whether a step may be on a shortest way."""
        verb, o, r = operator
        if verb in ("go", "open"):
            return r in self._receptacles
        if verb == "use":
            return o in self._lamps
        return o in self._objects and (verb in ("take", self._verb) or (verb == "move" and r in self._targets))


def _path(came: dict[World, tuple[World, str] | None], world: World) -> tuple[str, ...]:
    commands = []
    before = came[world]
    while before is not None:
        world, command = before
        commands.append(command)
        before = came[world]
    return tuple(reversed(commands))
