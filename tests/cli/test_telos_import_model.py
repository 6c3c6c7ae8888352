import pytest
import tiny_lewm
import torch
from verbs import fine, refusal


@pytest.fixture
def file(tmp_path):
    torch.save(tiny_lewm.weights("torch_world"), tmp_path / "weights.pt")
    return tmp_path / "weights.pt"


def test_weights_of_others_become_a_run_that_is_evaluated_and_exported(file, folders, tmp_path):
    told = fine("import-model", file, "--data", folders.logs, "--out", tmp_path / "run", *tiny_lewm.FLAGS, "--json").json
    assert told["parameters"]["encoder"] > 1000
    result = fine("evaluate", tmp_path / "run", "--episodes", 4, "--steps", 4, "--planner", "random-shooting", "--json").json
    assert result["episodes"] == 4
    graphs = fine("export", tmp_path / "run", "--out", tmp_path / "graphs", "--planner", "random-shooting", "--json").json["graphs"]
    assert all(graph["difference"] <= 1e-5 for graph in graphs)


def test_weights_that_do_not_fit_the_logs_leave_nothing_behind(file, folders, tmp_path):
    says = refusal("import-model", file, "--data", folders.logs, "--out", tmp_path / "run", "--heads", 2, "--head-size", 6)
    assert "224 x 224" in says
    assert "--resize" in says
    assert not (tmp_path / "run").exists()
