"""InterCode-SQL as a family of tasks."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar

from envs.intercode.choosing import DEFAULT_HORIZON
from envs.intercode.graded import FEEDBACK, GradingSimulator, graded
from envs.intercode.sql.dump import read_dump
from envs.intercode.sql.engines import make_engine, parse_engine
from envs.intercode.sql.grader import Golds, SqlGrader
from envs.intercode.sql.result import SqlEngine, SqlSession
from envs.intercode.sql.rewards import SCORES
from envs.intercode.sql.tasks import SCHEMA, load
from envs.intercode.sql.world import SqlWorld
from envs.intercode.task import SQL, InterCodeTask
from slinvit.errors import InputError, UnknownName
from slinvit.protocols import Environment, Restorable, Simulator


class SqlDomain:
    """Questions about databases, answered by SQL that really executes.

    Satisfies :class:`envs.domain.Domain`. An engine is started when the first statement needs it, and kept until
    :meth:`close`.

    Args:
        engine: ``sqlite``, embedded; ``mariadb``, a private server from the installed package;
            ``mysql:HOST,port=,user=,password=``, a server that runs; or ``docker:IMAGE``.
        score: the reward: ``iou``, ``iou_tau`` or ``iou_corrected``; records have all of them.
        feedback: ``reward`` lets the agent read its reward after every turn, which makes the world an oracle.
        schema: ``shown`` tells the agent tables and columns in the first observation.

    Raises:
        UnknownName: another value.
    """

    name = SQL
    usual: ClassVar[Mapping[str, str]] = {"prior": "guesses", "value": "evidence", "tasks": "embedded"}

    def __init__(
        self, engine: str = "sqlite", score: str = "iou", feedback: str = "none", schema: str = "hidden"
    ) -> None:
        for kind, value, known in (
            ("score", score, SCORES),
            ("feedback", feedback, FEEDBACK),
            ("schema", schema, SCHEMA),
        ):
            if value not in known:
                raise UnknownName(kind, value, known)
        self._wanted = parse_engine(engine)
        self.score = score
        self.feedback = feedback
        self.schema = schema
        self._engine: SqlEngine | None = None
        self._golds = Golds(self._session)

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
        """Return the tasks that ``tasks`` names; see :func:`envs.intercode.sql.tasks.load`."""
        if instances is not None:
            raise InputError(f"--instances is for lists of instances; give {SQL} a folder or list as --tasks")
        return load(tasks, seed=seed, limit=limit, horizon=horizon, schema=self.schema)

    def environment(self, instance: InterCodeTask) -> Environment:
        """Return the live world of ``instance``, rewards included."""
        return graded(self.world(instance), self.grader(instance), self.feedback)

    def simulator(self, instance: InterCodeTask) -> Simulator:
        """Return a stateless model of the world of ``instance``.

        Its rewards are 0, unless the agent reads rewards too. It also satisfies :class:`slinvit.protocols.Grader`.
        """
        grader = self.grader(instance)

        def make() -> Restorable:
            world = self.world(instance)
            return graded(world, grader, self.feedback) if self.oracle else world

        return GradingSimulator(make, grader)

    def world(self, instance: InterCodeTask) -> SqlWorld:
        """Return the plain world of ``instance``: it executes and never grades."""
        return SqlWorld(instance, lambda: self._session(instance.source))

    def grader(self, instance: InterCodeTask) -> SqlGrader:
        """Return what tells the reward of a state of the plain world."""
        return SqlGrader(instance, self._golds, self.score)

    def provenance(self) -> Mapping[str, Any]:
        """Return the engine with its version and limits, and what decides rewards and observations."""
        settings = {"score": self.score, "feedback": self.feedback, "schema": self.schema}
        return {**self._started().provenance(), **settings}

    def close(self) -> None:
        """Stop the engine; the next statement starts it again."""
        self._golds.close()
        if self._engine is not None:
            self._engine.close()
            self._engine = None

    def _session(self, dump: Path) -> SqlSession:
        return self._started().session(read_dump(dump))

    def _started(self) -> SqlEngine:
        if self._engine is None:
            self._engine = make_engine(self._wanted)
        return self._engine
