"""What a git index says, without the times and inode numbers by which git sees at a glance what changed."""

import struct

HEADER = struct.Struct("!4sII")
ENTRY = struct.Struct("!10I20sH")
MODE = 6
EXTENDED = 0x4000


def content(index: bytes) -> bytes:
    """Return mode, object, flags and path of each entry; equal for indexes that differ in file times only.

    An index of another version than 2 or 3, or none at all, is returned as it is.
    """
    if len(index) < HEADER.size or index[:4] != b"DIRC":
        return index
    _, version, count = HEADER.unpack_from(index)
    if version not in (2, 3):
        return index
    try:
        return b"\0".join(_entries(index, count))
    except (struct.error, ValueError):
        return index


def _entries(index: bytes, count: int) -> list[bytes]:
    found, at = [], HEADER.size
    for _ in range(count):
        *stat, digest, flags = ENTRY.unpack_from(index, at)
        start = at + ENTRY.size + (2 if flags & EXTENDED else 0)
        end = index.index(b"\0", start)
        found.append(b"%o %d %s %s" % (stat[MODE], flags, digest.hex().encode(), index[at + ENTRY.size : end]))
        at += (end - at) // 8 * 8 + 8
    return found
