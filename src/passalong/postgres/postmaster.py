"""The server's processes as the system shows them: who is alive, who is left over, and how to end them."""

import contextlib
import os
import signal
from pathlib import Path

import psutil

FAST_SECONDS = 3.0


def running(cluster: Path) -> psutil.Process | None:
    """The live postmaster of this cluster.

    The number in `postmaster.pid` is not enough: after a crash or a reboot another program may have it.
    """
    try:
        pid = int((cluster / "postmaster.pid").read_text().split("\n", 1)[0])
        process = psutil.Process(pid)
        if process.status() == psutil.STATUS_ZOMBIE:
            _reap(pid)
            return None
        return process if process.name() == "postgres" and str(cluster) in process.cmdline() else None
    except (OSError, ValueError, psutil.Error):
        return None


def end_leftovers(cluster: Path) -> None:
    """End the children of a postmaster that was killed; they keep its shared memory and block a new one.

    They would notice by themselves, but one that is busy with a long query notices late. SIGQUIT is their own
    "leave at once, the state is lost" signal.
    """
    left = [process for process in psutil.process_iter(["name"]) if _belongs(process, cluster)]
    for process in left:
        with contextlib.suppress(psutil.Error):
            process.send_signal(signal.SIGQUIT)
    _gone, stubborn = psutil.wait_procs(left, timeout=5)
    for process in stubborn:
        with contextlib.suppress(psutil.Error):
            process.kill()
    psutil.wait_procs(stubborn, timeout=5)


def forget_foreign_pid(cluster: Path) -> None:
    """Remove a `postmaster.pid` whose number now belongs to some other program.

    PostgreSQL would take that program for a running server and refuse to start. A number nobody has is left
    for it to clean up, with its own checks.
    """
    path = cluster / "postmaster.pid"
    with contextlib.suppress(OSError, ValueError):
        pid = int(path.read_text().split("\n", 1)[0])
        if psutil.pid_exists(pid):
            path.unlink()


def stop(process: psutil.Process) -> None:
    """Fast shutdown: sessions are ended, everything is written. Immediate when that takes too long."""
    for number, seconds in ((signal.SIGINT, FAST_SECONDS), (signal.SIGQUIT, 1.0), (signal.SIGKILL, 1.0)):
        try:
            process.send_signal(number)
            process.wait(seconds)
        except psutil.NoSuchProcess:
            return
        except psutil.TimeoutExpired:
            continue
        return


def _reap(pid: int) -> None:
    # One that we started ourselves keeps its number, and looks alive to PostgreSQL, until we ask for its end.
    with contextlib.suppress(ChildProcessError):
        os.waitpid(pid, os.WNOHANG)


def _belongs(process: psutil.Process, cluster: Path) -> bool:
    try:
        return process.info["name"] == "postgres" and process.cwd() == os.fspath(cluster)
    except psutil.Error:
        return False
