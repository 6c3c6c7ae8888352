"""Go, caution or no-go, question by question: each with its numbers, and the rule written beside it."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

from telos.data.survey.actions import ActionUse
from telos.evaluation.offline.action_recovery import PLANNED, ActionRecovery
from telos.evaluation.offline.foresight import Foresight
from telos.evaluation.offline.inverse import InverseDynamics
from telos.evaluation.offline.latents import Latents
from telos.evaluation.offline.verdict import LEVELS, Level, Verdict, lower_end, percent_interval

FLOOR_NAMES = {"random": "random actions", "zero": "zero action", "mean": "the mean or commonest action", "elsewhere": "what was done elsewhere"}
SURELY_BELOW_1 = 1 - 1e-6
"""A share of 1 but for rounding is 1."""


def actions_show(found: InverseDynamics) -> Verdict:
    """Can the actions be told from the frames?"""
    best, chance = found.best, max(found.shuffled, 0.0)
    # Both measures end at 1; what lies between chance and there is what could be won.
    room = max(1 - chance, 1e-9)
    sure, likely = (lower_end(best) - chance) / room, (best.value - chance) / room
    level: Level = "go" if sure >= 0.5 else "caution" if sure > 0 and likely >= 0.1 else "no-go"
    what = "R²" if found.measure == "R2" else "accuracy"
    says = f"From two neighbouring frames, actions are read with {what} {best}; mixed-up actions give {found.shuffled:.2g}."
    if found.by_number and min(found.by_number) < 0.1 <= max(found.by_number):
        blind = [str(index) for index, share in enumerate(found.by_number) if share < 0.1]
        says += f" Hardly to be seen: number{'s' if len(blind) > 1 else ''} {', '.join(blind)} of the action."
    rule = (
        "go if, surely, half of the way from chance to perfect is covered; no-go below a tenth, or if chance cannot be excluded: what does "
        "not show in "
        "the frames cannot be learned from them. Hidden velocities, delays between camera and log, and mixed-up columns end here."
    )
    return Verdict(name="actions-show", question="Do the actions show in the frames?", level=level, says=says, rule=rule, numbers={"best": best})


def actions_vary(found: InverseDynamics) -> Verdict:
    """Were other actions tried in the same place?"""
    told = found.one_frame
    level: Level = "no-go" if lower_end(told) > 0.99 else "caution" if lower_end(told) > 0.9 else "go"
    what = "R²" if found.measure == "R2" else "accuracy"
    says = f"From the frame before alone, the action is foretold with {what} {told}."
    rule = (
        "caution above 0.9, no-go above 0.99: whoever acts the same in every place never shows what another action would have done, and planning is "
        "the comparison of actions."
    )
    question = "Were different actions tried in the same place?"
    return Verdict(name="actions-vary", question=question, level=level, says=says, rule=rule, numbers={"one_frame": told})


def sees_ahead(found: Foresight, horizon: int) -> Verdict:
    """Is imagination better than claiming that nothing moves?"""
    until, last = found.better_until, min(horizon, found.horizon)
    share = found.of_nothing_moves[last - 1]
    level: Level = "no-go" if until == 0 else "go" if until >= last and share.high <= 0.5 else "caution"
    far = f"{until} step{'' if until == 1 else 's'}" if until else "no step at all"
    says = f'The model is surely better than "nothing moves" for {far} of {found.horizon}; after {last}, its error is {share} of that of the floor'
    says += f", and {found.of_mean_frame[last - 1]} of that of always showing the mean frame."
    rule = (
        f"go if its error stays below half of the floor's up to step {last}, where the planner's view ends; no-go if it is not even better after one."
    )
    question = "Does the model see ahead?"
    return Verdict(name="sees-ahead", question=question, level=level, says=says, rule=rule, numbers={"better_until": until, "share": share})


def hears_actions(found: Foresight, horizon: int) -> Verdict:
    """Does it make a difference to the model which actions it is told?"""
    last = min(horizon, found.horizon)
    # Where everything has come to rest, actions make no difference: the step counts at which they make most.
    share = min(found.of_other_actions[:last], key=lambda part: part.value)
    level: Level = "go" if share.high <= 0.5 else "caution" if share.high < SURELY_BELOW_1 else "no-go"
    says = f"Told what was really done, the model errs {share} times as much as when it is told what was done elsewhere."
    rule = "go up to 0.5; no-go if it may be 1: a model that does not listen to actions cannot choose between them, however well it foretells."
    question = "Does the model listen to the actions?"
    return Verdict(name="hears-actions", question=question, level=level, says=says, rule=rule, numbers={"share": share})


def recovers_actions(found: Sequence[ActionRecovery]) -> Verdict:
    """Are plans nearer to what was done than anybody's guess?"""
    levels = [_recovery_level(part) for part in found]
    best = min(range(len(found)), key=lambda index: (LEVELS.index(levels[index]), found[index].share_of_floor))
    part = found[best]
    name = FLOOR_NAMES[part.best_floor]
    planned, floor = part.contestants[PLANNED].net_error, part.contestants[part.best_floor].net_error
    says = (
        f"Planning between frames {part.gap} step{'' if part.gap == 1 else 's'} apart, the plan's mean action misses what was done by "
        f"{planned} of the "
        f"range; {name}, the best floor, by {floor}. {part.num_pairs} pairs from {part.num_episodes} held-out episodes."
    )
    rule = (
        "go if, at one of the gaps, the plan misses by at most half as much as the best guess without a model; caution if it is surely "
        "nearer than every "
        "guess; no-go otherwise. Farther apart, several ways lead to the same place, so an error there is no proof against the model."
    )
    numbers = {"gap": part.gap, "planned": planned, "floor": floor, "best_floor": part.best_floor, "difference": part.differences[part.best_floor]}
    question = "Do plans do what was done?"
    return Verdict(name="recovers-actions", question=question, level=levels[best], says=says, rule=rule, numbers=numbers)


