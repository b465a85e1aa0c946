import os
from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def data() -> Path:
    """The real BlocksWorld data; CI must have it."""
    root = os.environ.get("SLINVIT_DATA", "")
    folder = Path(root) / "blocksworld"
    if root and folder.is_dir():
        return folder
    if os.environ.get("CI"):
        pytest.fail("SLINVIT_DATA must name the folder with the data")
    pytest.skip("SLINVIT_DATA does not name a folder with blocksworld/ in it")
