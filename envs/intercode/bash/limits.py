"""How much of the machine a sandbox may use."""

from dataclasses import asdict, dataclass
from typing import Any

MIB = 1 << 20


@dataclass(frozen=True, slots=True)
class Limits:
    """Most that the commands of one sandbox may use.

    Attributes:
        seconds: of the clock, for a command that names no other time.
        address_space: bytes that one process may map.
        memory: bytes that all processes together may hold; looked at every 0.05 s, who holds more is ended.
        processes: at a time, the sandbox's own two or three among them.
        layer_bytes: size of the writable layer, and of the largest file.
        inodes: files, folders and links that the writable layer may hold.
        output_bytes: of standard output and error of a command; who writes more is ended.
    """

    seconds: float = 10.0
    address_space: int = 2048 * MIB
    memory: int = 512 * MIB
    processes: int = 128
    layer_bytes: int = 64 * MIB
    inodes: int = 16384
    output_bytes: int = MIB

    def facts(self) -> dict[str, Any]:
        """Return the limits as JSON values."""
        return asdict(self)


__all__ = ["Limits"]
