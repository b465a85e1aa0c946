"""What a server did, in the text format of Prometheus."""

import resource
import sys
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

PREFIX = "slinvit_"


@dataclass
class Traffic:
    """Requests over HTTP; written by the thread of the server only.

    Attributes:
        requests: by path and status.
        seconds: by path.
        prompt_tokens: of answered requests.
        completion_tokens: likewise.
    """

    requests: Counter[tuple[str, int]] = field(default_factory=Counter)
    seconds: Counter[str] = field(default_factory=Counter)
    prompt_tokens: int = 0
    completion_tokens: int = 0

    def count(self, path: str, status: int, seconds: float, usage: Mapping[str, int] | None) -> None:
        """Note one request."""
        self.requests[path, status] += 1
        self.seconds[path] += seconds  # type: ignore[assignment]  # a Counter of seconds
        if usage is not None:
            self.prompt_tokens += usage["prompt_tokens"]
            self.completion_tokens += usage["completion_tokens"]


@dataclass(frozen=True)
class Metric:
    """A number, or one per label.

    Attributes:
        name: behind the prefix.
        kind: ``counter`` or ``gauge``.
        about: one line.
        values: by labels as they are written.
    """

    name: str
    kind: str
    about: str
    values: Mapping[str, float]

    def lines(self) -> Iterator[str]:
        """Yield the lines of the text format."""
        name = self.name if self.name.startswith("process_") else PREFIX + self.name
        yield f"# HELP {name} {self.about}"
        yield f"# TYPE {name} {self.kind}"
        for labels, value in self.values.items():
            yield f"{name}{{{labels}}} {value!r}" if labels else f"{name} {value!r}"


def traffic_metrics(traffic: Traffic) -> list[Metric]:
    """Return what came over HTTP."""
    requests = {f'path="{path}",status="{status}"': float(n) for (path, status), n in sorted(traffic.requests.items())}
    seconds = {f'path="{path}"': float(spent) for path, spent in sorted(traffic.seconds.items())}
    return [
        Metric("requests_total", "counter", "Requests answered.", requests),
        Metric("request_seconds_total", "counter", "Time from request to answer.", seconds),
        Metric("prompt_tokens_total", "counter", "Tokens of prompts.", {"": traffic.prompt_tokens}),
        Metric("completion_tokens_total", "counter", "Tokens written.", {"": traffic.completion_tokens}),
    ]


def resident_bytes() -> int:
    """Return how much memory this process holds; where that cannot be told, the most it ever held."""
    statm = Path("/proc/self/statm")
    if statm.exists():
        return int(statm.read_text().split()[1]) * resource.getpagesize()
    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return most if sys.platform == "darwin" else most * 1024


def text(metrics: list[Metric]) -> str:
    """Return everything, ready to be scraped."""
    return "\n".join(line for metric in metrics for line in metric.lines()) + "\n"
