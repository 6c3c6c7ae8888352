from itertools import pairwise

import pytest
import tiny_runs

from telos.cli.worlds import held_out_logs
from telos.core.errors import DataError, RunError
from telos.data import Episodes, split
from telos.recipes.experiment import load_world_model, make_fabric
from telos.recipes.subsets import nested_subset, train_subset


@pytest.fixture(scope="module")
def logs(tmp_path_factory):
    return Episodes.open(tiny_runs.walk_logs(tmp_path_factory.mktemp("subsets") / "logs", tiny_runs.DISCRETE, episodes=30))


def test_larger_parts_contain_smaller_ones_and_other_seeds_draw_others(logs):
    chosen = [set(nested_subset(logs, num, seed=1).indices) for num in (3, 9, 20, 30)]
    assert [len(part) for part in chosen] == [3, 9, 20, 30]
    assert all(small < large for small, large in pairwise(chosen))
    assert set(nested_subset(logs, 9, seed=2).indices) != chosen[1]


@pytest.mark.parametrize("num", [0, 31])
def test_more_than_there_are_cannot_be_taken(logs, num):
    with pytest.raises(DataError, match=f"{num} episodes cannot be taken from 30"):
        nested_subset(logs, num, seed=0)


def test_every_part_is_judged_on_the_same_episodes_and_never_trained_on_them(logs, tmp_path):
    recipe, fabric = tiny_runs.tiny(logs), make_fabric()
    _, fixed = split(logs, held_out=0.2, seed=0)
    for num, seed in ((6, 0), (24, 3)):
        run = train_subset(logs, tmp_path / f"{num}", recipe=recipe, num_episodes=num, seed=seed, held_out=0.2, fabric=fabric)
        assert held_out_logs(run).fingerprint == fixed.fingerprint
        assert run.description["subset"] == {"episodes": num, "steps": 10 * num, "seed": seed}
        assert load_world_model(run).latent_size == 8


def test_a_finished_part_is_not_trained_again_and_another_is_not_mistaken_for_it(logs, tmp_path):
    about = {"recipe": tiny_runs.tiny(logs), "num_episodes": 6, "seed": 0, "fabric": make_fabric()}
    run = train_subset(logs, tmp_path / "run", held_out=0.2, **about)
    before = run.weights_file.stat().st_mtime_ns
    assert train_subset(logs, tmp_path / "run", held_out=0.2, **about).weights_file.stat().st_mtime_ns == before
    with pytest.raises(RunError, match="another held out"):
        train_subset(logs, tmp_path / "run", held_out=0.3, **about)
