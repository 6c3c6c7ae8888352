"""Every flaw is found in the episode that has it, and sound logs are left in peace."""

import json

import numpy as np
import pytest
from flawed_logs import CAMERA, NUMBERS, wander

from telos.core.errors import DamagedStoreError, DataError
from telos.core.run import plain
from telos.core.spaces import DiscreteSpace, Spaces, VectorSpace
from telos.data import EpisodeWriter
from telos.data.survey.survey import survey_store


def kinds(survey) -> dict[str, tuple[int, ...]]:
    return {finding.kind: finding.episodes for finding in survey.findings}


def short(index, episode):
    if index == 7:
        episode.update(places=episode["places"][:4], pushes=episode["pushes"][:3], clock=episode["clock"][:4])


def jumpy(index, episode):
    if index == 11:
        episode["places"][12:] = -np.sign(episode["places"][11]) * 5


def frozen(index, episode):
    if index == 13:
        episode["places"][5:17] = episode["places"][5]


def dark(index, episode):
    if index == 17 and "camera" in episode:
        episode["camera"] = np.zeros_like(episode["camera"])


def bright(index, episode):
    if index == 19 and "camera" in episode:
        episode["camera"] = episode["camera"] // 2 + 120


def late(index, episode):
    if index == 23:
        episode["clock"] = 0.1 * np.arange(21) + 0.5 * (np.arange(21) > 9)


def backwards(index, episode):
    if index == 5:
        episode["clock"] = 0.1 * np.arange(21)[::-1]


def timid(index, episode):
    if index == 3:
        episode["pushes"] = 0.001 * episode["pushes"]


@pytest.mark.parametrize("spaces", [NUMBERS, CAMERA], ids=["numbers", "camera"])
def test_sound_logs_are_left_in_peace(tmp_path, spaces):
    wander(tmp_path / "logs", spaces)
    assert survey_store(tmp_path / "logs").findings == ()


@pytest.mark.parametrize(
    ("flaw", "spaces", "kind", "episode", "words"),
    [
        (short, NUMBERS, "length", 7, "episode 7 (3)"),
        (jumpy, NUMBERS, "jump", 11, "at step 11)"),
        (frozen, NUMBERS, "still", 13, "episode 13 (11, at step 5)"),
        (frozen, CAMERA, "still", 13, "episode 13 (11, at step 5)"),
        (dark, CAMERA, "brightness", 17, "episode 17 (0)"),
        (bright, CAMERA, "brightness", 19, "episode 19 (1"),
        (late, NUMBERS, "gap", 23, "(usual: 0.1 s), episode 23 (0.6, at step 9) stands apart."),
        (backwards, NUMBERS, "backwards", 5, "episode 5 (-0.1"),
        (timid, NUMBERS, "effort", 3, "episode 3 (0.00"),
    ],
    ids=lambda value: getattr(value, "__name__", None),
)
def test_an_episode_that_looks_wrong_is_named(tmp_path, flaw, spaces, kind, episode, words):
    wander(tmp_path / "logs", spaces, flaw)
    survey = survey_store(tmp_path / "logs")
    found = [finding for finding in survey.findings if finding.kind == kind]
    assert len(found) == 1 and found[0].episodes == (episode,) and words in found[0].says
    named = {index for episodes in kinds(survey).values() for index in episodes}
    assert named == {episode}, "nobody else is suspected"


def test_what_inspection_complains_of_is_told_too(tmp_path):
    wander(tmp_path / "logs", CAMERA, dark)
    assert any("black or empty frames in episode 17" in finding.says for finding in survey_store(tmp_path / "logs").findings)


def test_a_dead_column_is_named(tmp_path):
    spaces = Spaces(VectorSpace(3), VectorSpace(2, (-1.0, -1.0), (1.0, 1.0)))
    rng = np.random.default_rng(0)
    with EpisodeWriter(tmp_path / "logs", spaces) as writer:
        for _ in range(10):
            observations = rng.normal(size=(9, 3))
            observations[:, 1] = 7
            writer.add(observations, rng.uniform(-1, 1, (8, 2)) * [1, 0])
    survey = survey_store(tmp_path / "logs")
    says = " ".join(finding.says for finding in survey.findings)
    assert "1 of the 3 numbers of 'observation' never change" in says and "1 of the 2 numbers of 'action' never change" in says
    assert survey.actions.dead == (1,)


def test_the_same_episode_twice_and_nearly_twice_are_told_apart(tmp_path):
    kept = {}

    def again(index, episode):
        if index == 4:
            kept.update({name: value.copy() for name, value in episode.items()})
        if index == 21:
            episode.update({name: value.copy() for name, value in kept.items()})
        if index == 25:
            episode.update(places=kept["places"] + 0.004, pushes=kept["pushes"])

    wander(tmp_path / "logs", NUMBERS, again)
    survey = survey_store(tmp_path / "logs")
    assert any("an earlier one returns as episode 21" in finding.says for finding in survey.findings)
    (twins,) = (finding for finding in survey.findings if finding.kind == "twins")
    assert "4 and 25" in twins.says and "21 and 25" in twins.says and "4 and 21" not in twins.says


def test_a_choice_that_is_never_made_is_named(tmp_path):
    rng = np.random.default_rng(0)
    with EpisodeWriter(tmp_path / "logs", Spaces(VectorSpace(2), DiscreteSpace(4))) as writer:
        for _ in range(10):
            writer.add(rng.normal(size=(9, 2)), rng.integers(3, size=(8, 1)))
    assert any("Never chosen: 3 of 4 choices." in finding.says for finding in survey_store(tmp_path / "logs").findings)


def test_the_same_store_is_told_the_same_and_as_json(tmp_path):
    wander(tmp_path / "logs", CAMERA, jumpy)
    first, again = (plain(survey_store(tmp_path / "logs").to_json()) for _ in range(2))
    assert first == again == json.loads(json.dumps(first, allow_nan=False))
    assert {"episodes", "columns", "problems", "actions", "visited", "near_duplicates", "statistics", "findings"} <= set(first)


def test_progress_is_told_and_damage_is_refused(tmp_path):
    wander(tmp_path / "logs")
    seen = []
    survey_store(tmp_path / "logs", progress=lambda stage, done, total: seen.append((stage, done / total)))
    assert seen[0] == ("inspect", 0) and seen[-1] == ("episodes", 1)
    (file,) = (tmp_path / "logs").glob("*-action.bin")
    file.write_bytes(b"")
    with pytest.raises(DamagedStoreError, match=file.name):
        survey_store(tmp_path / "logs")
    with pytest.raises(DataError, match="There is no store"):
        survey_store(tmp_path / "nowhere")


@pytest.mark.parametrize("episodes", [1, 2, 7])
def test_a_handful_of_episodes_is_surveyed_without_calling_any_of_them_odd(tmp_path, episodes):
    wander(tmp_path / "logs", NUMBERS, short, episodes=episodes)
    assert not set(kinds(survey_store(tmp_path / "logs"))) - {"twins"}
