"""Plans of several levels as pictures: the tree, the map, the strip, and how long it takes from everywhere."""

import json
import re
from dataclasses import replace
from xml.etree import ElementTree

import numpy as np
import pytest
import torch
from outline import Outline
from small_runs import QUICK
from trees import REASONS, aim_of, level_of

from telos.core.levels import AbstractTimeToGo
from telos.core.readouts import Knowledge
from telos.evaluation.report.codec import train_decoder
from telos.evaluation.report.episode import RecordedPlan, lowest_subgoal
from telos.evaluation.report.far_goals import beholder_of, find_far_goals, levels_health
from telos.evaluation.report.far_goals_section import far_goals
from telos.evaluation.report.feelings import feelings_strip
from telos.evaluation.report.film import film
from telos.evaluation.report.findings import find
from telos.evaluation.report.gallery import gallery_of, latents_of
from telos.evaluation.report.imagery import imagery_for
from telos.evaluation.report.storeys import Storey
from telos.evaluation.report.strip import filmstrip
from telos.evaluation.report.tree import standalone, tree

PICTURES = np.random.default_rng(0).integers(0, 255, (12, 16, 16, 3), dtype=np.uint8)


def storey(level: int, *, num: int = 5, chosen: int | None = 1, **more) -> Storey:
    stride = 4 ** (level - 1)
    told = {"why": REASONS[0], "places": None, "serves": None, "toward": PICTURES[0], "pictures": PICTURES[:num], **more}
    times = tuple(range(stride, stride * (num + 1), stride))
    return Storey(level=level, stride=stride, times=times, num=num, chosen=chosen if level > 1 else None, **told)


def words(svg: str) -> list[str]:
    return [text.text for text in ElementTree.fromstring(svg).iter("text") if text.text]


def test_every_level_is_a_row_and_what_is_gone_for_is_marked():
    svg = tree([storey(3), storey(2, chosen=3), storey(1)], PICTURES[1])
    told, root = words(svg), ElementTree.fromstring(svg)
    assert [text for text in told if text.startswith("level")] == ["level 3", "level 2", "level 1"]
    assert told.count("now") == told.count("goes for") == 3 and told.count(REASONS[0]) == 3
    # One ring around what each of the upper levels has chosen, and one around what each level goes for.
    assert sum(part.get("class") == "ring" for part in root.iter("rect")) == 2 + 3
    assert len(list(root.iter("polygon"))) == 2 and len(list(root.iter("image"))) == 3 * (5 + 2)


def test_a_level_that_does_not_help_is_pale_and_passed_by():
    root = ElementTree.fromstring(tree([storey(3), storey(2, chosen=None), storey(1)], PICTURES[1]))
    rows = [float(part.get("opacity")) for part in root.iter("g")]
    assert rows[0] == rows[2] == 1 and rows[1] < 1
    (funnel,) = root.iter("polygon")
    ends = [float(pair.split(",")[1]) for pair in funnel.get("points").split()]
    one_row = ElementTree.fromstring(tree([storey(3), storey(1)], PICTURES[1])).find("polygon").get("points")
    assert max(ends) > max(float(pair.split(",")[1]) for pair in one_row.split())


def test_of_many_states_the_last_and_the_chosen_one_are_drawn():
    told = words(tree([storey(2, num=12, chosen=4)], None))
    times = [int(text) for text in told if text.startswith("+")]
    assert times[-1] == 48 and 20 in times and len(times) == 8 and times == sorted(times)


def test_what_nobody_can_draw_is_a_dot():
    root = ElementTree.fromstring(tree([storey(2, pictures=None, toward=None)], None))
    assert not list(root.iter("image")) and len(list(root.iter("circle"))) == 7


def test_states_of_a_plan_that_is_older_may_have_been_passed():
    told = replace(storey(2), times=(-1, 3, 7, 11, 15))
    assert "passed" in words(tree([told], None)) and "+3" in words(tree([told], None))


