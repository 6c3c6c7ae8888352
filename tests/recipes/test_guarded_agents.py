"""An agent of a run keeps the guardrails of the run, unless told otherwise in so many words."""

from dataclasses import replace

import pytest
import tiny_runs
import torch
from safetensors.torch import load_file

from telos.agent.guardrails import Calibration, Disc, Guardrail, Hold, KeepOut, save_guardrails, tie_of
from telos.agent.readouts import PerceptronReadoutConfig
from telos.agent.readouts.description import ReadoutDescription
from telos.core.errors import GuardrailError, RunError, TelosError
from telos.core.readouts import Fidelity
from telos.core.taught import save_taught
from telos.core.weights import fingerprint, save_weights
from telos.recipes.experiment import load_agent, load_world_model, train

PILLAR = Guardrail(name="pillar", requirement=KeepOut(quantity="position", region=Disc(center=(0.5, 0.5), radius=0.1)), fallback=Hold())


@pytest.fixture
def run(stores, tmp_path):
    """A run that has learned to read positions, more or less."""
    run = train(stores["vector"].path, tmp_path / "run", recipe=tiny_runs.tiny)
    teach(run, seed=0)
    return run


def teach(run, seed):
    model = load_world_model(run)
    torch.manual_seed(seed)
    belief = model.observe(None, None, torch.zeros(1, *model.spaces.observation.shape)).belief.shape[1]
    about = ReadoutDescription(
        kind=PerceptronReadoutConfig(widths=(8,)),
        name="position",
        unit="arena widths",
        size=2,
        belief_size=belief,
        fidelity=Fidelity(error=0.1, floor=0.3, untrained=0.3),
    )
    save_taught(run.path / "readouts" / "position", about, about.build(), tie=fingerprint(model))


def test_guardrails_of_the_run_are_in_force_unless_none_are_asked_for(run):
    assert load_agent(run).guardrails == ()
    save_guardrails(run.path / "guardrails.json", (PILLAR,))
    assert load_agent(run).guardrails == (PILLAR,)
    assert load_agent(run, guardrails=()).guardrails == ()
    other = replace(PILLAR, name="other")
    assert load_agent(run, guardrails=(other,)).guardrails == (other,)


def test_a_damaged_file_of_guardrails_stops_the_agent(run):
    (run.path / "guardrails.json").write_text("{")
    with pytest.raises(RunError, match="guardrails"):
        load_agent(run)


def test_a_readout_that_was_exchanged_is_noticed_by_its_calibration_and_by_a_pinned_fingerprint(run):
    agent = load_agent(run, guardrails=(PILLAR,))
    found = Calibration(
        alpha=0.01, confidence=0.95, episodes=300, violations=0, closed_loop=True, tried=(0.0,), tie=tie_of(agent.knowledge, PILLAR, agent.settings)
    )
    save_guardrails(run.path / "guardrails.json", (replace(PILLAR, calibration=found),))
    pinned = load_agent(run).fingerprint
    assert load_agent(run, pinned=pinned).guardrails[0].calibration == found
    teach(run, seed=1)
    with pytest.raises(GuardrailError, match="readouts"):
        load_agent(run)
    with pytest.raises(GuardrailError, match="pinned"):
        load_agent(run, guardrails=(PILLAR,), pinned=pinned)


def test_a_weight_file_that_was_exchanged_is_noticed(run):
    pinned = load_agent(run, guardrails=(PILLAR,)).fingerprint
    model = load_world_model(run)
    with torch.no_grad():
        next(model.parameters()).add_(0.01)
    save_weights(run.weights_file, model)
    assert load_file(run.weights_file)
    with pytest.raises(TelosError):
        load_agent(run, guardrails=(PILLAR,), pinned=pinned)
    teach(run, seed=0)
    with pytest.raises(GuardrailError, match="pinned"):
        load_agent(run, guardrails=(PILLAR,), pinned=pinned)


def test_guardrails_taken_out_of_the_folder_are_missed_by_whoever_pinned_them(run):
    save_guardrails(run.path / "guardrails.json", (PILLAR,))
    pinned = load_agent(run).fingerprint
    (run.path / "guardrails.json").unlink()
    with pytest.raises(GuardrailError, match="pinned"):
        load_agent(run, pinned=pinned)
