import pytest
import torch
from torch.nn import functional

from telos.core.layers import Linear
from telos.core.learned_products import learned_product
from telos.core.products import WORTH, product

pytestmark = pytest.mark.skipif(not torch.backends.mkldnn.is_available(), reason="this torch was built without oneDNN")
SHAPES = [((700,), 96, 384), ((700,), 384, 96), ((4, 65), 128, 128), ((2, 3, 50), 20, 300)]


def parts(lead: tuple[int, ...], size_in: int, size_out: int) -> list[torch.Tensor]:
    """Value, weight and bias, and last the gradient that comes back."""
    rng = torch.Generator().manual_seed(0)
    leaves = [torch.randn(*shape, generator=rng).requires_grad_() for shape in ((*lead, size_in), (size_out, size_in), (size_out,))]
    return [*leaves, torch.randn(*lead, size_out, generator=rng)]


def assert_close(ours, theirs) -> None:
    for left, right in zip(ours, theirs, strict=True):
        assert (left - right).abs().max() <= 1e-5 * right.abs().max()


@pytest.mark.parametrize(("lead", "size_in", "size_out"), SHAPES, ids=str)
def test_value_and_gradients_are_those_of_the_plain_product(lead, size_in, size_out):
    value, weight, bias, gradient = parts(lead, size_in, size_out)
    ours, theirs = product(value, weight, bias), functional.linear(value, weight, bias)
    assert type(ours.grad_fn).__name__ == "_LearnedProductBackward"
    assert_close([ours], [theirs])
    assert_close(torch.autograd.grad(ours, [value, weight, bias], gradient), torch.autograd.grad(theirs, [value, weight, bias], gradient))


@pytest.mark.parametrize("activation", ["silu", "gelu"])
def test_the_same_holds_with_an_activation_behind_it(activation):
    value, weight, bias, gradient = parts(*SHAPES[0])
    plain = getattr(functional, activation)(functional.linear(value, weight, bias))
    ours = product(value, weight, bias, activation)
    assert_close(torch.autograd.grad(ours, [value, weight, bias], gradient), torch.autograd.grad(plain, [value, weight, bias], gradient))


def test_operands_that_do_not_lie_in_order_are_read_right():
    rng = torch.Generator().manual_seed(0)
    value, weight = (torch.randn(*shape, generator=rng).t().requires_grad_() for shape in ((20, 50), (20, 7)))
    gradient = torch.ones(1, 1).expand(50, 7)
    ours, theirs = (torch.autograd.grad(make(value, weight, None), [value, weight], gradient) for make in (learned_product, functional.linear))
    assert_close(ours, theirs)


def test_a_gradient_can_be_differentiated_again():
    value, weight, _, _ = parts((50,), 6, 9)

    def curvature(make) -> tuple[torch.Tensor, ...]:
        slope = torch.autograd.grad(make(value, weight, None).square().sum(), value, create_graph=True)[0]
        return torch.autograd.grad(slope.square().sum(), [value, weight])

    assert_close(curvature(learned_product), curvature(functional.linear))


@pytest.mark.parametrize("dtype", [torch.float64, torch.bfloat16], ids=str)
def test_other_digits_than_32_bits_go_the_plain_way(dtype):
    value, weight, bias, _ = (part.detach().to(dtype).requires_grad_() for part in parts(*SHAPES[0]))
    assert torch.equal(product(value, weight, bias), functional.linear(value, weight, bias))
    assert type(product(value, weight, bias).grad_fn).__name__ == "AddmmBackward0"


def test_autocast_has_its_say():
    value, weight, bias, _ = parts(*SHAPES[0])
    with torch.autocast("cpu", dtype=torch.bfloat16):
        assert product(value, weight, bias).dtype == torch.bfloat16


def test_a_product_too_small_to_gain_goes_the_plain_way():
    value, weight, bias, _ = parts((4,), 16, 16)
    assert value.numel() * len(weight) < WORTH
    assert type(product(value, weight, bias).grad_fn).__name__ == "AddmmBackward0"


def test_a_captured_graph_holds_the_plain_product():
    layer, value = Linear(96, 384), torch.randn(700, 96)
    program = torch.export.export(layer, (value,))
    assert {str(node.target) for node in program.graph.nodes if node.op == "call_function"} == {"aten.linear.default"}
