"""What tokens cost, and what a request may cost at worst."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import Any

from slinvit.errors import InputError
from slinvit.types import Usage

PER_MILLION = 1e-6
OVERHEAD = 64
"""Tokens that a chat template may add to a message, and a server to a prompt."""

UNSTATED_COMPLETION = 4096
"""Completion tokens assumed for a request that does not limit them."""


@dataclass(frozen=True)
class Price:
    """In usd per million tokens; ``cached`` is for prompt tokens that the server had cached."""

    input: float = 0.0
    output: float = 0.0
    cached: float | None = None

    def usd(self, usage: Usage, cached: int = 0) -> float:
        """Return the price of one answer, of whose prompt tokens ``cached`` were cached."""
        rate = self.input if self.cached is None else self.cached
        paid = (usage.prompt_tokens - cached) * self.input + cached * rate + usage.completion_tokens * self.output
        return paid * PER_MILLION


FREE = Price()


def price_of(model: str, table: Mapping[str, Price]) -> Price | None:
    """Return the price of ``model``, ``None`` where it is not known.

    The table's name may be followed by a date in the model's: ``gpt-4o`` is not ``gpt-4o-mini``.
    """
    undated = re.sub(r"-\d{4}(-\d{2}-\d{2})?$", "", model)
    return table.get(model, table.get(undated))


def load_prices(override: Path | None = None) -> dict[str, Price]:
    """Return the price table, names in ``override`` replacing ours.

    Raises:
        InputError: a file that cannot be read or is not a price table.
    """
    table = _read(resources.files("priors.remote").joinpath("prices.yaml").read_text(encoding="utf-8"), "prices.yaml")
    if override is None:
        return table
    try:
        return table | _read(override.read_text(encoding="utf-8"), str(override))
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"cannot read the price table {override}: {error}") from error


def worst_case(body: Mapping[str, Any]) -> Usage:
    """Return the most tokens that a request can be billed for: a token is at least one byte of text."""
    most = body.get("max_completion_tokens", body.get("max_tokens", UNSTATED_COMPLETION))
    if "candidates" in body:
        most = 0
    prompts = _prompts(body)
    count = int(body.get("n", 1)) * max(len(prompts), 1)
    return Usage(1, prompt_tokens=sum(map(_tokens, prompts)), completion_tokens=count * int(most))


def _prompts(body: Mapping[str, Any]) -> list[Any]:
    if "messages" in body:
        return [[*body["messages"]]]
    prompt = body.get("prompt", "")
    several = isinstance(prompt, list) and prompt and not isinstance(prompt[0], int)
    prompts = list(prompt) if several else [prompt]
    return [[*prompts, *body["candidates"]]] if "candidates" in body else prompts


def _tokens(text: Any) -> int:
    """Return the most tokens of a text, of token ids, of messages, or of a list of these."""
    if isinstance(text, str):
        return len(text.encode()) + OVERHEAD
    if isinstance(text, Mapping):
        return sum(map(_tokens, text.values()))
    if isinstance(text, list):
        return len(text) + OVERHEAD if text and isinstance(text[0], int) else sum(map(_tokens, text))
    return OVERHEAD


def _read(text: str, name: str) -> dict[str, Price]:
    import yaml

    try:
        content = yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise InputError(f"the price table {name} is not YAML: {' '.join(str(error).split())}") from error
    if not isinstance(content, dict):
        raise InputError(f"the price table {name} must map model names to input and output prices")
    return {str(model): _price(name, str(model), entry) for model, entry in content.items()}


def _price(name: str, model: str, entry: Any) -> Price:
    amounts = entry.values() if isinstance(entry, dict) else [None]
    good = all(isinstance(each, int | float) and not isinstance(each, bool) and 0 <= each < 1e6 for each in amounts)
    if not good or not {"input", "output"} <= set(entry) <= {"input", "output", "cached"}:
        raise InputError(
            f"the price table {name}: {model!r} needs usd per million tokens, as {{input: 0.15, output: 0.6}}, "
            "and may have cached"
        )
    return Price(**{key: float(amount) for key, amount in entry.items()})


__all__ = ["FREE", "Price", "load_prices", "price_of", "worst_case"]