def _recovery_level(part: ActionRecovery) -> Level:
    if not all(difference.high < 0 for difference in part.differences.values()):
        return "no-go"
    return "go" if part.share_of_floor <= 0.5 else "caution"


def latents_live(found: Latents) -> Verdict:
    """Are the latents healthy?"""
    apart = found.told_apart
    level: Level = (
        "no-go" if found.collapse or lower_end(apart) <= 0.6 else "go" if lower_end(apart) >= min(0.9, found.told_apart_bare - 0.05) else "caution"
    )
    says = (
        found.collapse
        or f"{found.effective_rank:.1f} of {found.latent_size} directions are in use, with a mean deviation of {found.mean_deviation:.2g}."
    )
    says += f" The next frame is nearer than a frame of another episode in {100 * apart.value:.1f} % of cases ({percent_interval(apart)})"
    says += f"; by the bare frames in {100 * found.told_apart_bare:.1f} %."
    rule = (
        "go from 90 % on, or where the bare frames do no better than 5 points more; no-go if it may be below 60 % (50 % is chance), or if "
        "the latents "
        "have collapsed: distances to goals then mean nothing."
    )
    question = "Do the latents tell frames apart?"
    numbers = {"told_apart": apart, "effective_rank": found.effective_rank}
    return Verdict(name="latents-live", question=question, level=level, says=says, rule=rule, numbers=numbers)


def familiar(found: Latents) -> Verdict:
    """Do held-out frames look like those of the training episodes?"""
    share = found.unusual
    level: Level = "no-go" if lower_end(share) > 0.3 else "caution" if lower_end(share) > 0.1 else "go"
    says = f"{100 * share.value:.1f} % of held-out frames ({percent_interval(share)}) lie farther from all training frames than 95 % of those from "
    says += "one another."
    rule = (
        "5 % is expected; caution if it is surely above 10 %, no-go above 30 %: goals and starts that the model never saw the like of are a "
        "matter of "
        "luck. Your own goals should look like the logs too."
    )
    question = "Do new episodes look like those that were trained on?"
    return Verdict(name="familiar", question=question, level=level, says=says, rule=rule, numbers={"unusual": share})


def range_used(found: ActionUse) -> Verdict:
    """Do the actions cover their range?"""
    known = [number.used for number in found.numbers if number.used is not None]
    outside = max((number.outside for number in found.numbers), default=0.0)
    dead, least = len(found.dead), min(known, default=math.nan)
    if found.discrete:
        level: Level = "no-go" if dead >= len(found.numbers) - 1 else "caution" if dead or least < 0.01 else "go"
        says = f"{len(found.numbers) - dead} of {len(found.numbers)} choices were made; the rarest in {100 * least:.1f} % of the steps."
        rule = "go if each is made in 1 % of the steps or more; no-go if only one ever is. What was never tried is not known."
    else:
        level = "no-go" if dead == len(found.numbers) else "caution" if dead or not known or least < 0.5 or outside > 0.01 else "go"
        says = (
            f"Of the range of each action number, at least {100 * least:.0f} % was used."
            if known
            else "The actions have no bounds: nothing can be planned."
        )
        says += f" Never changed: {', '.join(map(str, found.dead))}." if dead else ""
        says += f" {100 * outside:.1f} % of the steps lie outside of the bounds." if outside > 0.01 else ""
        rule = (
            "go if half of every number's range was used, since plans may use all of it; caution below, and where a number never changed; "
            "no-go if none "
            "ever did. Bounds can be narrowed to what was used."
        )
    question = "Do the actions cover their range?"
    return Verdict(name="range-used", question=question, level=level, says=says, rule=rule, numbers={"least": least, "dead": list(found.dead)})


def held_out_counts(num_episodes: int, num_copies: int) -> Verdict:
    """Are there enough held-out episodes, and are they unseen?"""
    level: Level = "no-go" if num_copies or num_episodes < 2 else "go" if num_episodes >= 20 else "caution"
    says = f"{num_episodes} held-out episode{'' if num_episodes == 1 else 's'}"
    says += f", of which {num_copies} also lie among the training episodes." if num_copies else ", none of which is a copy of a training episode."
    rule = (
        "go from 20 on; caution below, where one odd episode weighs much; no-go with a single one, or with copies: figures are then "
        "better than the truth. Log more, or hold out a larger share."
    )
    question = "Are there enough unseen episodes to tell?"
    return Verdict(name="held-out", question=question, level=level, says=says, rule=rule, numbers={"episodes": num_episodes, "copies": num_copies})


def enough_logs(curve: Mapping[str, Any]) -> Verdict:
    """Would more episodes help? From what `telos data curve` found."""
    gain = curve["doubling"]
    levels: dict[str, Level] = {"levelled off": "go", "still falling": "caution", "cannot be told": "caution"}
    rule = "go if doubling the logs would surely lower the error by less than 5 %; caution if it would help, or if the curve does not tell."
    question = "Are there enough logs?"
    return Verdict(name="enough-logs", question=question, level=levels[curve["state"]], says=curve["says"], rule=rule, numbers={"doubling": gain})
