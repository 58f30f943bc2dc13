"""Who the embedded PostgreSQL runs as: it refuses to be root, so root hands it to a system user."""

import os
import pwd
import shutil
import stat
import struct
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from passalong.core.problems import Problem

SYSTEM_USER = "passalong"
_ACL = "system.posix_acl_access"
_ACL_VERSION = 2
_USER_OBJ, _USER, _GROUP_OBJ, _MASK, _OTHER = 0x01, 0x02, 0x04, 0x10, 0x20
_NO_ID = 0xFFFFFFFF


@dataclass(frozen=True)
class Owner:
    """The user the server runs as; `switch` is false when that is who we are anyway."""

    uid: int
    gid: int
    switch: bool

    def process_options(self) -> dict[str, Any]:
        """Options of `subprocess` that start a program as this user."""
        return {"user": self.uid, "group": self.gid, "extra_groups": []} if self.switch else {}

    def take(self, path: Path, mode: int) -> None:
        """Give a file or folder to this user with exactly this mode."""
        if self.switch:
            os.chown(path, self.uid, self.gid)
        path.chmod(mode)


def owner_of(cluster: Path) -> Owner:
    """Who runs the server of this cluster: ourselves, or for root its present owner or the system user."""
    if os.geteuid() != 0:
        return Owner(os.geteuid(), os.getegid(), switch=False)
    if cluster.exists() and (found := cluster.stat()).st_uid != 0:
        return Owner(found.st_uid, found.st_gid, switch=True)
    entry = _system_user()
    return Owner(entry.pw_uid, entry.pw_gid, switch=True)


def _system_user() -> pwd.struct_passwd:
    try:
        return pwd.getpwnam(SYSTEM_USER)
    except KeyError:
        pass
    useradd = shutil.which("useradd", path="/usr/sbin:/sbin:/usr/bin:/bin")
    options = ["--system", "--user-group", "--no-create-home", "--home-dir", "/nonexistent"]
    if useradd is not None:
        # The exit status is not looked at: another process may have added the user a moment before.
        shell = ["--shell", "/usr/sbin/nologin"]
        subprocess.run([useradd, *options, *shell, SYSTEM_USER], check=False, capture_output=True)  # noqa: S603
    try:
        return pwd.getpwnam(SYSTEM_USER)
    except KeyError:
        raise Problem(
            500,
            "database_user_missing",
            "No user for the database",
            f"PostgreSQL does not run as root, and the system user {SYSTEM_USER!r} could not be added.",
            "Run Passalong as an ordinary user, or add the user by hand, or set DATABASE_URL.",
        ) from None


def let_in(owner: Owner, path: Path) -> None:
    """Make sure the server's user can walk to `path`, opening as little as possible on the way.

    A folder only root may enter (`/root`, a private temporary folder) gets an access rule that lets this one
    user pass through, and see nothing else; nothing is opened to everybody.
    """
    if not owner.switch or _enters(owner, path):
        return
    for folder in [*reversed(path.parents), path]:
        if not _enters(owner, folder):
            _grant_passage(folder, owner.uid)
    if not _enters(owner, path):
        raise Problem(
            500,
            "data_folder_unreachable",
            "The database cannot reach its folder",
            f"The database's system user cannot enter {path}, and the file system takes no rule for it.",
            "Choose another folder with PASSALONG_DATA_DIR (for example /var/lib/passalong), or run "
            "Passalong as an ordinary user.",
        )


def open_programs(owner: Owner, folder: Path) -> None:
    """Let the server's user run the programs in `folder`, installed by root under a strict umask."""
    let_in(owner, folder.parent)
    if not owner.switch or _enters(owner, folder / "bin" / "postgres"):
        return
    for path in [folder, *folder.rglob("*")]:
        if not path.is_symlink():
            mode = path.stat().st_mode
            path.chmod(mode | (0o055 if mode & stat.S_IXUSR else 0o044))


def _enters(owner: Owner, path: Path) -> bool:
    # Asked of the kernel as that user: groups, access rules and mount options all have a say.
    test = [shutil.which("test") or "/usr/bin/test", "-x", str(path)]
    return subprocess.run(test, check=False, cwd="/", **owner.process_options()).returncode == 0  # noqa: S603


def _grant_passage(folder: Path, uid: int) -> None:
    entries = [entry for entry in _acl(folder) if entry[:1] + entry[2:] != (_USER, uid)]
    mask = next((perm for tag, perm, _ in entries if tag == _MASK), None)
    group = next(perm for tag, perm, _ in entries if tag == _GROUP_OBJ)
    entries = [entry for entry in entries if entry[0] != _MASK]
    entries += [(_USER, 1, uid), (_MASK, (group if mask is None else mask) | 1, _NO_ID)]
    packed = b"".join(struct.pack("<HHI", *entry) for entry in sorted(entries, key=lambda e: (e[0], e[2])))
    try:
        os.setxattr(folder, _ACL, struct.pack("<I", _ACL_VERSION) + packed)
    except OSError:
        return  # let_in looks at the outcome


def _acl(folder: Path) -> list[tuple[int, int, int]]:
    try:
        raw = os.getxattr(folder, _ACL)
    except OSError:
        mode = folder.stat().st_mode
        return [
            (_USER_OBJ, mode >> 6 & 7, _NO_ID),
            (_GROUP_OBJ, mode >> 3 & 7, _NO_ID),
            (_OTHER, mode & 7, _NO_ID),
        ]
    return [(tag, perm, who) for tag, perm, who in struct.iter_unpack("<HHI", raw[4:])]
