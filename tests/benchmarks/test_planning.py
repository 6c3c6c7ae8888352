"""The benchmark of planning: what it counts, what it compares, and that it runs from end to end."""

import json
import math
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT))

from benchmarks.planning import floor, peers, rows  # noqa: E402
from benchmarks.planning.sizes import LARGE, SMALL, TINY, Search  # noqa: E402
from benchmarks.planning.timing import Spread, take_turns  # noqa: E402


def test_the_floor_of_a_growing_and_sliding_window_is_what_a_count_by_hand_says():
    search = Search(candidates=7, iterations=2, elites=3, horizon=5)
    # 1, 2, 3, 3 and 3 tokens of a window of three: twelve, of which five are the newest.
    width, inner, hidden, projection = 16, 16, 32, 32
    full = 12 * 2 * (width * 3 * inner + inner * width + 2 * width * hidden)
    last = 12 * 2 * width * 2 * inner + 5 * 2 * (width * inner + inner * width + 2 * width * hidden)
    steering = 5 * 2 * (2 * width * 6 * width + 2 * 2 + 2 * 4 * width + 4 * width * width)
    expected = 14 * (full + last + steering + 5 * 2 * 2 * width * projection)
    counted = sum(product.operations * num for product, num in floor.products(TINY, search).items())
    assert counted == expected


@pytest.mark.parametrize(("size", "billions"), [(SMALL, 56), (LARGE, 2093)])
def test_the_floors_of_the_table_are_those_of_the_models_that_its_rows_name(size, billions):
    counted = sum(product.operations * num for product, num in floor.products(size, Search()).items())
    assert math.isclose(counted / 1e9, billions, rel_tol=0.01)


def test_twice_the_problems_or_the_rounds_need_twice_the_products():
    search = Search(candidates=5, iterations=3, horizon=4)
    once = sum(product.operations * num for product, num in floor.products(TINY, search).items())
    assert sum(product.operations * num for product, num in floor.products(TINY, search, 2).items()) == 2 * once
    assert sum(product.operations * num for product, num in floor.products(TINY, replace(search, iterations=6)).items()) == 2 * once


def test_contestants_take_turns_and_nobody_always_comes_last():
    order: list[str] = []
    contestants = {name: lambda name=name: float(len(order.append(name) or order)) for name in "ab"}
    assert take_turns(contestants, 3) == {"a": [1, 4, 5], "b": [2, 3, 6]}
    assert order == list("abbaab")


def test_a_ratio_is_taken_within_each_round():
    assert Spread.ratio([1.0, 4.0, 9.0], [2.0, 4.0, 3.0]) == Spread(1.0, 0.5, 3.0, 3)


def test_a_row_is_judged_by_its_median_and_only_if_its_condition_holds():
    row = rows.Row(work="a plan", against="a peer", ratio=Spread(0.3, 0.1, 0.9, 5), bar=1 / 3, stretch=1 / 8)
    assert row.verdict == "bar"
    assert replace(row, ratio=Spread(0.1, 0.1, 0.9, 5)).verdict == "stretch"
    assert replace(row, ratio=Spread(0.4, 0.1, 0.9, 5)).verdict == "missed"
    assert replace(row, counts=False).verdict == "does not count"
    assert "| 1/3 | 1/8 | bar |" in rows.markdown([row])


def test_a_peer_that_cannot_do_what_it_is_asked_says_so_and_goes_on():
    with peers.running(Path(sys.executable)) as process:
        assert process is not None
        for _ in range(2):
            with pytest.raises(peers.PeerError, match="nobody failed: KeyError"):
                process.ask(do="plan", library="nobody", inputs="nothing.pt")


def test_a_folder_that_is_no_environment_is_not_cleared(tmp_path):
    (tmp_path / "thesis.txt").write_text("years of work")
    with pytest.raises(peers.PeerError, match="left as it is"):
        peers.make_environment(tmp_path)
    assert (tmp_path / "thesis.txt").exists()


def run_quickly(folder: Path, *options: str) -> dict:
    command = [sys.executable, "-m", "benchmarks.planning", "--quick", "--no-peers", "--json", str(folder / "found.json"), *options]
    found = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert found.returncode == 0, found.stderr
    return json.loads((folder / "found.json").read_text())


def test_it_runs_from_end_to_end_without_peers(tmp_path):
    results = run_quickly(tmp_path)
    assert all(0 < row["ratio"]["low"] <= row["ratio"]["middle"] <= row["ratio"]["high"] for row in results["table"])
    assert {point["sweep"] for point in results["growth"]} == {"candidates", "horizon", "problems", "parameters"}


@pytest.mark.slow
def test_the_path_of_a_gpu_half_precision_and_compiled_runs_on_a_processor_too(tmp_path):
    assert run_quickly(tmp_path, "--dtype", "bfloat16", "--compile", "--only", "plans")["table"]
