"""The worlds: each can be stepped, simulated, and continued from a snapshot."""

from slinvit.registry import Registry

ENVS = Registry(
    kind="environment",
    targets={
        "alfworld": "envs.alfworld.domain:AlfworldDomain",
        "blocksworld": "envs.blocksworld.domain:BlocksWorldDomain",
        "intercode-bash": "envs.intercode.bash.domain:BashDomain",
        "intercode-sql": "envs.intercode.sql.domain:SqlDomain",
        "tabular": "envs.tabular.domain:TabularDomain",
    },
    group="slinvit.envs",
)
"""Names to classes that satisfy :class:`envs.domain.Domain`."""

__all__ = ["ENVS"]
