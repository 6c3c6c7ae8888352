"""The film in the page: a video with a name above each panel, and what the agent felt below it."""

from telos.evaluation.report.feelings import Moments, feelings_strip, follow
from telos.evaluation.report.film import film, film_times
from telos.evaluation.report.footage import Footage
from telos.evaluation.report.pictures import data_uri, png
from telos.evaluation.report.video import encode_video

PAUSE = "this.paused ? this.play() : this.pause()"


def screen(footage: Footage, labels: tuple[str, ...], moments: Moments = (), *, level: float = 0.0) -> str:
    """The film; it plays by itself, over and over, and a click stops it.

    Args:
        moments: what was felt at each step, for the strip below; none: there is no strip.
        level: p-value below which the agent counts something as a surprise.
    """
    frames, per_second = film(footage)
    content, kind = encode_video(frames, per_second=per_second)
    still = data_uri(png(frames[len(frames) // 3]), "image/png")
    names = "".join(f"<div>{label}</div>" for label in labels)
    strip = feelings_strip(moments, level=level, cursor=True)
    moves = follow(len(film_times(footage.num_steps)), per_second) if moments else ""
    return (
        f'<figure class="screen"><div class="labels">{names}</div><video src="{data_uri(content, kind)}" poster="{still}" width="{frames.shape[2]}" '
        f'height="{frames.shape[1]}" autoplay loop muted playsinline onclick="{PAUSE}" title="click to stop, and to go on" '
        f"{moves}></video>{strip}</figure>"
    )
