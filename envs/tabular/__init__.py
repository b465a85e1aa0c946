"""Finite-horizon MDPs as arrays: the worlds of the theory."""

from envs.tabular.classic import chain, combination_lock, deep_sea, garnet, river_swim
from envs.tabular.grids import frozen_lake, gridworld
from envs.tabular.gym import from_gymnasium
from envs.tabular.mdp import TabularMDP, UnitRewards, unit_rewards
from envs.tabular.task import TabularTask
from envs.tabular.world import TabularSimulator, TabularWorld, state_at

__all__ = [
    "TabularMDP",
    "TabularSimulator",
    "TabularTask",
    "TabularWorld",
    "UnitRewards",
    "chain",
    "combination_lock",
    "deep_sea",
    "from_gymnasium",
    "frozen_lake",
    "garnet",
    "gridworld",
    "river_swim",
    "state_at",
    "unit_rewards",
]
