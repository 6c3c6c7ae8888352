"""Plans of which some rows come from elsewhere."""

from dataclasses import replace

import pytest
import torch

from telos.agent.merging import merge_aims, merge_plans
from telos.core.types import Aim, Choice, Feelings, Plan, PlanTrace, Verdict

ROWS = torch.tensor([False, True, False, True])


def plan(num: int, value: float, *, disagreement: bool = True, reasons=("fine", "dear")) -> Plan:
    full = torch.full((num,), value)
    return Plan(
        actions=full[:, None, None].expand(-1, 3, 2),
        energies=full[:, None].expand(-1, 3),
        imagined=full[:, None, None].expand(-1, 3, 4),
        trace=PlanTrace(num_candidates=int(value)),
        verdict=Verdict(full > 0, full > 1, {"pillar": full}, f"print {value}"),
        choice=Choice(full > 1, (full > 1).long(), reasons),
        feelings=Feelings(full, full, full, full if disagreement else None),
    )


def test_rows_are_taken_in_their_order_and_every_part_of_them():
    before, anew = plan(4, 1.0), replace(plan(2, 2.0), energies=torch.tensor([[5.0] * 3, [6.0] * 3]))
    merged = merge_plans(ROWS, before, anew)
    assert merged.energies[:, 0].tolist() == [1, 5, 1, 6]
    for part in (merged.actions[:, 0, 0], merged.imagined[:, 0, 0], merged.verdict.worst["pillar"], merged.feelings.disagreement):
        assert part.tolist() == [1, 2, 1, 2]
    assert merged.verdict.fallback.tolist() == merged.choice.planned.tolist() == ROWS.tolist()
    assert merged.trace == anew.trace and merged.verdict.fingerprint == "print 2.0"
    assert before.energies[:, 0].tolist() == [1] * 4


def test_reasons_of_two_kinds_keep_their_words():
    merged = merge_plans(ROWS, plan(4, 1.0), plan(2, 2.0, reasons=("other", "surprised")))
    assert [merged.choice.reasons[place] for place in merged.choice.reason] == ["fine", "surprised", "fine", "surprised"]


@pytest.mark.parametrize("part", ["verdict", "choice", "feelings"])
def test_what_only_one_of_them_has_is_left_out(part):
    assert getattr(merge_plans(ROWS, replace(plan(4, 1.0), **{part: None}), plan(2, 2.0)), part) is None
    assert getattr(merge_plans(ROWS, plan(4, 1.0), replace(plan(2, 2.0), **{part: None})), part) is None
    assert merge_plans(ROWS, plan(4, 1.0, disagreement=False), plan(2, 2.0)).feelings.disagreement is None


def aim(num: int, value: float, *, above: Aim | None = None, reasons=("far", "near")) -> Aim:
    whole = torch.full((num,), int(value))
    return Aim(
        plan=replace(plan(num, value), verdict=None, choice=None, feelings=None, aim=above),
        subgoals=torch.full((num, 3, 4), value),
        step=whole,
        toward=torch.full((num, 4), value),
        age=whole,
        helps=whole > 1,
        reason=(whole > 1).long(),
        reasons=reasons,
        goal=torch.full((num, 4), value),
    )


def test_what_plans_serve_is_merged_up_to_the_top():
    before = replace(plan(4, 1.0), aim=aim(4, 1.0, above=aim(4, 3.0)))
    anew = replace(plan(2, 2.0), aim=aim(2, 2.0, above=aim(2, 4.0), reasons=("left out", "far")))
    merged = merge_plans(ROWS, before, anew).aim
    assert merged.step.tolist() == merged.age.tolist() == merged.goal[:, 0].tolist() == [1, 2, 1, 2]
    assert merged.plan.actions[:, 0, 0].tolist() == [1, 2, 1, 2]
    assert merged.plan.aim.subgoals[:, 0, 0].tolist() == [3, 4, 3, 4]
    assert [merged.reasons[place] for place in merged.reason] == ["far", "far", "far", "far"]
    assert merge_plans(ROWS, replace(before, aim=None), anew).aim is None


def test_aims_keep_their_own_reasons():
    merged = merge_aims(ROWS, aim(4, 1.0), aim(2, 2.0, reasons=("other", "wide")))
    assert [merged.reasons[place] for place in merged.reason] == ["far", "wide", "far", "wide"]
    assert merged.select(ROWS).step.tolist() == [2, 2]
