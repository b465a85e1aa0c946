"""How much memory there is, in bytes and in words."""

import os
import re

import torch

from slinvit.errors import InputError

_UNITS = {"": 1, "KB": 10**3, "MB": 10**6, "GB": 10**9, "KIB": 2**10, "MIB": 2**20, "GIB": 2**30}
_OUT = re.compile(r"out of memory|not enough memory|can't allocate memory", re.IGNORECASE)


def parse_bytes(text: str) -> int:
    """Return the bytes that ``text`` names, for example ``2GiB``; raises ``InputError``."""
    match = re.fullmatch(r"(\d+(?:\.\d+)?) ?([KMG]?i?B|)", text.strip(), re.IGNORECASE)
    if match is None or match[2].upper() not in _UNITS | {"B": 1}:
        raise InputError(f"memory={text}: must be a number of bytes such as 500MB or 2GiB")
    return int(float(match[1]) * (_UNITS | {"B": 1})[match[2].upper()])


def shown(count: int) -> str:
    """Return ``count`` bytes in MiB or GiB."""
    return f"{count / 2**30:.1f} GiB" if count >= 2**30 else f"{count / 2**20:.1f} MiB"


def sane_share(device: torch.device) -> int:
    """Return half of a GPU's free memory; elsewhere an eighth of the machine's, and 2 GiB at most."""
    if device.type == "cuda":
        return int(torch.cuda.mem_get_info(device)[0]) // 2
    return min(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") // 8, 2 << 30)  # several workers share it


def is_out_of_memory(error: Exception) -> bool:
    """Say whether ``error`` is the refusal of a device, of torch's CPU allocator or of numpy."""
    return isinstance(error, torch.OutOfMemoryError | MemoryError) or _OUT.search(str(error)) is not None
