"""The system calls that Python 3.11 has no function for."""

import ctypes
import errno
import os
import platform
import struct
from typing import Final

_LIBC = ctypes.CDLL(None, use_errno=True)
_PIVOT_ROOT = {"x86_64": 155, "aarch64": 41, "riscv64": 41}

CLONE_NEWNS: Final = 0x00020000
CLONE_NEWIPC: Final = 0x08000000
CLONE_NEWPID: Final = 0x20000000

MS_RDONLY, MS_NOSUID, MS_NODEV, MS_NOEXEC = 1, 2, 4, 8
MS_REMOUNT, MS_BIND, MS_REC, MS_PRIVATE = 32, 4096, 16384, 1 << 18
MNT_DETACH: Final = 2

PR_CAPBSET_DROP: Final = 24
PR_SET_NO_NEW_PRIVS: Final = 38
CAPABILITY_VERSION: Final = 0x20080522

PR_SET_SECCOMP: Final = 22
_FILTER: Final = 2
_ALLOW: Final = 0x7FFF0000
_REFUSE: Final = 0x00050000
_X32: Final = 0x40000000
_AUDIT = {"x86_64": 0xC000003E, "aarch64": 0xC00000B7, "riscv64": 0xC00000F3}
_GENERIC = (117, 217, 218, 219, 241, 270, 271, 279, 280, 282, 425, 426, 427, 447)
_REFUSED = {
    "x86_64": (101, 248, 249, 250, 298, 310, 311, 319, 321, 323, 425, 426, 427, 447),
    "aarch64": _GENERIC,
    "riscv64": _GENERIC,
}
"""Numbers of ptrace, add_key, request_key, keyctl, perf_event_open, process_vm_readv and _writev, memfd_create, bpf,
userfaultfd, io_uring_setup, _enter and _register, memfd_secret: state or memory that no limit and no snapshot sees, and
hands on other processes."""

KEPT = (0, 1, 3, 4, 5, 6, 7)
"""What a root user of a container may do with its own files and processes: CHOWN, DAC_OVERRIDE, FOWNER, FSETID, KILL,
SETGID, SETUID; nothing about mounts, devices, networks, clocks or other namespaces."""


def _check(result: int, what: str) -> None:
    if result == -1:
        code = ctypes.get_errno()
        raise OSError(code, f"{what}: {os.strerror(code)}")


def mount(source: str, target: str, kind: str = "", flags: int = 0, data: str = "") -> None:
    """Mount ``source`` at ``target``."""
    texts = [text.encode() or None for text in (source, target, kind)]
    _check(_LIBC.mount(*texts, ctypes.c_ulong(flags), data.encode() or None), f"mount {target}")


def unmount(target: str) -> None:
    """Take the mount at ``target`` away, at the latest when nobody uses it any more."""
    _check(_LIBC.umount2(target.encode(), MNT_DETACH), f"umount {target}")


def unshare(flags: int) -> None:
    """Enter new namespaces."""
    _check(_LIBC.unshare(flags), "unshare")


def setns(fd: int, kind: int = 0) -> None:
    """Enter the namespace behind ``fd``."""
    _check(_LIBC.setns(fd, kind), "setns")


def pivot_root() -> None:
    """Make the working directory, which must be a mount, the root and forget the old root."""
    number = _PIVOT_ROOT.get(platform.machine())
    if number is None:
        raise OSError(f"pivot_root is not known for {platform.machine()}")
    _check(_LIBC.syscall(ctypes.c_long(number), b".", b"."), "pivot_root")
    unmount(".")
    os.chdir("/")


def give_up_privileges() -> None:
    """Let no program started from here on have more than :data:`KEPT`; this process keeps what it has."""
    with open("/proc/sys/kernel/cap_last_cap") as file:
        last = int(file.read())
    for capability in set(range(last + 1)) - set(KEPT):
        _check(_LIBC.prctl(PR_CAPBSET_DROP, ctypes.c_ulong(capability), 0, 0, 0), "prctl")
    header = (ctypes.c_uint32 * 2)(CAPABILITY_VERSION, 0)
    every = ((1 << (last + 1)) - 1) & ~0
    low, high = every & 0xFFFFFFFF, every >> 32
    sets = (ctypes.c_uint32 * 6)(low, low, 0, high, high, 0)
    _check(_LIBC.capset(header, sets), "capset")
    _check(_LIBC.prctl(PR_SET_NO_NEW_PRIVS, ctypes.c_ulong(1), 0, 0, 0), "prctl")


def refuse_calls() -> None:
    """Let neither this process nor what it starts make the calls of :data:`_REFUSED`; needs no_new_privs."""
    machine = platform.machine()
    if machine not in _AUDIT:
        raise OSError(f"system calls are not known for {machine}")
    load, equal, greater, end = 0x20, 0x15, 0x35, 0x06
    numbers = _REFUSED[machine]
    refuse, missing = _REFUSE | errno.EPERM, _REFUSE | errno.ENOSYS
    rules = [(load, 0, 0, 4), (equal, 1, 0, _AUDIT[machine]), (end, 0, 0, missing), (load, 0, 0, 0)]
    rules += [(greater, 0, 1, _X32), (end, 0, 0, missing)] if machine == "x86_64" else []
    rules += [(equal, len(numbers) - place, 0, number) for place, number in enumerate(numbers)]
    rules += [(end, 0, 0, _ALLOW), (end, 0, 0, refuse)]
    program = b"".join(struct.pack("HBBI", *rule) for rule in rules)
    code = ctypes.create_string_buffer(program, len(program))
    header = struct.pack("HxxxxxxP", len(rules), ctypes.addressof(code))
    place = ctypes.create_string_buffer(header, len(header))
    address = ctypes.c_void_p(ctypes.addressof(place))
    _check(_LIBC.prctl(PR_SET_SECCOMP, ctypes.c_ulong(_FILTER), address, 0, 0), "prctl")
