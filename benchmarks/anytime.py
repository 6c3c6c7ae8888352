"""Do plans keep to their budget? What do batches, threads and memory do? Can the agent think while it acts?

    python benchmarks/anytime.py RUN [--plans 200] [--episodes 60] [--only budgets,batches,chunks,threads,memory,ahead] [--clock cpu]

RUN is the run of `telos demo` (two-rooms, pictures). Budgets are wall-clock time, and so they are measured: on a quiet machine. With
`--clock cpu` the agent's own clock, too, is the CPU time of its thread, which shows what a busy machine hides. Exits with 1 if the
95th percentile of the plans of one problem is above 1.2 x the budget.
"""

import argparse
import statistics
import subprocess
import sys
import time
from collections import Counter
from dataclasses import replace
from functools import partial
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import torch

from telos.agent.actor import clock
from telos.agent.loop import Agent
from telos.agent.tasks import ReachGoal
from telos.agent.world_model import MLPPredictor
from telos.cli.worlds import held_out_logs, world_of
from telos.core.run import Run
from telos.core.threads import suitable_threads
from telos.evaluation import Pairs, Protocol, draw_pairs, make_protocol, one_step_tolerance, paired_difference
from telos.evaluation.closed_loop import expert_steps, play
from telos.evaluation.contestants import AgentContestant
from telos.recipes.experiment import load_agent

BUDGETS = (5.0, 10.0, 20.0, 50.0)
BAR = 1.2
MEMORY_SCRIPT = Path(__file__).parents[1] / "tests" / "agent" / "actor" / "memory_of_a_plan.py"


