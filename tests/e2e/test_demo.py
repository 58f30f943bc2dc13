"""The first thing anybody runs."""

import re
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.process import command, environment, free_port


@pytest.fixture
def folder() -> Iterator[Path]:
    path = Path(tempfile.mkdtemp(prefix="pal-"))
    yield path
    shutil.rmtree(path, ignore_errors=True)


def demo(folder: Path) -> str:
    done = subprocess.run(
        command("demo", "--once", "--port", str(free_port())),
        check=False,
        capture_output=True,
        text=True,
        cwd=folder,
        env=environment(folder / "elsewhere"),
        timeout=170,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_it_syncs_and_reuses_what_it_made(folder: Path) -> None:
    told = demo(folder)
    counts = re.search(r"(\d+) contacts read = (\d+) created \+ 0 updated \+ 0 unchanged \+ (\d+) dup", told)
    assert counts is not None
    assert int(counts[2]) > 100
    assert f"{int(counts[2]) + int(counts[3])} of " in told
    assert re.search(r"A referral link: http://127\.0\.0\.1:\d+/r/\w+\n  leads to: .*\?ref=\w+\n", told)
    again = demo(folder)
    assert f"{counts[1]} contacts read = 0 created + 0 updated + {counts[2]} unchanged" in again
    assert [path.name for path in folder.iterdir()] == [".demo"]
