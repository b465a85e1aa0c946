"""Reading the options of a spec."""

from collections.abc import Collection

from slinvit.errors import InputError, did_you_mean
from slinvit.registry import Spec


def check_spec(spec: Spec, *, options: Collection[str] = (), argument: bool = False) -> None:
    """Raise ``InputError`` where ``spec`` has an argument or an option that its estimator does not take."""
    if spec.argument and not argument:
        raise InputError(f"the value {spec.name!r} takes no argument, but {spec.argument!r} was given")
    for key in spec.options:
        if key not in options:
            allowed = f"allowed: {', '.join(options)}" if options else "it takes none"
            raise InputError(f"the value {spec.name!r} has no option {key!r}{did_you_mean(key, options)}; {allowed}")


def positive_int(spec: Spec, key: str, default: int) -> int:
    """Return the option ``key`` as a whole number of 1 or more."""
    text = spec.options.get(key, str(default))
    if not text.isdecimal() or int(text) < 1:
        raise InputError(f"the option {key}={text} of the value {spec.name!r} must be a whole number of 1 or more")
    return int(text)
