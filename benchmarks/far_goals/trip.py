"""The pictures of the page "New York to Beijing": the longest trip that a maze has, planned on three levels.

The trip is not chosen by how it goes: its ends are the two cells that lie farthest apart.

Run: OMP_NUM_THREADS=1 python -m benchmarks.far_goals.trip runs/earth docs/images
"""

import argparse
import re
from pathlib import Path

import numpy as np
import torch
from matplotlib.figure import Figure

from telos.agent.loop import Agent
from telos.cli.worlds import world_of
from telos.core.drawings import save_figure
from telos.core.run import Run
from telos.envs import Maze
from telos.envs.grids import all_distances
from telos.evaluation.closed_loop import expert_steps, play
from telos.evaluation.protocols import Pairs, join_rows, make_protocol, select_rows
from telos.evaluation.report import maps
from telos.evaluation.report.episode import Episode, RecordingContestant
from telos.evaluation.report.landscape import energy_landscape
from telos.evaluation.report.pictures import RGB
from telos.evaluation.report.plan_tree import beholder_of_logs, own_style, write_tree
from telos.evaluation.report.storeys import Beholder
from telos.evaluation.report.tree import standalone
from telos.recipes.experiment import load_agent
from telos.recipes.run_logs import logs_of

MOMENTS = 4
"""Plans of the way that are drawn."""
PATIENCE = 3.0
SIDE, GAP, TEXT = 200, 12, 22
"""Of a map among others."""


def longest_trip(world: Maze) -> Pairs:
    """From the middle of one cell to that of another: the two that lie farthest apart."""
    grid = world.sample(np.random.default_rng(0), 1)["grid"]
    floor, steps = all_distances(grid[0])
    ends = floor[list(np.unravel_index(steps.argmax(), steps.shape))]
    first, last = ({"position": (cell[None, ::-1] + 0.5) / world.side, "grid": grid} for cell in ends)
    protocol = make_protocol(world, "far", episodes=1, offset=None, seed=0)
    limit = PATIENCE * expert_steps(world, protocol, first, last)
    return Pairs(first, last, limit.astype(int))


def travel(agent: Agent, world: Maze, pairs: Pairs) -> Episode:
    """The trip, with every plan that was made on it."""
    contestant = RecordingContestant(agent)
    outcome = play(world, pairs, contestant, make_protocol(world, "far", episodes=1, offset=None, seed=0), record=contestant.saw)
    (record,) = contestant.records
    reached = bool(outcome.success[0])
    return Episode(join_rows(record.states), pairs.goals, np.stack(record.actions), tuple(record.plans), reached, tuple(record.moments))


def draw_maps(beholder: Beholder, world: Maze, episode: Episode, file: Path) -> None:
    """The same world at several moments: where each level means to go from there."""
    goal, parts = episode.goal["position"][0], []
    for place, time in enumerate(np.linspace(0, episode.num_steps - 1, MOMENTS).round().astype(int)):
        plan, left = episode.plan_for(time, 0), place * (SIDE + GAP)
        state = select_rows(episode.states, slice(plan.time, plan.time + 1))
        drawn = maps.plan_map(world, state, beholder.storeys(plan.latents, plan.aim, None), goal)
        drawn = drawn.replace("<svg ", f'<svg x="{left}" y="{TEXT}" width="{SIDE}" height="{SIDE}" ', 1)
        parts.append(f'<text x="{left}" y="14" class="moment">step {plan.time}</text>{drawn}')
    width, height = MOMENTS * (SIDE + GAP) - GAP, SIDE + TEXT + 4
    outer = f'<svg viewBox="0 0 {width} {height}" width="{width}" height="{height}">{"".join(parts)}</svg>'
    file.write_text(standalone(outer, own_style("map") + ".moment{font-size:13px;fill:var(--ink)}"), encoding="utf-8")


def draw_times(agent: Agent, world: Maze, episode: Episode, critic: str, file: Path) -> float:
    """How long it takes from everywhere, as the critic says; the most that it says."""
    times = energy_landscape(agent.world_model, world, episode.goal, measure=agent.knowledge.time_to_go(critic))
    drawn = re.match(r"<svg.*?</svg>", maps.energy_map(world, times, episode.states["position"]), re.DOTALL)
    assert drawn is not None
    file.write_text(standalone(drawn[0].replace("<svg ", '<svg width="420" height="420" ', 1), own_style("map")), encoding="utf-8")
    return float(times.energies[np.isfinite(times.energies)].max())


def draw_way(beholder: Beholder, world: Maze, episode: Episode, file: Path) -> None:
    """A strip: what is seen, and what each level is after at that moment."""
    times, goal = np.linspace(0, episode.num_steps - 1, 9).round().astype(int), world.observe(episode.goal)[0]
    rows: dict[str, list[RGB | None]] = {"seen": list(world.observe(select_rows(episode.states, times)))}
    for time in times:
        plan = episode.plan_for(time, 0)
        for one in reversed(beholder.storeys(plan.latents, plan.aim, goal)):
            rows.setdefault(f"level {one.level}\ngoes for", []).append(one.toward if one.helps else None)
    figure = Figure(figsize=(9.6, 1.02 * len(rows) + 0.3), facecolor="#fbfaf7", layout="constrained")
    axes = figure.subplots(len(rows), len(times), squeeze=False)
    for number, (label, pictures) in enumerate(rows.items()):
        for axis, time, picture in zip(axes[number], times, pictures, strict=True):
            axis.set(xticks=[], yticks=[])
            axis.spines[:].set(color="#b9b2a2", linewidth=0.6)
            if picture is None:
                axis.text(0.5, 0.5, "left out", ha="center", va="center", fontsize=8, color="#8b9098")
            else:
                axis.imshow(picture, interpolation="nearest")
            if number == 0:
                axis.set_title(f"step {time}", fontsize=9)
        axes[number, 0].set_ylabel(label, rotation=0, ha="right", va="center", labelpad=8, fontsize=9)
    save_figure(figure, file, dpi=150)


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("run", type=Path)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--levels", type=int, default=3)
    parser.add_argument("--time-to-go", help="the critic that plans go by; by default none")
    parser.add_argument("--map", default="landmarks", help="the critic whose times are drawn")
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    torch.set_num_threads(1)
    run = Run.open(options.run)
    world, logs = world_of(run), logs_of(run)
    assert isinstance(world, Maze)
    agent = load_agent(run, levels=options.levels, time_to_go=options.time_to_go, seed=options.seed)
    pairs = longest_trip(world)
    episode, beholder = travel(agent, world, pairs), beholder_of_logs(agent, logs, world=world)
    options.folder.mkdir(parents=True, exist_ok=True)
    first, goal = episode.plans[0], world.observe(pairs.goals)[0]
    storeys = beholder.storeys(first.latents, first.aim, goal)
    write_tree(options.folder / "trip-tree.svg", storeys, world.observe(pairs.starts)[0])
    draw_maps(beholder, world, episode, options.folder / "trip-maps.svg")
    draw_way(beholder, world, episode, options.folder / "trip-way.png")
    most = draw_times(agent, world, episode, options.map, options.folder / "trip-time.svg")
    ending = "arrives" if episode.reached else "has not arrived"
    print(f"{ending} after {episode.num_steps} steps; the expert takes {pairs.limits[0] / PATIENCE:.0f}; at most {most:.0f} steps from anywhere")
    for one in storeys:
        print(f"level {one.level}: {one.why or 'actions'}")


if __name__ == "__main__":
    main()
