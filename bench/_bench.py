"""What the benchmarks share: a throw-away product on this machine, and figures printed one to a line."""

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))


def figure(name: str, value: float | str, unit: str = "") -> None:
    """One line of the result."""
    shown = f"{value:,.1f}" if isinstance(value, float) else str(value)
    print(f"{name:<44} {shown:>14} {unit}".rstrip(), flush=True)


def machine() -> None:
    """What it was measured on."""
    figure("processors", str(psutil.cpu_count()))
    figure("load before", psutil.getloadavg()[0])


@contextmanager
def product() -> Iterator[Path]:
    """An empty data folder, the embedded database and Django, gone afterwards."""
    with tempfile.TemporaryDirectory(prefix="passalong-bench-") as folder:
        Path(folder).chmod(0o755)
        os.environ["PASSALONG_DATA_DIR"] = folder
        from passalong.config import boot

        with boot.application():
            yield Path(folder)


class Watched:
    """A process of ours and the most memory it has used. Linux and anything else psutil knows."""

    def __init__(self, *command: str) -> None:
        self.process = subprocess.Popen([sys.executable, "-m", "passalong", *command])
        self.peak = 0

    def look(self) -> None:
        """Note its memory, children included."""
        try:
            family = [psutil.Process(self.process.pid)]
            family += family[0].children(recursive=True)
            self.peak = max(self.peak, sum(one.memory_info().rss for one in family))
        except psutil.NoSuchProcess:
            return

    def stop(self) -> None:
        """End it and wait."""
        self.process.terminate()
        self.process.wait(15)


def wait_for(
    done: Callable[[], bool], *, seconds: float, meanwhile: Callable[[], None] = lambda: None
) -> None:
    """Ask until it is so."""
    deadline = time.monotonic() + seconds
    while not done():
        if time.monotonic() > deadline:
            raise TimeoutError
        meanwhile()
        time.sleep(0.1)
