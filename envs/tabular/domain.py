"""Tabular MDPs as a family of tasks."""

from collections.abc import Mapping
from importlib.metadata import version
from pathlib import Path
from typing import Any, ClassVar

from envs.tabular.task import DOMAIN, TabularTask
from envs.tabular.tasks import load
from envs.tabular.world import TabularSimulator, TabularWorld
from slinvit.errors import InputError


class TabularDomain:
    """Small MDPs with exact solutions: FrozenLake, mazes, RiverSwim, DeepSea, chains, locks, random garnets.

    Satisfies :class:`envs.domain.Domain`.
    """

    name = DOMAIN
    usual: ClassVar[Mapping[str, str]] = {"prior": "uniform", "value": "zero"}

    def load(
        self,
        tasks: str,
        *,
        instances: Path | None = None,
        seed: int = 0,
        limit: int | None = None,
        horizon: str = "2x",
    ) -> list[TabularTask]:
        """Return the tasks that ``tasks`` names; see :func:`envs.tabular.tasks.load`."""
        if instances is not None:
            raise InputError(f"--instances is for lists of instances; the environment {DOMAIN} reads no files")
        return load(tasks, seed=seed, limit=limit, horizon=horizon)

    def environment(self, instance: TabularTask) -> TabularWorld:
        """Return the live world of ``instance``."""
        return TabularWorld(instance)

    def simulator(self, instance: TabularTask) -> TabularSimulator:
        """Return a stateless model of the world of ``instance``."""
        return TabularSimulator(instance)

    def provenance(self) -> Mapping[str, Any]:
        """Return versions."""
        return {package: version(package) for package in ("slinvit", "numpy")}
