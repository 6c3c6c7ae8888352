"""Tasks in TOML: what people write, and what they are told when they err."""

import contextlib
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as some
from tiny_runs import collect_logs, walk_logs

from telos.agent.cost import ActionEffort, ActionSmoothness
from telos.agent.guardrails import KeepOut
from telos.agent.tasks import (
    Avoid,
    FollowPath,
    Hold,
    Optimise,
    Prefer,
    ReachAny,
    ReachBy,
    ReachGoal,
    ReachRegion,
    ReachValue,
    StayNearData,
    VisitAll,
    VisitInOrder,
)
from telos.core.errors import DataError, TelosError
from telos.core.regions import Box, Disc, Polygon
from telos.core.spaces import PixelSpace, Spaces, VectorSpace
from telos.core.tasks import AbstractTask
from telos.recipes.task_file import KINDS, load_task, task_of

CORNER = ReachValue("position", (0.8, 0.2))
DISC = Disc(center=(0.2, 0.2), radius=0.1)
WRITTEN = {
    '[reach]\nquantity = "position"\nvalue = [0.8, 0.2]': CORNER,
    '[reach]\nquantity = "speed"\nvalue = 0.5\nwithin = 0.1\nhold = 1': ReachValue("speed", 0.5, 0.1, 1),
    '[reach]\nquantity = "position"\ndisc = { center = [0.2, 0.2], radius = 0.1 }': ReachRegion("position", DISC),
    '[reach]\nquantity = "position"\nbox = { low = [0, 0], high = [1, 0.5] }\nhold = 2': ReachRegion("position", Box(low=(0, 0), high=(1, 0.5)), 2),
    '[reach]\nquantity = "position"\npolygon = [[0, 0], [1, 0], [0, 1]]': ReachRegion("position", Polygon(corners=((0, 0), (1, 0), (0, 1)))),
    '[reach_any]\nquantity = "position"\ntargets = [[0.8, 0.2], { disc = { center = [0.2, 0.2], radius = 0.1 } }]': ReachAny(
        CORNER, ReachRegion("position", DISC)
    ),
    '[visit_in_order]\nquantity = "position"\nhold = 1\ntargets = [[0, 0], { value = [1, 1], hold = 3 }]': VisitInOrder(
        ReachValue("position", (0, 0), hold=1), ReachValue("position", (1, 1), hold=3)
    ),
    '[visit_all]\ntargets = [{ quantity = "position", value = [0.8, 0.2] }]': VisitAll(CORNER),
    '[hold]\nquantity = "position"\nvalue = [0.8, 0.2]\nsteps = 7': Hold(CORNER, 7),
    '[follow]\nquantity = "position"\npoints = [[0, 0], [1, 1]]\nsteps = 9\njoin = 2': FollowPath("position", [(0, 0), (1, 1)], 9, join=2),
    '[largest]\nquantity = "position"\nindex = 1\nenough = 0.9': Optimise("position", "largest", 1, 0.9),
    '[smallest]\nquantity = "position"': Optimise("position", "smallest"),
    '[reach_by]\nquantity = "position"\nvalue = [0.8, 0.2]\ndeadline = 30': ReachBy(CORNER, 30),
    '[avoid]\nquantity = "position"\ndisc = { center = [0.2, 0.2], radius = 0.1 }\nmargin = 0.1\nweight = 4\n[reach]\n'
    'quantity = "position"\nvalue = [0.8, 0.2]': 4 * Avoid("position", DISC, 0.1) + CORNER,
    '[own]\ntask = "telos.agent.tasks:Optimise"\nquantity = "speed"': Optimise("speed"),
    '[reach]\nquantity = "position"\nvalue = [0.8, 0.2]\n[[drive]]\nkind = "effort"\nweight = 0.5': CORNER + 0.5 * ActionEffort(),
    '[[reach]]\nquantity = "position"\nvalue = [0.8, 0.2]\n[[reach]]\nquantity = "speed"\nvalue = 0\nweight = 2': CORNER + 2 * ReachValue("speed", 0),
    '[smallest]\nquantity = "position"\n[[drive]]\nkind = "near_data"\n[[drive]]\ncritic = "calm"\n[[drive]]\nkind = "smoothness"': (
        Optimise("position", "smallest") + StayNearData() + Prefer("calm") + ActionSmoothness()
    ),
}


@pytest.mark.parametrize("text", WRITTEN, ids=lambda text: text.splitlines()[0] + " " + text.splitlines()[-1][:24])
def test_what_is_written_is_what_is_asked(text, tmp_path):
    file = tmp_path / "task.toml"
    file.write_text(text, encoding="utf-8")
    assert load_task(file) == WRITTEN[text]


