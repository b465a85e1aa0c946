"""The learned value: a small network from state features to the number of steps to the goal, in numpy."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from hashlib import sha256
from pathlib import Path
from typing import Any, ClassVar, TypeAlias
from zipfile import BadZipFile

import numpy as np
import numpy.typing as npt

from slinvit.budget import Budget
from slinvit.errors import InputError
from slinvit.protocols import Prior, Simulator
from slinvit.registry import Spec
from slinvit.types import FloatArray, State
from value_estimators.blocksworld import positions, progress
from value_estimators.features import FEATURES, features
from value_estimators.options import check_spec

BUNDLED = Path(__file__).parent / "assets" / "blocksworld"
WEIGHTS, CARD = "value.npz", "card.json"

Weights: TypeAlias = npt.NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class ValueNetwork:
    """One hidden layer: features ``[B, F]`` to the estimated number of steps to the goal ``[B]``.

    Attributes:
        mean: ``[F]`` of the features in training.
        scale: ``[F]`` their standard deviation.
        hidden: ``[F, H]``.
        hidden_bias: ``[H]``.
        output: ``[H]``.
        output_bias: ``[1]`` in steps.

    Raises:
        ValueError: shapes that do not fit together.
    """

    mean: Weights
    scale: Weights
    hidden: Weights
    hidden_bias: Weights
    output: Weights
    output_bias: Weights

    def __post_init__(self) -> None:
        size, width = self.hidden.shape
        found = [array.shape for array in (self.mean, self.scale, self.hidden_bias, self.output, self.output_bias)]
        if found != [(size,), (size,), (width,), (width,), (1,)]:
            raise ValueError(f"weights of shapes {found} do not fit a hidden layer of shape {self.hidden.shape}")

    def steps(self, inputs: npt.ArrayLike) -> FloatArray:
        """Return ``[B]`` estimated steps to the goal, 0 or more."""
        standard = (np.asarray(inputs, dtype=np.float64).reshape(-1, len(self.mean)) - self.mean) / self.scale
        active = np.maximum(standard @ self.hidden + self.hidden_bias, 0.0)
        return np.asarray(np.maximum(active @ self.output + self.output_bias, 0.0), dtype=np.float64)


@dataclass(frozen=True)
class Learned:
    """1 - estimated steps / (4 blocks), clipped to [0, 1]: :func:`value_estimators.blocksworld.progress` as learned.

    Trained on 3 to 6 blocks; beyond these it extrapolates. It reads only the state and its goal.
    """

    network: ValueNetwork
    name: ClassVar[str] = "learned"
    oracle: ClassVar[bool] = False

    def estimate(self, states: Sequence[State], *, budget: Budget, rng: np.random.Generator) -> FloatArray:
        """Return ``[B]`` values; raises ``InputError`` outside BlocksWorld."""
        found = positions(states, self.name)
        steps = self.network.steps([features(p.support, p.problem.goal) for p in found])
        return np.clip(progress(steps, [len(p.support) for p in found]), 0.0, 1.0)

    def provenance(self) -> Mapping[str, Any]:
        """Return what decides the values; JSON values."""
        weights = b"".join(getattr(self.network, part.name).tobytes() for part in fields(ValueNetwork))
        return {"weights_sha256": sha256(weights).hexdigest()}


def load(folder: Path) -> ValueNetwork:
    """Return the network in ``folder``.

    Raises:
        InputError: no network there, or one of other features.
    """
    try:
        card = json.loads((folder / CARD).read_text())
        if not isinstance(card, dict):
            raise ValueError(f"{CARD} is not a JSON object")
        with (folder / WEIGHTS).open("rb") as file, np.load(file) as stored:
            network = ValueNetwork(**{part.name: stored[part.name] for part in fields(ValueNetwork)})
    except (OSError, ValueError, KeyError, EOFError, BadZipFile) as error:
        raise InputError(
            f"{folder} holds no value network ({WEIGHTS} and {CARD}): {error}; train one with: "
            f"slinvit train-value blocksworld --out {folder}"
        ) from error
    if card.get("features") != list(FEATURES) or len(network.mean) != len(FEATURES):
        raise InputError(
            f"the value network in {folder} reads other features than this version; train it again with: "
            f"{card.get('command', 'slinvit train-value blocksworld')}"
        )
    return network


def save(network: ValueNetwork, card: dict[str, Any], folder: Path) -> None:
    """Write ``network`` and ``card``, which gets the names of the features, into ``folder``."""
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / WEIGHTS).open("wb") as file:
        np.savez(file, **{part.name: getattr(network, part.name) for part in fields(ValueNetwork)})
    (folder / CARD).write_text(json.dumps(card | {"features": list(FEATURES)}, indent=2) + "\n")


def learned(spec: Spec, *, prior: Prior, simulator: Simulator) -> Learned:
    """A small network trained on exact distances; the argument is a folder of slinvit train-value."""
    check_spec(spec, argument=True)
    return Learned(load(Path(spec.argument) if spec.argument else BUNDLED))
