"""Draws what an agent feels in one episode in which the world changes on the way: `python benchmarks/feelings.py RUN docs/images/feelings.svg`.

The run has practised, and knows what is usual: `telos practise RUN`; `telos surprise RUN --own 400`.
"""

import argparse
from pathlib import Path

import torch

from telos.cli.worlds import world_of
from telos.core.run import Run
from telos.evaluation.changes import ChangedWorld, Mirrored
from telos.evaluation.protocols import make_protocol
from telos.evaluation.report.episode import play_first
from telos.evaluation.report.feelings import feelings_strip
from telos.recipes.experiment import load_agent

LIGHT = "--ink: #1c2025; --quiet: #666d76; --card: #f1eee7; --us: #1c6bb0; --dream: #c2611a; --floor: #8b9098; --good: #24804e; --bad: #bd3535;"
DARK = "--ink: #e6e8eb; --quiet: #99a0a9; --card: #1a1d22; --us: #6fb4f3; --dream: #f0a062; --floor: #868d96; --good: #62c78f; --bad: #f08080;"
STYLE = f"""<style>
svg {{ {LIGHT} --violet: #7a4fa3; --ochre: #9a7a12; --over: #fff; background: #fcfbf8; }}
@media (prefers-color-scheme: dark) {{ svg {{ {DARK} --violet: #bd9be0; --ochre: #d8bd5c; --over: #10151b; background: #14171b; }} }}
text {{ font-family: ui-sans-serif, system-ui, "Segoe UI", Helvetica, Arial, sans-serif; }}
RULES</style>"""
CSS = Path(__file__).parents[1] / "src/telos/evaluation/report/page.css"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("run", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--after", type=int, default=8, help="steps until one number of the action has the opposite effect")
    parser.add_argument("--level", type=float, default=0.01)
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()
    torch.set_num_threads(1)
    run = Run.open(args.run)
    world = ChangedWorld(world=world_of(run), change=Mirrored(axis=0), after=args.after)
    agent = load_agent(run, mode="auto", surprise_level=args.level, seed=args.seed)
    (episode, *_), _ = play_first(agent, world, make_protocol(world, None, episodes=1, offset=None, seed=args.seed, steps=24), 1, None)
    rules = "\n".join(line.removeprefix(".feelings ") for line in CSS.read_text(encoding="utf-8").splitlines() if line.startswith(".feelings "))
    strip = feelings_strip(episode.moments, level=args.level).replace("<svg ", '<svg xmlns="http://www.w3.org/2000/svg" ', 1)
    head, _, rest = strip.partition(">")
    args.out.write_text(f"{head}>{STYLE.replace('RULES', rules)}{rest}\n", encoding="utf-8")
    reached = "reached" if episode.reached else "not reached"
    print(f"{args.out}: {episode.num_steps} steps, the goal was {reached}; the world changed after step {args.after}")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