def test_every_kind_of_table_is_among_the_examples():
    assert {text.split("]")[0].strip("[") for text in WRITTEN} == set(KINDS)


GUARDED = """
[reach]
quantity = "position"
value = [0.8, 0.2]

[[guardrail]]
name = "puddle"
keep_out = { quantity = "position", disc = { center = [0.5, 0.5], radius = 0.1 } }
fallback = "hold"
"""


def test_a_guardrail_beside_a_task_is_added_to_it(tmp_path):
    file = tmp_path / "task.toml"
    file.write_text(GUARDED, encoding="utf-8")
    (rule,) = load_task(file).guardrails
    assert (rule.name, rule.requirement) == ("puddle", KeepOut(quantity="position", region=Disc(center=(0.5, 0.5), radius=0.1)))
    file.write_text(GUARDED.replace("keep_out", "kep_out"), encoding="utf-8")
    with pytest.raises(TelosError, match=r"\[guardrail\]: (.|\n)*did you mean 'keep_out'"):
        load_task(file)


def test_a_task_of_ones_own_stands_in_a_file_beside(tmp_path):
    code = "from telos.agent.tasks import ReachValue\nclass Mine(ReachValue):\n    pass\n"
    (tmp_path / "mine.py").write_text(code, encoding="utf-8")
    task = task_of({"own": {"task": "mine.py:Mine", "quantity": "speed", "value": 1}}, tmp_path)
    assert (type(task).__name__, task.value) == ("Mine", (1.0,))


def test_hyphens_will_do(tmp_path):
    assert task_of({"visit-all": {"quantity": "position", "targets": [[0.8, 0.2]]}}) == VisitAll(CORNER)


MISTAKES = {
    "": "asks for nothing",
    "[reach": "is no TOML",
    '[reech]\nquantity = "position"': "did you mean 'reach'",
    '[reach]\nquantity = "position"\nvalu = [0, 0]': r"task.toml, \[reach\]: There is no setting called 'valu'(.|\n)*did you mean 'value'",
    '[reach]\nquantity = "position"': "Nothing says where to go",
    "[reach]\nvalue = [0, 0]": "quantity is missing",
    "[reach]\nquantity = 3\nvalue = [0, 0]": "quantity is 3",
    '[reach]\nquantity = "position"\nvalue = "there"': "The value of 'position'",
    '[reach]\nquantity = "position"\nvalue = [0, 0]\ndisc = { center = [0, 0], radius = 1 }': "a value or a region, not both",
    '[reach]\nquantity = "position"\ndisc = { centre = [0, 0], radius = 1 }': "did you mean 'center'",
    '[reach]\nquantity = "position"\ndisc = { center = [0, 0] }': "lacks radius",
    '[reach]\nquantity = "position"\ndisc = 3': "is 3",
    '[reach]\nquantity = "position"\ndisc = { center = [0, 0], radius = -1 }': "radius -1",
    '[reach]\nquantity = "position"\nbox = { low = [1], high = [0] }': "from 1.0 to 0.0",
    '[reach]\nquantity = "position"\nvalue = [0, 0]\nweight = 0': "weight = 0",
    'reach = "position"': "a table",
    '[[hold]]\nquantity = "p"\nvalue = 0\n[[hold]]\nquantity = "p"\nvalue = 0\nsteps = 0': r"\[\[hold\]\] number 2: (.|\n)*steps = 0",
    '[follow]\nquantity = "p"\npoints = [[0]]\nsteps = 2': "1 points",
    '[follow]\nquantity = "p"\npoints = [[0], [1]]': "steps is missing",
    '[reach_by]\nquantity = "p"\nvalue = 0': "deadline is missing",
    '[visit_all]\nquantity = "p"\ntargets = 3': "targets is 3",
    '[largest]\nquantity = "p"\nindex = -1': "index = -1",
    '[[drive]]\nkind = "effort"': "asks for nothing",
    '[smallest]\nquantity = "p"\n[[drive]]\nkind = "efort"': "did you mean 'effort'",
    '[smallest]\nquantity = "p"\n[[drive]]\nweight = 2': "A drive is of one kind",
    '[avoid]\nquantity = "p"\nmargin = 0.1': "where not to be",
    '[avoid]\nquantity = "p"\nmargin = -1\ndisc = { center = [0, 0], radius = 1 }': "margin = -1",
    '[own]\ntask = "telos.agent.tasks:Optimize"': "did you mean 'Optimise'",
    '[own]\ntask = "nowhere.py:Patrol"': "There is no file",
    '[own]\ntask = "telos.agent.loop:Agent"': "is no task",
    '[own]\ntask = "telos.agent.tasks:Optimise"\nspeed = 3': "cannot be made",
    "[reach]\nimage = 3": "image = 3",
    '[reach]\nimage = "nowhere.png"': "There is no picture",
    '[reach]\ndata = "logs"\nepisode = 3': "cannot be given by data",
}


