"""What an environment package offers to those who run episodes in it."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol, TypeVar

from slinvit.protocols import Environment, Simulator
from slinvit.types import Task


class Instance(Protocol):
    """One task with all that is needed to build its world; picklable."""

    @property
    def task(self) -> Task:
        """What planners may know."""
        ...

    @property
    def report(self) -> Mapping[str, Any]:
        """What only reports may know, for example the optimal length; JSON values."""
        ...


InstanceT = TypeVar("InstanceT", bound=Instance)


class Domain(Protocol[InstanceT]):
    """A family of tasks in one world."""

    @property
    def name(self) -> str:
        """The registered name."""
        ...

    def load(
        self, tasks: str, *, instances: Path | None, seed: int, limit: int | None, horizon: str
    ) -> Sequence[InstanceT]:
        """Return the tasks that ``tasks`` names.

        Args:
            tasks: a task source, described in the documentation of the environment.
            instances: folder or archive in which a list finds its files.
            seed: of random tasks.
            limit: at most this many.
            horizon: steps per episode, a number or ``2x`` for twice the optimal length.

        Raises:
            InputError: the source cannot be used; the message names file and line.
        """
        ...

    def environment(self, instance: InstanceT) -> Environment:
        """Return the live world of ``instance``."""
        ...

    def simulator(self, instance: InstanceT) -> Simulator:
        """Return a stateless model of the world of ``instance``."""
        ...

    def provenance(self) -> Mapping[str, Any]:
        """Return versions and settings that decide what happens in this world; JSON values."""
        ...