class Bench:
    """The agent of a run, in its world."""

    def __init__(self, folder: Path, plans: int, episodes: int, now) -> None:
        self.run = Run.open(folder)
        self.agent, self.world = load_agent(self.run), world_of(self.run)
        self.plans, self.episodes, self.now = plans, episodes, now
        self.broken = False

    def fresh(self, **settings) -> Agent:
        return Agent(self.agent.world_model, replace(self.agent.settings, **settings))

    def pairs(self, num: int) -> tuple[Protocol, Pairs]:
        protocol = make_protocol(self.world, None, episodes=num, offset=None, seed=0)
        return protocol, draw_pairs(self.world, protocol, partial(expert_steps, self.world, protocol))

    def acts(self, agent: Agent, num_problems: int, steps: int):
        """Seconds of every `act`, and the traces of the plans."""
        _, pairs = self.pairs(num_problems)
        state = pairs.starts
        agent.set_task(ReachGoal(self.world.observe(pairs.goals)))
        seconds, traces = [], []
        for _ in range(steps):
            observation = self.world.observe(state)
            began = self.now()
            action = agent.act(observation)
            seconds.append(self.now() - began)
            assert agent.last_plan is not None
            traces.append(agent.last_plan.trace)
            state = self.world.advance(state, action)
        return np.array(seconds), traces

    def budgets(self) -> None:
        """200 plans in a row for each budget."""
        print(f"\nbudgets: {self.plans} plans each, ms")
        print(f"{'problems':>9}{'budget':>8}{'median':>8}{'95 %':>8}{'99 %':>8}{'ratio':>7}{'act 95 %':>10}{'candidates':>12}  stopped")
        for num_problems in (1, 32):
            for budget in BUDGETS:
                seconds, traces = self.acts(self.fresh(budget_ms=budget), num_problems, self.plans)
                plan = 1000 * np.array([trace.seconds for trace in traces])
                middle, high, highest = np.percentile(plan, [50, 95, 99])
                stopped = Counter(trace.stopped for trace in traces)
                judged = statistics.median(trace.num_candidates for trace in traces)
                act = 1000 * np.percentile(seconds, 95)
                print(
                    f"{num_problems:>9}{budget:>8g}{middle:>8.2f}{high:>8.2f}{highest:>8.2f}{high / budget:>7.2f}{act:>10.2f}{judged:>12g}  "
                    f"{', '.join(f'{name} {count}' for name, count in stopped.most_common())}",
                    flush=True,
                )
                self.broken |= num_problems == 1 and high > BAR * budget

    def batches(self) -> None:
        """First plans of 32 problems, at once and one at a time, alternating, in CPU seconds of planning."""
        print("\nbatches: 32 problems at once, per plan, against one at a time (CPU ms, median of 5 pairs)")
        print(f"{'candidates':>11}{'one':>9}{'of 32':>9}{'ratio':>7}")
        _, pairs = self.pairs(32)
        starts, goals = self.world.observe(pairs.starts), self.world.observe(pairs.goals)
        for num in (32, 64, 300):
            agent = self.fresh(planner=replace(self.agent.settings.planner, num_candidates=num))
            spent = np.zeros((6, 2))
            for part in spent:
                part[0] = sum(_planning(agent, starts[row], goals[row]) for row in range(32)) / 32
                part[1] = _planning(agent, starts, goals) / 32
            # The first pair sets things up.
            one, many = 1000 * np.median(spent[1:], axis=0)
            print(f"{num:>11}{one:>9.2f}{many:>9.2f}{np.median(spent[1:, 1] / spent[1:, 0]):>7.2f}", flush=True)

    @torch.no_grad()
    def chunks(self) -> None:
        """What a row costs, by the size of the pass."""
        model = self.agent.world_model
        state = model.observe(None, None, torch.from_numpy(self.world.observe(self.pairs(1)[1].starts)))
        horizon = self.agent.settings.planner.horizon
        print(f"\npasses: CPU microseconds for a row and a step; the model's choice is {model.rows_at_once} rows")
        for rows in (1, 8, 32, 64, 128, 256, 512, 1024, 2048, 4096):
            actions = 2 * torch.rand(rows, horizon, *model.spaces.action.shape) - 1
            best = min(_timed(lambda actions=actions: model.rollout(state, actions), time.process_time) for _ in range(max(5, 4096 // rows // 4)))
            print(f"{rows:>6}{1e6 * best / rows / horizon:>8.2f}", flush=True)

    @torch.no_grad()
    def threads(self) -> None:
        """One thread against all, alternating, by the multiplications of a step."""
        most = torch.get_num_threads()
        print(f"\nthreads: wall clock of {most} threads as a share of one's, and what the rule takes")
        if most == 1:
            print("  torch has one thread only: run without OMP_NUM_THREADS=1")
            return
        print(f"{'width':>7}{'rows':>6}{'M products':>12}{'ratio':>7}{'rule':>6}")
        for width in (64, 256, 2048):
            predictor = MLPPredictor(latent_size=16, scenery_size=0, action_size=2, width=width, depth=2)
            products = sum(parameter.numel() for parameter in predictor.parameters() if parameter.ndim == 2)
            for rows in (8, 65, 300, 512):
                given = torch.randn(rows, 16), torch.zeros(rows, 0), torch.zeros(rows, 0), torch.randn(rows, 2)
                seconds: dict[int, list[float]] = {1: [], most: []}
                for _ in range(7):
                    for num, kept in seconds.items():
                        torch.set_num_threads(num)
                        kept.append(_timed(lambda given=given, predictor=predictor: [predictor(*given) for _ in range(5)], time.perf_counter))
                ratio = statistics.median(seconds[most]) / statistics.median(seconds[1])
                print(f"{width:>7}{rows:>6}{products * rows / 1e6:>12.2f}{ratio:>7.2f}{suitable_threads(products * rows):>6}", flush=True)

    def memory(self) -> None:
        """100,000 candidates, horizon 12, each kind in a process of its own."""
        print("\nmemory: MiB that a process grows by for a plan with 100,000 candidates, horizon 12")
        for kind in ("perceptron", "wide-belief", "gradient"):
            done = subprocess.run([sys.executable, str(MEMORY_SCRIPT), kind, "100000"], capture_output=True, text=True, check=True)
            print(f"  {kind:<14}{float(done.stdout):>6.0f}", flush=True)

    def ahead(self) -> None:
        """The same episodes, planned on the spot and ahead; latency in a world whose steps take 30 ms."""
        tolerance = one_step_tolerance(self.agent.world_model, held_out_logs(self.run))
        print(f"\nplanning ahead: tolerance {tolerance:.4f}")
        protocol, pairs = self.pairs(self.episodes)
        outcomes = {}
        for name, given in (("on the spot", None), ("ahead", tolerance)):
            agent = self.fresh(ahead_tolerance=given)
            outcomes[name] = play(self.world, pairs, AgentContestant(agent), protocol).success
            waits, how = self._latency(self.fresh(ahead_tolerance=given))
            middle, high = np.percentile(waits, [50, 95])
            print(
                f"  {name:<12} success {100 * outcomes[name].mean():.1f} % of {self.episodes}   act {middle:.2f} ms, 95 % {high:.2f} ms   "
                f"{', '.join(f'{made} {count}' for made, count in how.most_common())}",
                flush=True,
            )
        value, low, high = paired_difference(outcomes["ahead"], outcomes["on the spot"])
        print(f"  difference {100 * value:+.1f} points ({100 * low:+.1f} to {100 * high:+.1f})")

    def _latency(self, agent: Agent, steps: int = 60):
        _, pairs = self.pairs(1)
        state, waits, how = pairs.starts, [], Counter()
        agent.set_task(ReachGoal(self.world.observe(pairs.goals)))
        for _ in range(steps):
            observation = self.world.observe(state)
            began = time.perf_counter()
            action = agent.act(observation)
            waits.append(1000 * (time.perf_counter() - began))
            assert agent.last_plan is not None
            how[agent.last_plan.trace.made] += 1
            time.sleep(0.03)
            state = self.world.advance(state, action)
        return np.array(waits[1:]), how


def _planning(agent: Agent, observation, goal) -> float:
    """CPU seconds of the first plan of an episode."""
    agent.reset()
    agent.set_task(ReachGoal(goal))
    agent.act(observation)
    return agent.last_cpu_seconds


def _timed(work, now) -> float:
    began = now()
    work()
    return now() - began


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("run", type=Path)
    parser.add_argument("--plans", type=int, default=200)
    parser.add_argument("--episodes", type=int, default=60)
    parser.add_argument("--only", default="budgets,batches,chunks,threads,memory,ahead")
    parser.add_argument("--clock", choices=("wall", "cpu"), default="wall")
    options = parser.parse_args()
    now = time.perf_counter
    if options.clock == "cpu":
        now = time.thread_time
        clock.time = SimpleNamespace(perf_counter=now)  # type: ignore[assignment]
    bench = Bench(options.run, options.plans, options.episodes, now)
    print(f"torch {torch.__version__}, {torch.get_num_threads()} threads, {options.clock} clock, {bench.agent.settings.planner}")
    for part in options.only.split(","):
        getattr(bench, part)()
    return int(bench.broken)


if __name__ == "__main__":
    sys.exit(main())
