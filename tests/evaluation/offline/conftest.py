"""Walks on the plane, split, so that all tests of offline evaluation share them."""

import pytest
from plane import write_walks

from telos.data import Selection, split


@pytest.fixture(scope="session")
def halves(tmp_path_factory) -> tuple[Selection, Selection]:
    """Training and held-out walks."""
    return split(write_walks(tmp_path_factory.mktemp("halves") / "walks", episodes=60, steps=20), held_out=0.4, seed=0)
