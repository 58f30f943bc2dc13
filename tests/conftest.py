"""Gives the tests a database before Django is loaded: the embedded one, in a folder that goes away.

pytest-django takes the settings' name from the environment, not from pyproject.toml: it would load Django
before this file is read.
"""

import os
import shutil
import tempfile
from pathlib import Path

import pytest

from passalong.postgres import embedded

FOLDER = "PASSALONG_TEST_FOLDER"

# A process of pytest-xdist inherits the folder, and so shares the server of the process that started it.
_folder = Path(os.environ.setdefault(FOLDER, tempfile.mkdtemp(prefix="passalong-")))
_server = embedded.start(_folder, {"fsync": "off", "full_page_writes": "off", "max_connections": "200"})

for _name in [name for name in os.environ if name.startswith("PASSALONG_") and name != FOLDER]:
    if not _name.startswith("PASSALONG_TEST_"):
        del os.environ[_name]
os.environ["DATABASE_URL"] = _server.url
os.environ["PASSALONG_DATA_DIR"] = str(_folder)
os.environ["PASSALONG_SECRET_KEY"] = "tests-" + "0123456789abcdef" * 3
# A test sees what it has done at once.
os.environ["PASSALONG_VISIT_WRITE"] = "direct"
os.environ["PASSALONG_BASE_URL"] = "http://127.0.0.1:8000"
os.environ["DJANGO_SETTINGS_MODULE"] = "passalong.config.django"


def pytest_unconfigure(config: pytest.Config) -> None:
    """Leave the server; the process that made the folder removes it."""
    _server.stop()
    if not hasattr(config, "workerinput"):
        shutil.rmtree(_folder, ignore_errors=True)