@pytest.mark.parametrize("text", MISTAKES, ids=lambda text: text.replace("\n", " ")[:60])
def test_a_mistake_is_told_with_its_place_and_what_to_type(text, tmp_path):
    file = tmp_path / "task.toml"
    file.write_text(text, encoding="utf-8")
    with pytest.raises(TelosError, match=MISTAKES[text]) as caught:
        load_task(file)
    assert str(file) in str(caught.value) or "picture" in str(caught.value)
    assert caught.value.expected or caught.value.fix


def test_a_goal_can_be_shown_as_a_picture_or_an_array(tmp_path):
    picture = np.arange(16 * 16 * 3, dtype=np.uint8).reshape(16, 16, 3)
    np.save(tmp_path / "goal.npy", picture)
    image = pytest.importorskip("PIL.Image")
    image.fromarray(picture).save(tmp_path / "goal.png")
    for name in ("goal.npy", "goal.png"):
        task = task_of({"reach": {"image": name}}, tmp_path)
        assert isinstance(task, ReachGoal)
        np.testing.assert_array_equal(task.observation, picture)
    (tmp_path / "torn.png").write_bytes((tmp_path / "goal.png").read_bytes()[:60])
    with pytest.raises(DataError, match=r"torn\.png cannot be read"):
        task_of({"reach": {"image": "torn.png"}}, tmp_path)


def test_a_goal_can_be_a_frame_of_a_store_and_brings_what_was_true(tmp_path):
    collect_logs(tmp_path / "logs", episodes=3, steps=6)
    task = task_of({"reach": {"data": "logs", "episode": 2, "frame": 6}}, tmp_path)
    assert isinstance(task, ReachGoal)
    assert task.truth is not None
    np.testing.assert_allclose(task.truth["position"][0], task.observation[:2], atol=1e-5)
    for episode, frame, says in ((3, 0, "no episode 3"), (0, 7, "no frame 7")):
        with pytest.raises(DataError, match=says):
            task_of({"reach": {"data": "logs", "episode": episode, "frame": frame}}, tmp_path)
    walk_logs(tmp_path / "pixels", Spaces(PixelSpace(16, 16), VectorSpace(2, (-1, -1), (1, 1))), episodes=2, steps=3)
    assert task_of({"reach": {"data": "pixels", "episode": 0, "frame": 3}}, tmp_path).observation.shape == (16, 16, 3)


PARTS = ["value", "center", "radius", "quantity", "low", "high", "corners"]
SETTINGS = ["quantity", "value", "within", "hold", "disc", "box", "polygon", "targets", "steps", "points", "deadline", "effort", "index"]
ANYTHING = some.recursive(
    some.none() | some.booleans() | some.integers(-5, 50) | some.floats() | some.sampled_from(["position", "effort", "", "goal.png"]),
    lambda inner: some.lists(inner, max_size=4) | some.dictionaries(some.sampled_from(PARTS), inner, max_size=3),
    max_leaves=8,
)
NAMES = some.sampled_from([*SETTINGS, "weight", "kind", "image"])
TABLES = some.sampled_from([*KINDS, "drive", "guardrail", "x"])


def read(content) -> None:
    """Reads it as a task, or is told why not."""
    with contextlib.suppress(TelosError):
        assert isinstance(task_of(content, Path("/nowhere")), AbstractTask)


@given(content=some.dictionaries(TABLES, some.dictionaries(NAMES, ANYTHING, max_size=5) | ANYTHING))
@settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))
def test_whatever_is_written_becomes_a_task_or_a_sentence(content):
    read(content)


@given(
    quantity=ANYTHING, value=ANYTHING, within=ANYTHING, hold=ANYTHING, kind=some.sampled_from(["reach", "hold", "reach_by", "visit_all", "follow"])
)
@settings(max_examples=100, deadline=None)
def test_whatever_a_setting_is_it_becomes_a_task_or_a_sentence(quantity, value, within, hold, kind):
    own = {
        "reach": {"value": value, "hold": hold},
        "hold": {"value": value, "steps": hold},
        "reach_by": {"disc": value, "deadline": hold, "effort": within},
        "visit_all": {"targets": value, "hold": hold},
        "follow": {"points": value, "steps": hold},
    }
    read({kind: {"quantity": quantity, "within": within, **own[kind]}})
    read({kind: {"quantity": "position", **own[kind]}})
