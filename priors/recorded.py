"""The answers of a remote model in an earlier run, as a prior that needs no network."""

import json
from dataclasses import replace
from pathlib import Path

from priors.remote.backend import Backend
from priors.remote.manners import Manners
from priors.remote.options import STRATEGIES, Options
from priors.remote.prior import RemotePrior, connect
from priors.remote.store import Store
from priors.remote.transport import Transport
from slinvit.errors import InputError, RecordError
from slinvit.registry import Spec


def recorded(spec: Spec) -> RemotePrior:
    """A recorded run, offline: recorded:FILE; model=, url= where it holds several, and the options it had."""
    if not spec.argument:
        raise InputError("--prior recorded:FILE needs the answers of a run, RUN/answers.sqlite")
    file = Path(spec.argument)
    own = {key: value for key, value in spec.options.items() if key not in ("model", "url")}
    if bad := sorted({"record", "replay"} & own.keys()):
        raise InputError(f"--prior recorded:{file} is a replay, it takes no {bad[0]}=")
    urls, models = _contents(file)
    url = _only(file, "url", urls, spec.options.get("url"))
    model = _only(file, "model", models, spec.options.get("model"))
    run = {key: value for key, value in spec.run.items() if key not in ("record", "replay")}
    manners, _ = Manners.split(Spec(spec.name, spec.argument, {**own, "replay": str(file)}, run))
    options = Options.of(Spec(spec.name, spec.argument, own))
    return _connected(Backend(Transport(url, manners), url, model, options), file)


def _connected(server: Backend, file: Path) -> RemotePrior:
    """Return the prior over ``server``, by the strategy whose probe is on record where none is named."""
    if server.options.strategy is not None:
        return connect(server)
    reasons = []
    for name in (None, *STRATEGIES):
        try:
            return connect(replace(server, options=replace(server.options, strategy=name)))
        except InputError as error:
            reasons.append(error)
    raise RecordError(f"{file} does not hold the probe of a prior with these options: {reasons[0]}")


def _contents(file: Path) -> tuple[list[str], list[str]]:
    """Return the base URLs and the models that ``file`` holds answers of."""
    store = Store(file, read_only=True)
    try:
        bodies = (json.loads(entry.body) for entry in store.entries())
        return store.backends(), sorted({str(body["model"]) for body in bodies if "model" in body})
    finally:
        store.close()


def _only(file: Path, key: str, found: list[str], given: str | None) -> str:
    if given is not None and given not in found:
        raise InputError(f"{file} holds no answers of {key}={given}; it holds: {', '.join(found) or 'nothing'}")
    if given is None and len(found) != 1:
        raise InputError(f"{file} holds answers of {len(found)} {key}s ({', '.join(found)}); say which: {key}=...")
    return found[0] if given is None else given


__all__ = ["recorded"]
