import copy
import pickle

import pytest
import torch

from telos.agent.perception import EncoderConfig
from telos.agent.world_model import JEPAConfig, TransformerPredictorConfig
from telos.agent.world_model.unrolling import SPAN
from telos.core.contracts import AbstractPredictor
from telos.core.errors import ConfigError
from telos.core.spaces import Spaces, VectorSpace
from telos.testing import check_predictor, check_world_model

LATENT, SCENERY, ACTION, HORIZON = 12, 3, 2, 7
KINDS = {
    "torch-world": {},
    "official": {"inner_norm": True, "query_bias": False, "width": 20, "action_embedding": 9, "action_width": 5, "epsilon": 1e-5},
    "layer norm in the head": {"output_norm": "layer"},
    "no head": {"output_hidden": 0},
}


def config(history: int = 3, **changes) -> TransformerPredictorConfig:
    return TransformerPredictorConfig(
        **{"history": history, "depth": 2, "num_heads": 3, "head_size": 8, "hidden": 32, "output_hidden": 24, **changes}
    )


def built(made: TransformerPredictorConfig, dtype=torch.float64):
    """A predictor in which every weight matters, gates and statistics too."""
    torch.manual_seed(0)
    predictor = made.build(latent_size=LATENT, scenery_size=SCENERY, action_size=ACTION).eval()
    with torch.no_grad():
        for weight in predictor.parameters():
            weight.normal_(std=0.3)
        for constant in predictor.buffers():
            if constant.is_floating_point():
                constant.uniform_(0.5, 1.5)
    return predictor.to(dtype)


def starts(predictor, num_before: int, batch: int = 4, seed: int = 1):
    """Latent, hidden state and scenery after `num_before` frames."""
    dtype = predictor.positions.dtype
    generator = torch.Generator().manual_seed(seed)

    def draw(*shape):
        return torch.randn(*shape, generator=generator, dtype=dtype)

    latent, hidden, scenery = draw(batch, LATENT), torch.zeros(batch, predictor.hidden_size, dtype=dtype), draw(batch, SCENERY)
    for _ in range(num_before):
        hidden = predictor.carry(latent, hidden, scenery, draw(batch, ACTION))
        latent = draw(batch, LATENT)
    return latent, hidden, scenery


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(("history", "num_before"), [(1, 0), (2, 0), (2, 1), (3, 0), (3, 1), (3, 2), (5, 4), (16, 0), (16, 9)])
@torch.no_grad()
def test_a_cached_rollout_is_one_step_after_the_other(history, num_before, kind):
    predictor = built(config(history, **KINDS[kind]))
    latent, hidden, scenery = starts(predictor, num_before)
    actions = torch.randn(12, HORIZON, ACTION, dtype=torch.float64, generator=torch.Generator().manual_seed(2))
    latents, hiddens, _ = predictor.unroll(latent, hidden, scenery, actions)
    expected, (carried,), _ = AbstractPredictor.unroll(predictor, latent, hidden, scenery, actions)
    torch.testing.assert_close(latents, expected, atol=1e-12, rtol=1e-12)
    if history > 1:
        torch.testing.assert_close(torch.cat(hiddens, dim=-1), carried, atol=1e-12, rtol=1e-12)


@torch.no_grad()
def test_single_precision_and_fast_products_change_no_more_than_rounding():
    predictor = built(config(3, hidden=256, head_size=64, output_hidden=256))
    latent, hidden, scenery = starts(predictor, 2)
    actions = torch.randn(400, HORIZON, ACTION, dtype=torch.float64)
    exact, *_ = predictor.unroll(latent, hidden, scenery, actions)
    single, *_ = predictor.float().unroll(latent.float(), hidden.float(), scenery.float(), actions.float())
    assert (single - exact).abs().max() < 1e-5 * exact.abs().max()


@torch.no_grad()
def test_starts_with_windows_of_several_lengths_are_imagined_too():
    predictor = built(config(3))
    parts = [starts(predictor, num, batch=1) for num in (0, 1, 2)]
    latent, hidden, scenery = (torch.cat(part) for part in zip(*parts, strict=True))
    actions = torch.randn(3, HORIZON, ACTION, dtype=torch.float64)
    together, *_ = predictor.unroll(latent, hidden, scenery, actions)
    for row, part in enumerate(parts):
        torch.testing.assert_close(predictor.unroll(*part, actions[row : row + 1])[0][0], together[row], atol=1e-12, rtol=1e-12)


@torch.no_grad()
def test_other_starts_and_other_weights_are_never_answered_from_the_cache():
    predictor = built(config(3))
    actions = torch.randn(4, HORIZON, ACTION, dtype=torch.float64)
    first, second = starts(predictor, 2), starts(predictor, 2, seed=5)
    for start in (first, second, first):
        torch.testing.assert_close(predictor.unroll(*start, actions)[0], AbstractPredictor.unroll(predictor, *start, actions)[0])
    first[1].mul_(0.5)
    # The last number of a hidden state says how many frames there are.
    first[1][:, -1] = 2
    torch.testing.assert_close(predictor.unroll(*first, actions)[0], AbstractPredictor.unroll(predictor, *first, actions)[0])
    predictor.blocks[1].fc1.weight.mul_(1.1)
    torch.testing.assert_close(predictor.unroll(*first, actions)[0], AbstractPredictor.unroll(predictor, *first, actions)[0])


