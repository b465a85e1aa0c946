"""Which recorded proposals are put together: from protocols in which no reward steered them."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from envs.intercode.task import BASH, SQL
from slinvit.errors import UnknownName

FILES: Mapping[str, Mapping[str, str]] = {
    SQL: {
        "gpt-3.5, one turn": "ic_sql_multiturn_gpt-3.5-1_turns.*",
        "gpt-3.5, one turn, schema": "ic_sql_multiturn_gpt-3.5-1_turns_handicap.*",
        "davinci-003, ReAct": "ic_sql_react_10_turns.*",
        "gpt-3.5, first": "ic_sql_multiturn_gpt-3.5_10_turns.*",
        "gpt-3.5, first, schema": "ic_sql_multiturn_gpt-3.5_10_turns_handicap.*",
        "davinci-003, first": "ic_sql_multiturn_text-davinci-003_10_turns.*",
        "vicuna, first": "ic_sql_multiturn_vicuna_10_turns.*",
        "starchat, first": "ic_sql_multiturn_starchat_10_turns.*",
    },
    BASH: {
        "davinci-003, ReAct": "ic_bash_react_10_turns_fs_[123].*",
        "gpt-3.5, plan & solve": "ic_bash_plan_solve_fs_[123].*",
        "gpt-3.5, first": "ic_bash_multiturn_gpt-3.5_10_turns_fs_[123].*",
        "davinci-003, first": "ic_bash_multiturn_text-davinci-003_10_turns_fs_[123].*",
        "vicuna, first": "ic_bash_multiturn_vicuna_10_turns_fs_[123].*",
        "starchat, first": "ic_bash_multiturn_starchat_10_turns_fs_[123].*",
    },
}
"""Patterns of file names by what they hold. ``first``: the first turn of a try-again file, which saw no reward."""

TRUST: Mapping[str, float] = {
    "gpt-3.5, one turn": 1.1,
    "gpt-3.5, one turn, schema": 1.7,
    "gpt-3.5, first, schema": 1.6,
    "davinci-003, ReAct": 1.5,
}
"""What a vote counts in the rows with trusted files, else 1: about 1 + the success of the file, so with it in sight."""

WHOLE: Mapping[str, tuple[str, ...]] = {
    SQL: ("davinci-003, ReAct",),
    BASH: ("davinci-003, ReAct", "gpt-3.5, plan & solve"),
}
"""Protocols of several commands, which also have a row in which all of them are executed."""


@dataclass(frozen=True)
class Pool:
    """Proposals for the tasks of one world.

    Attributes:
        name: for tables.
        env: of the tasks.
        members: names in :data:`FILES`.
        whole: those of them that also have a row in which the whole trajectory is executed.
    """

    name: str
    env: str
    members: tuple[str, ...]
    whole: tuple[str, ...] = field(default=())

    def prior(self, folder: Path, *members: str, options: str = "") -> str:
        """Return the spec of the prior over these members, by default all; ``folder`` holds the recordings."""
        patterns = "+".join(FILES[self.env][member] for member in members or self.members)
        kind = "sql" if self.env == SQL else "bash"
        return ",".join(filter(None, [f"recorded:{folder / kind}", f"files={patterns}", options]))


POOLS: Mapping[str, Pool] = {
    "sql": Pool("sql", SQL, tuple(FILES[SQL])[:3], WHOLE[SQL]),
    "sql-first": Pool("sql-first", SQL, tuple(FILES[SQL])),
    "bash": Pool("bash", BASH, tuple(FILES[BASH]), WHOLE[BASH]),
}
"""``sql``: gpt-3.5 one turn with and without the schema, ReAct; ``sql-first``: first turns of try-again files too."""


def pool(name: str) -> Pool:
    """Return the pool called ``name``; raises ``UnknownName``."""
    if name not in POOLS:
        raise UnknownName("pool", name, POOLS)
    return POOLS[name]
