"""What models answered or did in earlier runs, as priors that need no network."""

import json
from dataclasses import replace
from pathlib import Path

from priors.intercode.recorded import RecordedActions, recorded_actions
from priors.intercode.trajectories import SUFFIXES
from priors.remote.backend import Backend
from priors.remote.manners import Manners
from priors.remote.options import STRATEGIES, Options
from priors.remote.prior import RemotePrior, connect
from priors.remote.store import Store
from priors.remote.transport import Transport
from slinvit.errors import InputError, RecordError
from slinvit.registry import Spec

KINDS = f"the answers of a run, RUN/answers.sqlite, or recorded trajectories, a folder or {', '.join(SUFFIXES)} file"


def recorded(spec: Spec) -> RemotePrior | RecordedActions:
    """Earlier answers, offline: recorded:FILE.sqlite of a run; a file or folder of InterCode trajectories."""
    if not spec.argument:
        raise InputError(f"--prior recorded:PATH needs {KINDS}")
    path = Path(spec.argument).expanduser()
    if (path / "answers.sqlite").is_file():
        raise InputError(f"{path} is the folder of a run; its answers: --prior recorded:{path / 'answers.sqlite'}")
    if path.is_dir() or path.name.endswith(SUFFIXES):
        return recorded_actions(spec)
    if not path.exists():
        raise RecordError(f"--prior recorded:{path}: there is no such file or folder; expected {KINDS}")
    return _answers(spec)


def _answers(spec: Spec) -> RemotePrior:
    """Return a recorded run; ``model=`` and ``url=`` where it holds several, and the options it had."""
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