def test_gradients_of_a_cached_rollout_are_those_of_steps():
    predictor = built(config(3))
    latent, hidden, scenery = starts(predictor, 1)
    actions = torch.randn(8, HORIZON, ACTION, dtype=torch.float64).requires_grad_()
    wanted = (actions, *predictor.parameters())
    found = torch.autograd.grad(predictor.unroll(latent, hidden, scenery, actions)[0].square().sum(), wanted)
    expected = torch.autograd.grad(AbstractPredictor.unroll(predictor, latent, hidden, scenery, actions)[0].square().sum(), wanted)
    for one, other in zip(found, expected, strict=True):
        torch.testing.assert_close(one, other, atol=1e-9, rtol=1e-9)


@pytest.mark.parametrize("history", [1, 2, 3, 6])
@torch.no_grad()
def test_foresight_in_one_pass_is_a_step_from_every_frame(history):
    predictor = built(config(history))
    latents, actions = torch.randn(3, 6, LATENT).double(), torch.randn(3, 6, ACTION).double()
    scenery, hidden = torch.randn(3, SCENERY).double(), torch.zeros(3, predictor.hidden_size).double()
    hiddens, expected = [], []
    for time in range(6):
        hiddens.append(hidden)
        ahead, hidden = predictor(latents[:, time], hidden, scenery, actions[:, time])
        expected.append(ahead)
    found = predictor.foresee(latents, torch.stack(hiddens, dim=1), scenery, actions)
    torch.testing.assert_close(found, torch.stack(expected, dim=1), atol=1e-12, rtol=1e-12)


@pytest.mark.parametrize(("history", "num_before"), [(1, 0), (3, 2), (16, 0), (16, 15)])
@torch.no_grad()
def test_a_long_cached_rollout_is_one_step_after_the_other(history, num_before):
    """Longer than what is computed at once of the actions."""
    predictor = built(config(history))
    actions = torch.randn(8, 2 * SPAN + 5, ACTION).double()
    found = predictor.unroll(*starts(predictor, num_before), actions)[0]
    torch.testing.assert_close(found, AbstractPredictor.unroll(predictor, *starts(predictor, num_before), actions)[0], atol=1e-9, rtol=1e-9)


@pytest.mark.parametrize("kind", KINDS)
def test_a_rollout_after_a_step_of_learning_is_that_of_the_new_weights(kind):
    """Optimizers in one pass change weights without a word to whoever counts versions."""
    predictor = built(config(3, **KINDS[kind]), torch.float32)
    latent, hidden, scenery = starts(predictor, 2)
    actions = torch.randn(4, HORIZON, ACTION)
    optimizer = torch.optim.AdamW(predictor.parameters(), lr=0.1, fused=True)
    with torch.no_grad():
        predictor.unroll(latent, hidden, scenery, actions)
    predictor.train()
    predictor.unroll(latent, hidden, scenery, actions)[0].square().sum().backward()
    optimizer.step()
    predictor.eval()
    with torch.no_grad():
        found = predictor.unroll(latent, hidden, scenery, actions)[0]
        assert torch.equal(found, copy.deepcopy(predictor).unroll(latent, hidden, scenery, actions)[0])


@pytest.mark.parametrize("history", [3, 8])
def test_rollouts_run_in_inference_mode_and_with_half_the_digits(history):
    predictor = built(config(history, head_size=32), torch.float32)
    actions = torch.randn(400, HORIZON, ACTION)
    with torch.no_grad():
        expected = predictor.unroll(*starts(predictor, 0, batch=1), actions)[0]
        with torch.autocast("cpu", torch.bfloat16):
            rough = predictor.unroll(*starts(predictor, 0, batch=1), actions)[0]
    torch.testing.assert_close(rough.float(), expected, atol=0.1 * float(expected.abs().max()), rtol=0)
    with torch.inference_mode():
        for _ in range(2):
            torch.testing.assert_close(predictor.unroll(*starts(predictor, 0, batch=1), actions)[0], expected)


def test_what_is_cached_is_no_part_of_a_copy():
    predictor = built(config(3), torch.float32)
    latent, hidden, scenery = starts(predictor, 2)
    actions = torch.randn(4, HORIZON, ACTION)
    with torch.no_grad():
        before = predictor.unroll(latent, hidden, scenery, actions)[0]
        for twin in (copy.deepcopy(predictor), pickle.loads(pickle.dumps(predictor))):
            assert twin._unrolling is None
            assert torch.equal(twin.unroll(latent, hidden, scenery, actions)[0], before)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("history", [1, 3])
def test_predictor_keeps_its_promises(history, kind):
    check_predictor(config(history, **KINDS[kind]))


@pytest.mark.parametrize("scenery", [0, 3])
def test_a_world_model_with_it_keeps_its_promises(scenery):
    torch.manual_seed(0)
    spaces = Spaces(VectorSpace(4), VectorSpace(2, (-1, -1), (1, 1)))
    model = JEPAConfig(encoder=EncoderConfig(), predictor=config(3), latent_size=8, scenery_size=scenery).build(spaces)
    for block in model.predictor.blocks:
        torch.nn.init.normal_(block.modulation.weight, std=0.1)
    check_world_model(model)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"history": 17}, "history of 17"),
        ({"depth": 0}, "depth = 0"),
        ({"width": -1}, "width = -1"),
        ({"output_norm": "group"}, "output_norm = 'group'"),
    ],
)
def test_sizes_that_make_no_sense_are_refused(change, message):
    with pytest.raises(ConfigError, match=message):
        config(**change)
