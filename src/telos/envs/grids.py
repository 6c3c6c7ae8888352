"""Maps of square cells: reading them, making them, and the shortest ways through them.

A grid is `[cells cells]` of bool, True for wall; a batch of them is `[batch cells cells]`.
"""

import re
from functools import lru_cache

import numpy as np
from jaxtyping import Bool, Int

from telos.core.errors import ConfigError

MAPS = {
    "u-maze": "#####\n#...#\n###.#\n#...#\n#####",
    "four-rooms": "\n".join(["#########", "#...#...#", "#.......#", "#...#...#", "##.###.##", "#...#...#", "#.......#", "#...#...#", "#########"]),
    "spiral": "\n".join(["#########", "#.......#", "#######.#", "#.....#.#", "#.###.#.#", "#.#...#.#", "#.#####.#", "#.......#", "#########"]),
}
"""Maps that are drawn by hand."""
FAMILIES = {"zigzag": re.compile(r"zigzag(?:-([0-9]+))?"), "random": re.compile(r"random-([0-9]+)-([0-9]+)")}
"""Maps that are made from the numbers in their names: corridors (4 if not said); cells per side, and a seed."""
MAP_NAMES = (*MAPS, "zigzag", "zigzag-N for N corridors", "random-SIDE-SEED for a perfect maze such as random-9-0")
MOST_CELLS = 99
"""Per side of a map that is made."""
UNREACHABLE = np.iinfo(np.int32).max // 2


def named_map(name: str) -> Bool[np.ndarray, "cells cells"] | None:
    """The grid that a name stands for; None: it stands for none.

    Raises:
        ConfigError: a map of this kind cannot have such numbers.
    """
    if name in MAPS:
        return read_map(MAPS[name])
    if found := FAMILIES["zigzag"].fullmatch(name):
        corridors = int(found[1] or 4)
        _check(name, "corridors", corridors, 2, MOST_CELLS // 2)
        return read_map(_zigzag(corridors))
    if found := FAMILIES["random"].fullmatch(name):
        side, seed = int(found[1]), int(found[2])
        _check(name, "cells per side", side, 5, MOST_CELLS)
        if side % 2 == 0:
            raise ConfigError(f"The map '{name}' cannot have {side} cells per side.", expected="an odd number", fix=f"random-{side + 1}-{seed}")
        return random_maze(np.random.default_rng(seed), side)
    return None


def _check(name: str, what: str, number: int, least: int, most: int) -> None:
    if not least <= number <= most:
        raise ConfigError(f"The map '{name}' cannot have {number} {what}.", expected=f"a whole number from {least} to {most}")


def _zigzag(num_corridors: int) -> str:
    """Corridors above one another, joined at the right and at the left in turn."""
    side = 2 * num_corridors + 1
    corridor, right, left = "#" + "." * (side - 2) + "#", "#" * (side - 2) + ".#", "#." + "#" * (side - 2)
    inner = [corridor if row % 2 == 0 else (right, left)[row // 2 % 2] for row in range(side - 2)]
    return "\n".join(["#" * side, *inner, "#" * side])


def read_map(text: str) -> Bool[np.ndarray, "cells cells"]:
    """The grid of a text map: '#' is wall, '.' or a space is floor; padded with wall to a square. '/' ends a row as well as a new line does.

    Raises:
        ConfigError: another character, rows of several lengths, an open border, no floor, or floor out of reach.
    """
    rows = text.replace("/", "\n").strip("\n").split("\n")
    for number, row in enumerate(rows, 1):
        unknown = sorted(set(row) - set("#. "))
        if unknown:
            raise ConfigError(f"Row {number} of the map, '{row}', holds {unknown[0]!r}.", expected="'#' for wall, '.' or a space for floor")
        if len(row) != len(rows[0]):
            raise ConfigError(f"Row {number} of the map, '{row}', has {len(row)} cells.", expected=f"{len(rows[0])}, as in the first row")
    grid = np.array([[cell == "#" for cell in row] for row in rows], bool)
    opened = ~grid
    opened[1:-1, 1:-1] = False
    if opened.any():
        number = int(np.argwhere(opened)[0, 0]) + 1
        raise ConfigError(f"Row {number} of the map, '{rows[number - 1]}', is open at the border.", expected="'#' all around")
    if (~grid).sum() < 2:
        raise ConfigError(f"The map has {(~grid).sum()} cells of floor.", expected="at least 2")
    if (distances_from(grid, first_floor(grid))[~grid] == UNREACHABLE).any():
        raise ConfigError("Some floor of the map cannot be reached from the rest.", expected="one connected floor")
    side = max(grid.shape)
    margins = [((side - length) // 2, side - length - (side - length) // 2) for length in grid.shape]
    return np.pad(grid, margins, constant_values=True)


def random_maze(rng: np.random.Generator, side: int) -> Bool[np.ndarray, "side side"]:
    """A perfect maze: exactly one way between any two cells. Carved by a random walk that backs out of dead ends."""
    grid = np.ones((side, side), bool)
    last = side - 2
    here = (1 + 2 * int(rng.integers(side // 2)), 1 + 2 * int(rng.integers(side // 2)))
    grid[here] = False
    trail = [here]
    while trail:
        row, column = trail[-1]
        ways = [(row + down, column + right) for down, right in ((-2, 0), (2, 0), (0, -2), (0, 2))]
        ways = [way for way in ways if 1 <= way[0] <= last and 1 <= way[1] <= last and grid[way]]
        if not ways:
            trail.pop()
            continue
        way = ways[int(rng.integers(len(ways)))]
        grid[way] = grid[(row + way[0]) // 2, (column + way[1]) // 2] = False
        trail.append(way)
    return grid


def first_floor(grid: Bool[np.ndarray, "rows columns"]) -> Int[np.ndarray, " 2"]:
    """Row and column of any one cell of floor."""
    return np.argwhere(~grid)[0]


def distances_from(grid: Bool[np.ndarray, "*batch rows columns"], cell: Int[np.ndarray, "*batch 2"]) -> Int[np.ndarray, "*batch rows columns"]:
    """Steps between neighbouring cells from `cell` to every other, by a wave through the floor."""
    grids, cells = grid.reshape(-1, *grid.shape[-2:]), np.asarray(cell).reshape(-1, 2)
    steps = np.full(grids.shape, UNREACHABLE, np.int32)
    wave = np.zeros(grids.shape, bool)
    wave[np.arange(len(cells)), cells[:, 0], cells[:, 1]] = True
    unseen, count = ~grids, 0
    while wave.any():
        steps[wave] = count
        unseen &= ~wave
        spread = np.zeros_like(wave)
        spread[:, 1:] |= wave[:, :-1]
        spread[:, :-1] |= wave[:, 1:]
        spread[:, :, 1:] |= wave[:, :, :-1]
        spread[:, :, :-1] |= wave[:, :, 1:]
        wave, count = spread & unseen, count + 1
    return steps.reshape(grid.shape)


def all_distances(grid: Bool[np.ndarray, "cells cells"]) -> tuple[Int[np.ndarray, "floor 2"], Int[np.ndarray, "floor floor"]]:
    """Every cell of floor (row, column), and the steps between any two of them."""
    return _all_distances(grid.tobytes(), grid.shape[0])


@lru_cache(maxsize=256)
def _all_distances(raw: bytes, side: int) -> tuple[np.ndarray, np.ndarray]:
    grid = np.frombuffer(raw, bool).reshape(side, side)
    floor = np.argwhere(~grid)
    steps = distances_from(np.broadcast_to(grid, (len(floor), side, side)), floor)
    return floor, steps[:, floor[:, 0], floor[:, 1]]
