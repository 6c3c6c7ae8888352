import numpy as np
import pytest
import torch
from plane import Adds, Plane

from telos.core.errors import ConfigError, TelosError
from telos.evaluation import make_protocol
from telos.evaluation.protocols import Protocol
from telos.evaluation.success import CLOSE_SHARE, calibrate, make_success

JUDGES = """
import numpy as np

def right_of_goal(seen, goals):
    return seen[:, 0] > goals[:, 0]

def one_for_all(seen, goals):
    return True

def shares(seen, goals):
    return np.ones(len(seen))

LIMIT = 3
"""


@pytest.fixture
def judges(tmp_path) -> str:
    (tmp_path / "judges.py").write_text(JUDGES)
    return str(tmp_path / "judges.py")


def states(*places) -> dict[str, np.ndarray]:
    return {"position": np.array(places, dtype=float)}


def protocol(**rules) -> Protocol:
    return make_protocol(Plane(), None, episodes=5, offset=None, seed=0, **rules)


def test_the_worlds_own_distance_judges_unless_somebody_else_is_asked():
    judge = make_success(Plane(), protocol(radius=0.1), Adds(), None)
    assert judge.reached(states([0, 0], [0, 0]), states([0, 0.09], [0, 0.11])).tolist() == [True, False]
    assert judge.to_json() == {"source": "distance", "says": "within 0.1 (arena widths)"}


def test_a_function_of_ones_own_judges_what_is_seen(judges):
    judge = make_success(Plane(), protocol(success=f"{judges}:right_of_goal"), Adds(), None)
    assert judge.reached(states([0.3, 0], [0.1, 0]), states([0.2, 1], [0.2, 1])).tolist() == [True, False]
    assert judge.to_json() == {"source": f"{judges}:right_of_goal", "says": "as right_of_goal judges"}


@pytest.mark.parametrize("name", ["one_for_all", "shares"])
def test_a_function_that_gives_no_truth_value_for_each_row_is_refused(judges, name):
    judge = make_success(Plane(), protocol(success=f"{judges}:{name}"), Adds(), None)
    with pytest.raises(ConfigError, match=name):
        judge.reached(states([0, 0], [1, 1]), states([0, 0], [1, 1]))


def test_what_is_no_function_is_refused_before_anybody_plays(judges):
    with pytest.raises(ConfigError, match="no function"):
        make_success(Plane(), protocol(success=f"{judges}:LIMIT"), Adds(), None)
    with pytest.raises(TelosError, match="right_of_goal"):
        make_success(Plane(), protocol(success=f"{judges}:right_of_gaol"), Adds(), None)


def test_the_latent_distance_is_as_wide_as_a_step(walks):
    judge = calibrate(Plane(), Adds(), walks, seed=0)
    steps = np.concatenate([np.square(np.diff(walks.info("position", index), axis=0)).mean(axis=1) for index in range(walks.num_episodes)])
    assert judge.threshold == pytest.approx(np.quantile(steps, CLOSE_SHARE), rel=0.05)
    near, far = np.sqrt(2 * judge.threshold) * np.array([[0.99, 0], [1.01, 0]])
    assert judge.reached(states(near, far), states([0, 0], [0, 0])).tolist() == [True, False]
    assert judge.threshold == calibrate(Plane(), Adds(), walks, seed=0).threshold != calibrate(Plane(), Adds(), walks, seed=1).threshold


def test_the_latent_distance_says_how_often_it_is_fooled(walks):
    sharp = calibrate(Plane(), Adds(), walks, seed=0)
    blind = calibrate(Plane(), Adds(encode=lambda position: torch.zeros(len(position), 2)), walks, seed=0)
    places = np.concatenate([walks.info("position", index) for index in range(walks.num_episodes)])
    rng = np.random.default_rng(0)
    apart = np.square(places[rng.permutation(len(places))] - places).mean(axis=1)
    assert sharp.false_share == pytest.approx((apart <= sharp.threshold).mean(), abs=0.02)
    assert blind.false_share == 1
    assert "so are 100.0 % of unrelated frames" in blind.to_json()["says"]


def test_without_held_out_logs_nothing_can_be_calibrated():
    with pytest.raises(ConfigError, match="held-out logs"):
        make_success(Plane(), protocol(success="latent"), Adds(), None)
