"""Fuzzes every layout in turn, in processes of their own, as often as is asked for, and writes down what came of it.

    nice -n 19 python tests/data/formats/fuzz_all.py --num 100000 --out fuzzing.jsonl

Each line of the file is one call of `fuzz.py`; a run that was stopped goes on where it was. The layout that has had the least
time is next, so that slow ones do not take everything. The last thing printed is a table of all that is in the file.
"""

import argparse
import json
import subprocess
import sys
import tempfile
from collections import defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path

from layouts import LAYOUTS

BLOCK = 500
"""Cases a process."""
BLOCK_SECONDS = 1800
FIRST_SEED = 1_000_000
"""Others than those of the short run."""
COUNTS = ("imported", "refused", "wrong")


def run_block(layout: str, seed: int, num: int) -> dict:
    """The last line of one call of `fuzz.py`, and what it said of cases that went wrong."""
    with tempfile.NamedTemporaryFile("r", suffix=".log") as log:
        call = [sys.executable, str(Path(__file__).with_name("fuzz.py")), layout, "--num", str(num), "--seed", str(seed), "--log", log.name]
        try:
            answer = subprocess.run(call, capture_output=True, text=True, check=False, timeout=BLOCK_SECONDS)
            result = json.loads(answer.stdout.splitlines()[-1])
        except (subprocess.TimeoutExpired, IndexError, ValueError) as error:
            lines = log.read().splitlines()
            said = f"WRONG {lines[-1] if lines else ''}: the process ended with {type(error).__name__}"
            return {
                "layout": layout,
                "imported": 0,
                "refused": 0,
                "wrong": len(lines) or 1,
                "slowest": 0,
                "peak_mb": 0,
                "seconds": 60,
                "said": [said],
            }
        return {**result, "said": [line for line in log.read().splitlines() if line.startswith("WRONG")]}


def totals(results: Sequence[Mapping]) -> dict[str, dict]:
    """Sums and maxima by layout."""
    found: dict[str, dict] = {name: defaultdict(float) for name in LAYOUTS}
    for result in results:
        total = found[result["layout"]]
        for key in (*COUNTS, "seconds"):
            total[key] += result[key]
        for key in ("slowest", "peak_mb"):
            total[key] = max(total[key], result[key])
    return found


def table(results: Sequence[Mapping]) -> str:
    """Markdown: a row for each layout, and one for all."""
    lines = ["| Layout | Files | Imported | Refused | Wrong | Slowest, s | Peak, MB |", "|---|--:|--:|--:|--:|--:|--:|"]
    found = totals(results)
    everything = {key: sum(total[key] for total in found.values()) for key in COUNTS}
    everything |= {key: max(total[key] for total in found.values()) for key in ("slowest", "peak_mb")}
    for name, total in {**found, "all": everything}.items():
        counts = [sum(total[key] for key in COUNTS), *(total[key] for key in COUNTS)]
        lines.append(f"| {name} | {' | '.join(f'{count:,.0f}' for count in counts)} | {total['slowest']:.1f} | {total['peak_mb']:.0f} |")
    return "\n".join(lines)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--num", type=int, default=100_000)
    parser.add_argument("--out", type=Path, required=True)
    arguments = parser.parse_args()
    results = [json.loads(line) for line in arguments.out.read_text().splitlines()] if arguments.out.exists() else []
    with arguments.out.open("a") as stream:
        while sum(result[key] for result in results for key in COUNTS) < arguments.num:
            found = totals(results)
            layout = min(found, key=lambda name: found[name]["seconds"])
            seed = FIRST_SEED + BLOCK * sum(result["layout"] == layout for result in results)
            results.append(run_block(layout, seed, BLOCK))
            stream.write(json.dumps(results[-1]) + "\n")
            stream.flush()
    sys.stdout.write(table(results) + "\n")
    return 1 if any(result["wrong"] for result in results) else 0


if __name__ == "__main__":
    sys.exit(main())
