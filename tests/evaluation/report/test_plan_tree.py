from xml.etree import ElementTree

import pytest
from trees import aim_of, level_of, plan_of

from telos.core.errors import ConfigError
from telos.core.readouts import Knowledge
from telos.evaluation.report.gallery import latents_of
from telos.evaluation.report.plan_tree import draw_plan_tree


@pytest.fixture(scope="module")
def agent(rooms):
    """Of the run, as if two levels had been taught."""
    agent = rooms.sources.agent
    return type(agent)(Knowledge(world_model=agent.world_model, levels=(level_of(4, 4, 2), level_of(16, 4, 4))), agent.settings, seed=0)


@pytest.fixture(scope="module")
def plan(rooms, agent):
    latents = latents_of(agent.world_model, rooms.sources.held_out.episode(0).observations)[None]
    above = aim_of(1, beliefs=latents[:, 8:20:4], step=(1,))
    return plan_of(1, latents=latents[:, 1:6], aim=aim_of(1, beliefs=latents[:, 4:16:4], above=above))


def test_every_state_is_drawn_as_a_frame_of_the_logs(rooms, agent, plan, tmp_path):
    logs = rooms.sources.held_out
    frames = logs.episode(0).observations
    storeys = draw_plan_tree(agent, plan, logs, tmp_path / "new" / "tree.svg", now=frames[0], goal=frames[-1])
    assert [len(one.times) for one in storeys] == [3, 3, 5] and all(one.helps for one in storeys)
    text = (tmp_path / "new" / "tree.svg").read_text()
    root = ElementTree.fromstring(text)
    pictures = [part for part in root.iter() if part.tag.endswith("image")]
    assert len(pictures) == 3 * 2 + 3 + 3 + 5 and "http" not in text.replace("http://www.w3.org/2000/svg", "")


def test_trees_are_drawn_as_svg_only(rooms, agent, plan, tmp_path):
    frames = rooms.sources.held_out.episode(0).observations
    with pytest.raises(ConfigError, match=r"ends in \.svg"):
        draw_plan_tree(agent, plan, rooms.sources.held_out, tmp_path / "tree.png", now=frames[0], goal=frames[-1])
