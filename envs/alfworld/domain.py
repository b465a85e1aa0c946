"""ALFWorld as a family of tasks."""

import logging
from collections.abc import Mapping
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from pathlib import Path
from typing import Any, ClassVar

from envs.alfworld.engine import EnginePool
from envs.alfworld.live import CheckedWorld, EngineWorld
from envs.alfworld.scene import KNOWN_RULES, UnknownGame
from envs.alfworld.task import DOMAIN, AlfworldTask
from envs.alfworld.tasks import load
from envs.alfworld.wording import as_grammar
from envs.alfworld.world import AlfworldSimulator, AlfworldWorld
from envs.simulator import ReplaySimulator
from slinvit.errors import InputError, MissingExtra, UnknownName
from slinvit.protocols import Environment, Simulator

ENGINES = ("twin", "textworld")

PACKAGES = ("alfworld", "textworld", "fast-downward-textworld")
"""What the real engine consists of."""

_log = logging.getLogger(__name__)


class AlfworldDomain:
    """Household tasks in text, the official games or generated scenes; engines twin and textworld.

    Satisfies :class:`envs.domain.Domain`.

    Args:
        engine: what answers in the live world: ``twin``, or ``textworld`` for the real engine, each of whose answers is
            compared with the twin's. The simulator is the twin with either. A game that the twin does not know runs
            on the real engine, and its simulator replays there.
        grammar: ``move`` for ``move X to Y``, as games have it today, or ``put`` for ``put X in/on Y``, as older
            releases and published prompts have it. Both are understood.
        skip_bad: leave out games that cannot be read; ``left_out`` says what was wrong with them.

    Raises:
        UnknownName: another engine or grammar.
        MissingExtra: the real engine is not installed.
    """

    name = DOMAIN
    usual: ClassVar[Mapping[str, str]] = {"prior": "placement", "value": "subgoals"}

    def __init__(self, engine: str = "twin", grammar: str = "move", skip_bad: bool = False) -> None:
        if engine not in ENGINES:
            raise UnknownName("engine", engine, ENGINES)
        if engine == "textworld":
            _require_engine()
        self.engine = engine
        self.grammar = as_grammar(grammar)
        self.skip_bad = skip_bad
        self.left_out: list[InputError] = []
        self._engines = EnginePool()

    def load(
        self,
        tasks: str,
        *,
        instances: Path | None = None,
        seed: int = 0,
        limit: int | None = None,
        horizon: str = "2x",
    ) -> list[AlfworldTask]:
        """Return the tasks that ``tasks`` names; see :func:`envs.alfworld.tasks.load`."""
        if instances is not None:
            raise InputError(f"--instances is for lists of instances; give {DOMAIN} a folder or archive as --tasks")
        self.left_out = []
        bad = self.left_out if self.skip_bad else None
        return load(tasks, seed=seed, limit=limit, horizon=horizon, grammar=self.grammar, bad=bad)

    def environment(self, instance: AlfworldTask) -> Environment:
        """Return the live world of ``instance``."""
        try:
            twin = AlfworldWorld(instance)
        except UnknownGame as error:
            _log.warning("%s; it runs on the real engine", error)
            return self._engine_world(instance)
        return twin if self.engine == "twin" else CheckedWorld(self._engine_world(instance), twin)

    def simulator(self, instance: AlfworldTask) -> Simulator:
        """Return a stateless model of the world of ``instance``."""
        try:
            return AlfworldSimulator(instance)
        except UnknownGame:
            return ReplaySimulator(lambda: self._engine_world(instance))

    def provenance(self) -> Mapping[str, Any]:
        """Return the engine, the checksum of the rules that the twin knows, and the versions installed."""
        versions = {package: _version(package) for package in ("slinvit", *PACKAGES)}
        return {"engine": self.engine, "rules": KNOWN_RULES[:16], **versions}

    def close(self) -> None:
        """End the engine processes that wait for another game."""
        self._engines.close()

    def _engine_world(self, instance: AlfworldTask) -> EngineWorld:
        _require_engine()
        return EngineWorld(instance, self._engines.engine())


def _require_engine() -> None:
    if find_spec("alfworld") is None or find_spec("textworld") is None:
        raise MissingExtra("alfworld", "alfworld")


def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None
