"""Draw docs/benchmarks.svg: shares of the bare rates, and rates with stored payments."""

from pathlib import Path
from typing import Any

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from bench.figures import COMPARISONS, LASTING, LASTING_AT_LEAST, Samples

# Readable on white and on black alike, as is everything without a background of its own.
INK = "#797979"
BAR = "#3b82f6"
GOAL = "#d97706"


def draw(samples: Samples, path: Path) -> None:
    """Write the plot as SVG."""
    style: dict[Any, Any] = {
        "svg.fonttype": "none",
        "svg.hashsalt": "kassa",
        "font.family": "sans-serif",
        "font.size": 10,
    }
    style |= dict.fromkeys(("text.color", "axes.labelcolor", "xtick.color", "ytick.color", "axes.edgecolor"), INK)
    with mpl.rc_context(style):
        figure = Figure(figsize=(9, 5.2), layout="constrained")
        above, below = figure.subplots(2, 1, height_ratios=[5, 4])
        _shares(above, samples)
        _levels(below, samples)
        figure.savefig(path, format="svg", transparent=True, metadata={"Date": None})
    # matplotlib ends some lines with blanks, which keep differing from run to run.
    path.write_text("\n".join(line.rstrip() for line in path.read_text().splitlines()) + "\n")


def _shares(axes: Axes, samples: Samples) -> None:
    rows = [(c, samples.ratio(c.measured, c.against)) for c in COMPARISONS if samples.has(c.measured)]
    for place, (row, ratio) in enumerate(rows):
        axes.barh(place, ratio, 0.6, color=BAR)
        axes.plot([row.at_least] * 2, [place - 0.4, place + 0.4], color=GOAL, linewidth=2.5)
        axes.text(
            max(ratio, row.at_least) + 0.01,
            place,
            f"{ratio:.2f}×  ({samples.median(row.measured):,.0f}/s)",
            va="center",
        )
    axes.set_yticks(range(len(rows)), [row.title for row, _ in rows])
    axes.invert_yaxis()
    axes.set_xlim(0, max(1.0, *(ratio * 1.25 for _, ratio in rows)))
    axes.set_title("Share of the bare rate (line: goal)", loc="left", fontsize=11)
    _tidy(axes)


def _levels(axes: Axes, samples: Samples) -> None:
    levels = samples.levels()
    width = 0.8 / len(levels)
    for place, (_, name) in enumerate(LASTING):
        for nth, level in enumerate(levels):
            ratio = samples.ratio(name, name, level)
            at = place - 0.4 + width * (nth + 0.5)
            axes.barh(at, ratio, width * 0.85, color=BAR, alpha=1 - 0.55 * nth / max(1, len(levels) - 1))
            told = f"{level:,} stored" if level else "empty"
            axes.text(
                max(ratio, LASTING_AT_LEAST) + 0.01,
                at,
                f"{told}: {samples.median(name, level):,.0f}/s",
                va="center",
                fontsize=8.5,
            )
    axes.axvline(LASTING_AT_LEAST, color=GOAL, linewidth=2.5)
    axes.set_yticks(range(len(LASTING)), [title for title, _ in LASTING])
    axes.invert_yaxis()
    axes.set_xlim(0, 1.4)
    axes.set_title(
        "With stored payments, as a share of the empty database's rate (line: goal)", loc="left", fontsize=11
    )
    _tidy(axes)


def _tidy(axes: Axes) -> None:
    for side in ("top", "right", "left"):
        axes.spines[side].set_visible(False)
    axes.tick_params(axis="y", length=0)
