"""BlocksWorld as a family of tasks."""

from collections.abc import Mapping
from importlib.metadata import version
from pathlib import Path
from typing import Any

from envs.blocksworld.problem import DOMAIN, Problem, ViewOf, native_view
from envs.blocksworld.tasks import load
from envs.blocksworld.world import BlocksWorld, BlocksWorldSimulator
from slinvit.errors import UnknownName

ENGINES = ("native", "pddlgym")


class BlocksWorldDomain:
    """Towers of blocks and one hand, 4 operators; engines native and pddlgym.

    Satisfies :class:`envs.domain.Domain`.

    Args:
        engine: what moves the blocks of the live world: ``native``, or ``pddlgym`` for PDDLGym's own parser and
            successor function. The simulator is native with either: a planner's model of the world and the world
            itself are then independent programs.

    Raises:
        UnknownName: another engine.
    """

    name = DOMAIN

    def __init__(self, engine: str = "native") -> None:
        if engine not in ENGINES:
            raise UnknownName("engine", engine, ENGINES)
        self.engine = engine

    def load(
        self,
        tasks: str,
        *,
        instances: Path | None = None,
        seed: int = 0,
        limit: int | None = None,
        horizon: str = "2x",
    ) -> list[Problem]:
        """Return the problems that ``tasks`` names; see :func:`envs.blocksworld.tasks.load`."""
        return load(tasks, instances=instances, seed=seed, limit=limit, horizon=horizon)

    def environment(self, instance: Problem) -> BlocksWorld:
        """Return the live world of ``instance``."""
        return BlocksWorld(instance, self._view_of())

    def simulator(self, instance: Problem) -> BlocksWorldSimulator:
        """Return a stateless model, which serves every instance."""
        return BlocksWorldSimulator()

    def provenance(self) -> Mapping[str, Any]:
        """Return engine and versions."""
        packages = ("slinvit", "pddlgym") if self.engine == "pddlgym" else ("slinvit",)
        return {"engine": self.engine, **{package: version(package) for package in packages}}

    def _view_of(self) -> ViewOf:
        if self.engine == "native":
            return native_view
        from envs.blocksworld.pddlgym_engine import pddlgym_view

        return pddlgym_view
