"""Candidates without number do not exhaust memory: passes are bounded, and only results are kept."""

import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = Path(__file__).with_name("memory_of_a_plan.py")
MOST = 400
"""MiB: what the intermediate results of one pass may take (256), and the candidates themselves, several times."""


def grown(kind, num):
    """MiB that a process grows by when it makes a plan with `num` candidates."""
    done = subprocess.run([sys.executable, str(SCRIPT), kind, str(num)], capture_output=True, text=True, check=True, timeout=500)
    return float(done.stdout)


# All at once these take 4 GiB and 1 GiB.
@pytest.mark.parametrize("kind", ["wide-belief", "gradient"])
def test_memory_is_bounded(kind):
    assert grown(kind, 20_000) < MOST


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["perceptron", "wide-belief", "gradient"])
def test_a_hundred_thousand_candidates_do_not_exhaust_memory(kind):
    assert grown(kind, 100_000) < MOST
