"""InterCode-Bash as a family of tasks."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar

from envs.intercode.bash.box import Box
from envs.intercode.bash.grader import GOLD_LIMITS, BashGrader
from envs.intercode.bash.limits import MIB, Limits
from envs.intercode.bash.rewards import SCORES
from envs.intercode.bash.tasks import load
from envs.intercode.bash.world import SECONDS, BashWorld
from envs.intercode.choosing import DEFAULT_HORIZON
from envs.intercode.graded import FEEDBACK, GradingSimulator, graded
from envs.intercode.task import BASH, InterCodeTask
from slinvit.errors import InputError, UnknownName
from slinvit.protocols import Environment, Restorable, Simulator

ENGINES = ("bwrap", "docker")

LIMITS = Limits(output_bytes=4 * MIB)
"""Of an agent's commands; for gold commands see :data:`envs.intercode.bash.grader.GOLD_LIMITS`."""

IMAGE = "intercode-nl2bash"
"""The image that the original repository builds."""


class BashDomain:
    """Questions about a file system, answered by shell commands that really run; engines bwrap and docker.

    Satisfies :class:`envs.domain.Domain`.

    Args:
        engine: ``bwrap``: a bubblewrap sandbox; ``docker`` or ``docker:IMAGE``: containers of the original image, for
            those who have them.
        root: folder with the system below the sandbox, by default the host's.
        score: the reward: ``intercode``, the original's, or ``corrected``; records have both.
        feedback: ``none``, or ``reward``: the agent reads its reward after every turn, an oracle.

    Raises:
        UnknownName: another engine, score or feedback.
        InputError: the sandbox cannot run here, and why.
    """

    name = BASH
    usual: ClassVar[Mapping[str, str]] = {"prior": "guesses", "value": "evidence", "tasks": "embedded"}

    def __init__(self, engine: str = "bwrap", root: str = "", score: str = "intercode", feedback: str = "none") -> None:
        kind, _, self._image = engine.partition(":")
        for what, text, known in (
            ("engine", kind, ENGINES),
            ("score", score, SCORES),
            ("feedback", feedback, FEEDBACK),
        ):
            if text not in known:
                raise UnknownName(what, text, known)
        if kind == "bwrap" and self._image:
            raise InputError(f"the engine bwrap takes no argument {self._image!r}; a system goes into root=")
        self._root = Path(root) if root else None
        self.engine, self.score, self.feedback = kind, score, feedback
        self._graders: dict[Any, Box] = {}
        self._require()

    @property
    def oracle(self) -> bool:
        """Whether agents see what only a grader knows."""
        return self.feedback == "reward"

    def load(
        self,
        tasks: str,
        *,
        instances: Path | None = None,
        seed: int = 0,
        limit: int | None = None,
        horizon: str = DEFAULT_HORIZON,
    ) -> list[InterCodeTask]:
        """Return the tasks that ``tasks`` names; see :func:`envs.intercode.bash.tasks.load`."""
        if instances is not None:
            raise InputError(f"--instances is for lists of instances; give {BASH} a folder as --tasks")
        return load(tasks, seed=seed, limit=limit, horizon=horizon)

    def environment(self, instance: InterCodeTask) -> Environment:
        """Return the live world of ``instance``."""
        return self._live(instance)

    def simulator(self, instance: InterCodeTask) -> Simulator:
        """Return a stateless model of the world of ``instance``, which is also a :class:`slinvit.protocols.Grader`."""
        make = (lambda: self._live(instance)) if self.oracle else (lambda: BashWorld(instance, self._box))
        return GradingSimulator(make, self.grader(instance))

    def grader(self, instance: InterCodeTask) -> BashGrader:
        """Return what grades states of the plain world of ``instance``."""
        return BashGrader(instance, lambda: self._grading(instance), self.score)

    def provenance(self) -> Mapping[str, Any]:
        """Return engine, system, score, feedback, limits and versions."""
        settings = {"engine": self.engine, "score": self.score, "feedback": self.feedback, "seconds": SECONDS}
        if self.engine == "docker":
            return {**settings, "image": self._image or IMAGE, "snapshots": "replay"}
        from envs.intercode.bash.probe import provenance

        limits = {"limits": LIMITS.facts(), "gold_limits": GOLD_LIMITS.facts()}
        return {**settings, **limits, "root": str(self._root or "host"), **provenance(self._root)}

    def close(self) -> None:
        """Close the sandboxes of the graders."""
        while self._graders:
            self._graders.popitem()[1].close()

    def _live(self, instance: InterCodeTask) -> Restorable:
        return graded(BashWorld(instance, self._box), self.grader(instance), self.feedback)

    def _grading(self, instance: InterCodeTask) -> Box:
        """Return the sandbox in which answers about this file system are graded, opened at the first one."""
        if instance.source not in self._graders:
            self._graders[instance.source] = self._box(instance, GOLD_LIMITS)
        return self._graders[instance.source]

    def _box(self, instance: InterCodeTask, limits: Limits = LIMITS) -> Box:
        if self.engine == "docker":
            from envs.intercode.docker import bash_sandbox

            return bash_sandbox(self._image or IMAGE)
        from envs.intercode.bash.sandbox import Sandbox
        from envs.intercode.bash.trees import tree_of

        return Sandbox(tree_of(instance.source, self._root), root=self._root, limits=limits)

    def _require(self) -> None:
        if self.engine == "bwrap":
            from envs.intercode.bash.probe import require

            require(self._root)