def test_what_a_critic_knows_to_lie_on_the_way_has_no_clock():
    told = words(tree([replace(storey(2, num=1, chosen=0), stride=None, times=()), storey(1)], PICTURES[0]))
    assert "on the way" in told and "of time knows" in told and told.count("one step is") == 1


def test_a_drawing_of_its_own_is_a_whole_file():
    ElementTree.fromstring(standalone(tree([storey(2), storey(1)], PICTURES[0]), ".tree { color: red }"))


class Straight(AbstractTimeToGo):
    """Says that a latent's unit is ten steps."""

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("slack", torch.zeros(()))

    def forward(self, here, there):
        return 10 * (here - there).norm(dim=-1)


@pytest.fixture(scope="module")
def found(rooms):
    return find(rooms.sources, rooms.result, seed=0, decoder=QUICK, progress=lambda *_: None)


@pytest.fixture(scope="module")
def taught(rooms):
    """The run as if it had a critic of time."""
    sources = rooms.sources
    agent = sources.agent
    knowledge = Knowledge(**{**vars(agent.knowledge), "times": {"straight": Straight()}})
    return replace(sources, agent=type(agent)(knowledge, agent.settings, seed=0))


@pytest.fixture(scope="module")
def with_aims(taught, found):
    """The first attempt, as if two levels had planned for it: their subgoals are states that it came through."""
    episode = found.attempts.episodes[0]
    beliefs = latents_of(taught.agent.world_model, taught.world.observe(episode.states))
    middle = aim_of(1, beliefs=beliefs[None, 1:5], step=(2,), above=aim_of(1, beliefs=beliefs[None, -3:], step=(1,)))
    near = replace(middle, helps=torch.tensor([False]), plan=replace(middle.plan, aim=replace(middle.plan.aim, helps=torch.tensor([False]))))
    plans = [replace(plan, aim=near if plan.time else middle) for plan in episode.plans]
    return replace(episode, plans=tuple(plans)), beliefs


def test_what_is_gone_for_is_that_of_the_lowest_level_that_helps(with_aims):
    episode, beliefs = with_aims
    assert torch.equal(lowest_subgoal(episode.plans[0].aim), beliefs[3])
    without = replace(episode.plans[0].aim, helps=torch.tensor([False]))
    assert torch.equal(lowest_subgoal(without), beliefs[-2])
    assert lowest_subgoal(None) is None and lowest_subgoal(episode.plans[-1].aim) is None
    later = next(plan.time for plan in episode.plans if plan.time)
    told = episode.goes_for
    assert len(told) == episode.num_steps and torch.equal(told[0], beliefs[3]) and told[later] is None


@pytest.fixture(scope="module")
def far(taught, with_aims, found):
    sources, (episode, _) = taught, with_aims
    imagery = imagery_for(sources.agent.world_model.spaces.observation, sources.world, sources.held_out)
    codec = train_decoder(sources.agent.world_model, sources.training, imagery.target, seed=0, config=QUICK)
    gallery = gallery_of(sources.agent.world_model, sources.training, seed=0, num_frames=300)
    beholder = beholder_of(sources, gallery, codec, imagery, episode)
    return gallery, replace(beholder, levels=(level_of(4, 4, 2), level_of(16, 4, 4)))


def test_upper_levels_show_frames_of_the_logs_and_where_they_were(with_aims, far, rooms):
    (episode, _), (gallery, beholder) = with_aims, far
    goal = rooms.sources.world.observe(episode.goal)[0]
    storeys = beholder.storeys(episode.plans[0].latents, episode.plans[0].aim, goal)
    assert [one.level for one in storeys] == [3, 2, 1] and [one.serves for one in storeys] == [None, 3, 2]
    assert storeys[0].times == (16, 32, 48) and storeys[1].times == (4, 8, 12, 16) and storeys[2].times == (1, 2, 3, 4, 5)
    frames = {frame.tobytes() for frame in gallery.observations(np.arange(300))}
    assert all(picture.tobytes() in frames for one in storeys[:2] for picture in one.pictures)
    np.testing.assert_array_equal(storeys[0].toward, goal)
    np.testing.assert_array_equal(storeys[1].toward, storeys[0].pictures[1])
    truth = episode.states["position"]
    away = np.linalg.norm(storeys[1].places - truth[1:5], axis=1).mean()
    assert away < 0.5 * np.linalg.norm(truth[1:5].mean(axis=0) - gallery.positions, axis=1).mean(), "no farther than any frame of the logs"


