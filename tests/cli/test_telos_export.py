import torch
from verbs import fine, refusal


def test_exports_three_graphs_that_equal_the_model(folders, tmp_path):
    told = fine("export", folders.run, "--out", tmp_path / "graphs", "--json").json
    assert [graph["name"] for graph in told["graphs"]] == ["encoder", "step", "policy"]
    assert all(graph["difference"] <= 1e-5 for graph in told["graphs"])
    policy = torch.export.load(tmp_path / "graphs/policy.pt2").module()
    picture = torch.zeros(1, 16, 16, 3, dtype=torch.uint8)
    assert policy(picture, picture, torch.zeros(told["graphs"][2]["inputs"]["noise"])).shape == (1, 2)


def test_what_cannot_be_exported_leaves_nothing_behind(folders, tmp_path):
    assert "its planner follows gradients" in refusal("export", folders.run, "--out", tmp_path / "graphs", "--planner", "gradient-descent")
    assert not list(tmp_path.iterdir())
    (tmp_path / "thesis").write_text("mine")
    assert "not empty" in refusal("export", folders.run, "--out", tmp_path)
    assert "cannot be written" in refusal("export", folders.run, "--out", tmp_path / "thesis" / "graphs")
