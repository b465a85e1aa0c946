"""What lies below a task's tree: a sanitised view of this machine's system, or a few folders for a root tree."""

import os
import stat
from collections.abc import Iterator
from functools import cache
from pathlib import Path

from envs.intercode.bash.inside.files import Entry

SYSTEM = ("bin", "lib", "lib32", "lib64", "libx32", "sbin")
FOLDERS = {
    **dict.fromkeys(
        ("boot", "dev", "etc", "home", "media", "mnt", "opt", "proc", "run", "run/shm", "srv", "sys"), 0o755
    ),
    **dict.fromkeys(("tmp", "usr", "var", "var/backups", "var/cache", "var/lib", "var/log", "var/spool"), 0o755),
    "root": 0o700,
    "run/shm": 0o1777,
    "tmp": 0o1777,
    "var/tmp": 0o1777,
}
PUBLIC = (
    "alternatives",
    "ImageMagick-6",
    "ImageMagick-7",
    "ld.so.conf.d",
    "magic",
    "mime.types",
    "protocols",
    "services",
)
LOADER = ("debian_version", "ld.so.cache", "ld.so.conf", "os-release", "terminfo")
"""What of this machine's /etc programs need and everybody may read; nothing else of it is shown."""

WRITTEN = {
    "passwd": "root:x:0:0:root:/root:/bin/bash\nnobody:x:65534:65534:nobody:/nonexistent:/usr/sbin/nologin\n",
    "group": "root:x:0:\nnogroup:x:65534:\n",
    "hostname": "intercode\n",
    "hosts": "127.0.0.1\tlocalhost\n127.0.1.1\tintercode\n",
    "nsswitch.conf": "passwd: files\ngroup: files\nhosts: files dns\n",
    "resolv.conf": "",
}


def host_folders() -> tuple[str, ...]:
    """Return the folders of this machine that commands see, read-only."""
    return ("usr", *(name for name in SYSTEM if Path("/", name).is_dir() and not Path("/", name).is_symlink()))


@cache
def host_entries() -> tuple[Entry, ...]:
    """Return the folders and files in which this machine's programs find themselves at home."""
    folders = {**FOLDERS, **dict.fromkeys(host_folders(), 0o755)}
    rows = [Entry(path, "d", mode) for path, mode in sorted(folders.items())]
    links = [name for name in SYSTEM if Path("/", name).is_symlink()]
    rows += [Entry(name, "l", 0o777, 0, os.fsencode(os.readlink(f"/{name}"))) for name in links]
    for name in (*PUBLIC, *LOADER):
        rows += _copy(Path("/etc", name))
    rows += [Entry(f"etc/{name}", "f", 0o644, 0, text.encode()) for name, text in WRITTEN.items()]
    return tuple(rows)


def root_entries() -> tuple[Entry, ...]:
    """Return the folders that a task may need beside those of a root tree."""
    return tuple(Entry(path, "d", FOLDERS[path]) for path in ("dev", "proc", "root", "run", "run/shm", "sys", "tmp"))


def _copy(path: Path) -> Iterator[Entry]:
    """Yield ``path`` and all below it that every user may read."""
    try:
        what = path.lstat()
    except FileNotFoundError:
        return
    name, mode = str(path)[1:], stat.S_IMODE(what.st_mode)
    if path.is_symlink():
        yield Entry(name, "l", 0o777, what.st_mtime_ns, os.fsencode(os.readlink(path)))
    elif path.is_dir() and mode & 0o005 == 0o005:
        yield Entry(name, "d", mode, what.st_mtime_ns)
        for child in sorted(path.iterdir()):
            yield from _copy(child)
    elif path.is_file() and mode & 0o004:
        yield Entry(name, "f", mode, what.st_mtime_ns, path.read_bytes())


__all__ = ["host_entries", "host_folders", "root_entries"]
