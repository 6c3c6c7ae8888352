import json

import numpy as np
import pytest
from outline import Outline
from plane import Adds

from telos.core.errors import ConfigError
from telos.core.run import plain
from telos.evaluation.learning_curve import Point, draw_curve, measure_point, write_curve_page


def points(law, noise=0.02, seeds=3, sizes=(25, 50, 100, 200)):
    rng = np.random.default_rng(0)
    return [Point(num, seed, law(num) * float(np.exp(noise * rng.standard_normal())), {"position": 0.9}) for num in sizes for seed in range(seeds)]


def falling(num):
    return 2 * num**-0.5


def slightly(num):
    return 0.5 * num**-0.1


def flat(num):
    return 0.3


@pytest.mark.parametrize(
    ("law", "noise", "state", "words"),
    [
        (falling, 0.02, "still falling", "A tenth less takes about"),
        (flat, 0.02, "levelled off", "has levelled off"),
        (slightly, 0.2, "cannot be told", "More --seeds"),
    ],
    ids=["falling", "flat", "noisy"],
)
def test_it_says_whether_more_logs_would_help_and_when_it_does_not_know(law, noise, state, words):
    curve = draw_curve(points(law, noise))
    assert curve.state == state and words in curve.says and "400 episodes" in curve.says


def test_a_tenth_less_takes_as_many_more_as_the_law_asks_for():
    curve = draw_curve(points(falling, 0.03))
    assert curve.tenth.value == pytest.approx(200 / 0.81, rel=0.1)
    assert curve.doubling.low < 1 - 2**-0.5 < curve.doubling.high


def test_it_is_json():
    for law in (falling, flat):
        told = json.loads(json.dumps(plain(draw_curve(points(law)).to_json()), allow_nan=False))
        assert {"state", "says", "doubling", "episodes_for_a_tenth_less", "law", "points"} == set(told) and len(told["points"]) == 12


@pytest.mark.parametrize(
    "bad", [points(falling, sizes=(50, 100)), [*points(falling), Point(400, 0, 0.0, {})], [*points(falling), Point(4, 0, np.nan, {})]]
)
def test_what_is_no_curve_is_refused(bad):
    with pytest.raises(ConfigError):
        draw_curve(bad)


def test_a_point_is_the_error_over_the_horizon_and_what_can_be_read(walks):
    right, still, half = (measure_point(Adds(gain), Adds(), walks, episodes=7, seed=3, horizon=5) for gain in (1, 0, 0.5))
    assert right.error < 1e-9 and still.error == pytest.approx(1) and half.error == pytest.approx(0.25, rel=1e-3)
    assert (right.episodes, right.seed) == (7, 3) and right.probes["position"] > 0.99


def test_the_page_says_it_and_needs_nothing_but_itself(tmp_path):
    curve = draw_curve(points(falling))
    page = write_curve_page(curve, tmp_path / "curve.html", title="<logs>", failed=["25 episodes, seed 1: collapsed."]).read_text(encoding="utf-8")
    assert curve.says.split(":")[0] in page and "http" not in page
    assert Outline(page).open == []
    assert Outline(page).headings == ["How the error falls", "What the latents know", "Points that are missing"]
    bare = draw_curve([Point(point.episodes, point.seed, point.error, {}) for point in curve.points])
    text = write_curve_page(bare, tmp_path / "bare.html", title="logs").read_text(encoding="utf-8")
    assert Outline(text).headings == ["How the error falls"]