def test_the_strip_and_the_film_show_what_is_gone_for(with_aims, far, found):
    (episode, _), (_, beholder) = with_aims, far
    footage = found.attempts.footage
    gone_for = beholder.gone_for((*episode.goes_for, episode.goes_for[-1]), footage.goal)
    assert gone_for.shape == (episode.num_steps + 1, *footage.goal.shape)
    assert not np.array_equal(gone_for[0], footage.goal) and np.array_equal(gone_for[-1], footage.goal)
    wider = replace(footage, gone_for=gone_for)
    assert film(wider)[0].shape[2] > film(footage)[0].shape[2]
    assert filmstrip(wider).count('class="aim"') > 0 == filmstrip(footage).count('class="aim"')


def test_the_sections_hold_the_tree_the_map_and_the_times(taught, with_aims, found):
    episode, _ = with_aims
    attempts = replace(found.attempts, episodes=(episode, *found.attempts.episodes[1:]))
    evaluation = {"conduct": {"helped": {"2": 0.25}}}
    one = RecordedPlan(0, episode.plans[0].latents, 1.0, None)
    flat = find_far_goals(taught, replace(episode, plans=(one,)), found.attempts.footage.goal, None, None, seed=0)
    text = "".join(section.html() for section in far_goals(taught, flat, attempts, evaluation))
    assert "How long it takes" in text and "straight" in text and "goes by none" in text and "level by level" not in text
    assert Outline(text).open == []
    (highest,) = re.findall(r"<span>(\d+) steps</span>", text)
    assert int(highest) == round(np.nanmax(flat.times["straight"].energies))


def test_a_run_without_levels_and_critics_has_no_such_section(rooms, found):
    assert find_far_goals(rooms.sources, found.attempts.episodes[0], None, None, None, seed=0) is None and found.far is None


LINE = {"phase": "a", "loss": 1.0, "prediction": 1.0, "latent_size": 8, "relative_error": 0.4, "effective_rank": 6}
LINE |= {"mean_deviation": 1, "least_deviation": 1}


def test_how_each_level_learned_is_drawn(rooms, tmp_path):
    run = type(rooms.run)(tmp_path)
    assert levels_health(run) == {}
    (tmp_path / "levels").mkdir()
    for level in (2, 3):
        lines = "".join(json.dumps({**LINE, "step": step}) + "\n" for step in (1, 2)) + '{"step": 3'
        (tmp_path / "levels" / f"{level}.jsonl").write_text(lines)
    assert {level: len(lines) for level, lines in levels_health(run).items()} == {2: 2, 3: 2}


def moment(*levels) -> dict:
    told = [{"level": 2 + place, "helps": helps, "why": REASONS[0], "subgoal": 1, "of": 4, "age": 0} for place, helps in enumerate(levels)]
    flat = dict.fromkeys(("disagreement", "guardrail", "guardrail_value", "fallback", "surprise", "remembered", "recalled"))
    return {**flat, "mode": "plan", "why": "always", "decided": True, "best": 0.0, "mean": 0.5, "worst": 1.0, "levels": told or None}


def test_each_level_has_a_lane_under_the_film():
    text = feelings_strip([moment(True, False)] * 3 + [moment(False, False)] * 3)
    assert ">level 2<" in text and ">level 3<" in text and text.count(f"left out: {REASONS[0]}</title>") == 2
    assert "level" not in feelings_strip([moment()] * 3)
