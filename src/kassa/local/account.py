"""The user that PostgreSQL runs as under root, and the folders that user can reach.

PostgreSQL refuses to run as root, and another user may not pass through root's private folders. Opening those
folders up would expose what else is in them, so under root everything PostgreSQL touches lies where its own user
can already go: in KASSA_HOME when all folders above it let others pass, else below /var/lib/kassa, with a symbolic
link in KASSA_HOME. The same goes for the programs: run from the wheel if possible, else from a copy.
"""

import os
import pwd
import shutil
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path

from kassa.local.console import say
from kassa.local.home import CannotStartError

NAME = "kassa-postgres"
SHARED = Path("/var/lib/kassa")


@dataclass(frozen=True)
class Account:
    """An unprivileged user."""

    uid: int
    gid: int

    def can(self, *command: str) -> bool:
        """Whether this user can run `command`, and it succeeds."""
        try:
            done = subprocess.run(  # noqa: S603 - commands of this module
                command, user=self.uid, group=self.gid, extra_groups=[], cwd="/", capture_output=True, check=False
            )
        except OSError:
            return False
        return done.returncode == 0


def unprivileged() -> Account | None:
    """The user to run PostgreSQL as: None (oneself) unless this is root, whose stand-in is created when missing.

    Raises CannotStartError when the system lacks `useradd`.
    """
    if os.geteuid() != 0:
        return None
    try:
        entry = pwd.getpwnam(NAME)
    except KeyError:
        command = [
            "useradd",
            "--system",
            "--no-create-home",
            "--home-dir",
            "/nonexistent",
            "--shell",
            "/bin/false",
            NAME,
        ]
        try:
            subprocess.run(command, check=True, capture_output=True)  # noqa: S603 - a fixed command
        except (OSError, subprocess.CalledProcessError) as error:
            hint = (
                f"PostgreSQL does not run as root; create a user for it ({' '.join(command)}), or do not start as root"
            )
            raise CannotStartError(hint) from error
        say(f"Created the system user {NAME}, because PostgreSQL does not run as root.")
        entry = pwd.getpwnam(NAME)
    return Account(entry.pw_uid, entry.pw_gid)


def reachable_folder(home: Path, account: Account | None) -> Path:
    """`home` itself when `account` can pass through it, else a new folder that it can reach."""
    if account is None or account.can("test", "-x", str(home)):
        return home
    SHARED.mkdir(mode=0o755, parents=True, exist_ok=True)
    # A new one each time: a folder found here may hold the data of a home that has since been moved.
    folder = Path(tempfile.mkdtemp(prefix=f"{home.parent.name}-", dir=SHARED))
    folder.chmod(0o711)
    return folder


def reachable_programs(package: Path, version: str, account: Account | None) -> Path:
    """The folder of PostgreSQL's programs inside `package` (the wheel), or inside a copy that `account` can run."""
    programs = package / "pginstall18" / "bin"
    if account is None or account.can(str(programs / "postgres"), "--version"):
        return programs
    copy = SHARED / f"{package.name}-{version}"
    if not copy.exists():
        SHARED.mkdir(mode=0o755, parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=SHARED) as scratch:
            fresh = Path(scratch) / "copy"
            # Both folders, side by side: the programs look for their libraries at ../../../*.libs.
            shutil.copytree(package / "pginstall18", fresh / package.name / "pginstall18")
            shutil.copytree(package.with_name(f"{package.name}.libs"), fresh / f"{package.name}.libs")
            for path in (fresh, *fresh.rglob("*")):
                path.chmod(path.stat().st_mode | (0o555 if path.is_dir() or os.access(path, os.X_OK) else 0o444))
            fresh.rename(copy)
    return copy / package.name / "pginstall18" / "bin"
