"""Signed distances: right by another way of computing them, and of use to a gradient."""

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from telos.core.config import from_json, to_json
from telos.core.errors import ConfigError, SpaceError
from telos.core.regions import Box, Disc, Field, Intersection, Outside, Polygon, Union

POINTS = torch.rand(300, 2, generator=torch.Generator().manual_seed(0)) * 4 - 2
ELL = Polygon(corners=((-1, -1), (1, -1), (1, 0), (0, 0), (0, 1), (-1, 1)))
REGIONS = {
    "disc": Disc(center=(0.3, -0.2), radius=0.7),
    "box": Box(low=(-0.5, -1.0), high=(1.0, 0.5)),
    "half-open box": Box(low=(None, -1.0), high=(0.5, None)),
    "polygon": ELL,
    "outside": Outside(region=ELL),
    "union": Union(regions=(Disc(center=(-1.0, 0.0), radius=0.5), Disc(center=(1.0, 0.0), radius=0.5))),
    "intersection": Intersection(regions=(Disc(center=(-0.3, 0.0), radius=0.9), Box(low=(None, 0.0), high=(None, None)))),
}


def each():
    return pytest.mark.parametrize("region", REGIONS.values(), ids=REGIONS.keys())


def border(region, num: int = 400_000) -> torch.Tensor:
    """Points that lie on the border, found by looking everywhere."""
    grid = torch.rand(num, 2, generator=torch.Generator().manual_seed(1)) * 8 - 4
    return grid[region.distance(grid).abs() < 0.01]


@pytest.mark.parametrize("name", ["disc", "box", "polygon", "outside", "half-open box"])
def test_a_distance_is_that_to_the_nearest_point_of_the_border(name):
    region = REGIONS[name]
    nearest = torch.cdist(POINTS, border(region)).amin(dim=1)
    assert torch.allclose(region.distance(POINTS).abs(), nearest, atol=0.03)


def test_inside_is_negative():
    square = Polygon(corners=((0, 0), (1, 0), (1, 1), (0, 1)))
    box = Box(low=(0, 0), high=(1, 1))
    assert torch.allclose(square.distance(POINTS), box.distance(POINTS), atol=1e-6)
    assert Disc(center=(0, 0, 0), radius=2.0).distance(torch.zeros(3)) == -2
    # The hollow of the L is outside of it.
    assert ELL.distance(torch.tensor([0.5, 0.5])) > 0
    assert ELL.distance(torch.tensor([-0.5, 0.5])) < 0


def test_either_way_round_a_polygon_is_the_same():
    back = Polygon(corners=ELL.corners[::-1])
    assert torch.allclose(back.distance(POINTS), ELL.distance(POINTS), atol=1e-6)


@each()
def test_a_step_along_the_slope_leads_out_by_its_length(region):
    points = POINTS.clone().requires_grad_()
    distance = region.distance(points)
    (slope,) = torch.autograd.grad(distance.sum(), points)
    assert slope.isfinite().all()
    moved = region.distance(POINTS + 1e-3 * slope) - distance.detach()
    # But for points from where two ways out are equally long.
    assert (moved - 1e-3).abs().le(2e-4).float().mean() > 0.97


@each()
def test_slopes_are_finite_on_the_border_and_in_the_middle(region):
    points = torch.cat([border(region)[:50], torch.zeros(1, 2), torch.tensor([[0.3, -0.2]])]).requires_grad_()
    assert torch.autograd.grad(region.distance(points).sum(), points)[0].isfinite().all()


@each()
def test_shape_and_precision_are_those_of_the_points(region):
    assert region.distance(torch.zeros(3, 4, 2)).shape == (3, 4)
    assert region.distance(POINTS.double()).dtype == torch.float64
    with pytest.raises(SpaceError, match="3"):
        region.distance(torch.zeros(5, 3))


@each()
def test_it_survives_being_saved(region):
    assert from_json(to_json(region)) == region


@given(st.floats(-2, 2), st.floats(-2, 2))
def test_what_is_inside_one_is_outside_of_the_other(x, y):
    point = torch.tensor([x, y])
    assert Outside(region=ELL).distance(point) == -ELL.distance(point)


@pytest.mark.parametrize(
    "make",
    [
        lambda: Disc(center=(0.0, 0.0), radius=0.0),
        lambda: Disc(center=(0.0, math.nan), radius=1.0),
        lambda: Disc(center=0.5, radius=1.0),
        lambda: Box(low=(0.0,), high=(1.0, 1.0)),
        lambda: Box(low=(1.0,), high=(0.0,)),
        lambda: Box(low=(None,), high=(None,)),
        lambda: Polygon(corners=((0, 0), (1, 1))),
        lambda: Polygon(corners=((0, 0), (0, 0), (1, 1))),
        lambda: Union(regions=(Disc(center=(0.0,), radius=1.0), Disc(center=(0.0, 0.0), radius=1.0))),
        lambda: Field(function="nowhere.py:distance"),
        lambda: Field(function=3),
    ],
)
def test_what_is_no_region_is_refused(make):
    with pytest.raises(ConfigError):
        make()


def ring(points):
    return (torch.linalg.vector_norm(points, dim=-1) - 1).abs() - 0.1


def test_a_field_of_ones_own_is_a_region():
    region = Field(function=ring)
    assert region.function.endswith("test_regions:ring")
    assert torch.equal(region.distance(POINTS), ring(POINTS))
    assert from_json(to_json(region)) == region


def test_a_field_that_looks_at_the_wrong_axis_is_told():
    with pytest.raises(SpaceError, match=r"points\[\.\.\., 0\]"):
        Field(function=lambda points: points[0]).distance(POINTS)
