"""What is asked next: what teaches most, and nothing twice."""

import numpy as np
import torch

from telos.teaching.ratings.choosing import random_pair, shared_information, telling_pair


def _ensemble(clips=30, members=64, seed=0):
    return torch.randn(clips, members, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def test_an_answer_that_all_members_know_says_nothing():
    known = torch.full((1, 64), 3.0, dtype=torch.float64)
    assert shared_information(known, _ensemble()).abs().max() < 1e-9


def test_no_answer_says_more_than_one_bit_and_the_same_question_says_most():
    logits = 20 * _ensemble(10)
    information = shared_information(logits, logits)
    assert information.max() <= np.log(2) + 1e-6 and information.min() > -1e-9
    assert (information.argmax(dim=1) == torch.arange(10)).all()


def test_information_is_mutual():
    first, second = _ensemble(5, seed=1), _ensemble(7, seed=2)
    assert torch.allclose(shared_information(first, second), shared_information(second, first).T)


def test_asked_is_where_members_differ():
    logits = torch.zeros(20, 64, dtype=torch.float64)
    logits[3] = 6 * torch.randn(64, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    assert 3 in telling_pair(logits, np.random.default_rng(0), [])


def test_no_pair_is_asked_twice_while_there_are_others():
    rng, asked = np.random.default_rng(0), []
    logits = _ensemble(5)
    for _ in range(10):
        pair = telling_pair(logits, rng, asked) if len(asked) % 2 else random_pair(rng, 5, asked)
        assert pair[0] != pair[1] and frozenset(pair) not in {frozenset(other) for other in asked}
        asked.append(pair)
    assert len({random_pair(rng, 5, asked) for _ in range(20)}) > 1
