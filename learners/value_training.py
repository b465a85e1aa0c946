"""Training of the bundled value network on exact distances, and how it is measured."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np
import torch
from scipy.stats import spearmanr

from envs.blocksworld.core import Fact, Support
from learners.problems import ProblemSampler, problem_class
from slinvit.rng import generator
from slinvit.types import FloatArray
from value_estimators.blocksworld import obstacle_value, share_met
from value_estimators.features import features
from value_estimators.learned import ValueNetwork

STARTS_PER_GOAL = 4

Metrics = Mapping[str, Mapping[str, float]]


@dataclass(frozen=True)
class ValueConfig:
    """Settings of one training run."""

    steps: int = 4000
    seed: int = 0
    positions: int = 20_000
    batch: int = 256
    width: int = 64
    learning_rate: float = 3e-3
    blocks: tuple[int, ...] = (3, 4, 5, 6)
    block_weights: tuple[float, ...] = (0.05, 0.25, 0.3, 0.4)
    test_positions: int = 1200
    test_blocks: tuple[int, ...] = (4, 5, 6)


@dataclass(frozen=True)
class Position:
    """A state, a goal it does not satisfy, and the least number of steps between them."""

    support: Support
    goal: tuple[Fact, ...]
    distance: int


def draw(sampler: ProblemSampler, rng: np.random.Generator, count: int) -> list[Position]:
    """Return ``count`` positions, ``STARTS_PER_GOAL`` of each goal; none is of a held-out class."""
    made: list[Position] = []
    while len(made) < count:
        problem = sampler.problem(rng)
        starts = (sampler.start(problem, rng) for _ in range(STARTS_PER_GOAL))
        made += [
            Position(problem.space.states[number], problem.goal, int(problem.distance[number]))
            for number in starts
            if number is not None
        ]
    return made[:count]


def held_out_positions(config: ValueConfig) -> list[Position]:
    """Return the positions that metrics are measured on, equally many of each number of blocks."""
    sampler = ProblemSampler(config.test_blocks, (1.0,) * len(config.test_blocks))
    return draw(sampler, generator(config.seed, "value", "test"), config.test_positions)


def train(config: ValueConfig, held_out: Sequence[Position], report: Callable[[int, float], None]) -> ValueNetwork:
    """Return a network fitted to the distances of random positions of 3 to 6 blocks, by smooth L1 in steps.

    Args:
        config: settings; equal ones give equal networks on one machine.
        held_out: no position of training is of the class of one of these (equal up to the names of the blocks).
        report: called with the number of steps done and the mean loss since the last call.
    """
    classes = frozenset(problem_class(position.support, position.goal) for position in held_out)
    sampler = ProblemSampler(config.blocks, config.block_weights, classes)
    positions = draw(sampler, generator(config.seed, "value", "train"), config.positions)
    inputs = torch.tensor([features(p.support, p.goal) for p in positions], dtype=torch.float32)
    targets = torch.tensor([p.distance for p in positions], dtype=torch.float32)
    mean, scale = inputs.mean(dim=0), inputs.std(dim=0).clamp_min(1e-3)
    with _one_thread():
        model = _fit((inputs - mean) / scale, targets, config, report)
    parameters = [tensor.detach().numpy() for tensor in (mean, scale, *model)]
    return ValueNetwork(*parameters)


@contextmanager
def _one_thread() -> Iterator[None]:
    """Threads cost more than they gain on matrices this small, and one thread adds in one order."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def _fit(
    inputs: torch.Tensor, targets: torch.Tensor, config: ValueConfig, report: Callable[[int, float], None]
) -> list[torch.Tensor]:
    source = torch.Generator().manual_seed(config.seed)
    parameters = [
        torch.randn(inputs.shape[1], config.width, generator=source) / inputs.shape[1] ** 0.5,
        torch.zeros(config.width),
        torch.randn(config.width, generator=source) / config.width**0.5,
        targets.mean().reshape(1),
    ]
    for tensor in parameters:
        tensor.requires_grad_()
    optimizer = torch.optim.Adam(parameters, lr=config.learning_rate)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, config.steps)
    every, total = max(1, config.steps // 20), 0.0
    for step in range(1, config.steps + 1):
        rows = torch.randint(len(inputs), (config.batch,), generator=source)
        loss = torch.nn.functional.smooth_l1_loss(_forward(parameters, inputs[rows]), targets[rows])
        optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        optimizer.step()
        schedule.step()
        total += loss.item()
        if step % every == 0:
            report(step, total / every)
            total = 0.0
    return parameters


def _forward(parameters: Sequence[torch.Tensor], inputs: torch.Tensor) -> torch.Tensor:
    hidden, hidden_bias, output, output_bias = parameters
    return torch.relu(inputs @ hidden + hidden_bias) @ output + output_bias


def measure(network: ValueNetwork, positions: Sequence[Position]) -> Metrics:
    """Return the mean absolute error in steps and the Spearman correlation with the exact distance, by value.

    Controls: ``constant`` (the median distance, the best constant) has an error but no rank correlation; ``goals-met``
    and ``obstacles`` have no error in steps.
    """
    distance = np.array([position.distance for position in positions], dtype=np.float64)
    steps = network.steps([features(p.support, p.goal) for p in positions])
    met = np.array([share_met(p.support, p.goal) for p in positions])
    rule = np.array([obstacle_value(p.support, p.goal) for p in positions])
    return {
        "constant": {"mae": _mae(np.full(len(distance), np.median(distance)), distance)},
        "goals-met": {"spearman": _rank_correlation(-met, distance)},
        "obstacles": {"spearman": _rank_correlation(-rule, distance)},
        "learned": {"mae": _mae(steps, distance), "spearman": _rank_correlation(steps, distance)},
    }


def _mae(estimate: FloatArray, distance: FloatArray) -> float:
    return round(float(np.abs(estimate - distance).mean()), 4)


def _rank_correlation(estimate: FloatArray, distance: FloatArray) -> float:
    return round(float(spearmanr(estimate, distance).statistic), 4)
