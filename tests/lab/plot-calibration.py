#!/usr/bin/env python3
"""Draws what the simulator predicts of the lab and what the meter counted there into one SVG, and
says how far apart they are: the local share of accesses over time.

Usage: plot-calibration.py OUT.svg RESULTS SIMULATED.json...

RESULTS is the folder of bench-policies.sh; each policy that is in it and in what "vmbalancer simulate
-o json" printed gets a panel. Of several seeds the mean is taken. The prediction begins where the
daemon began to look; a window of the meter is held against the mean of it over the same time.
"""
import json
import sys
from html import escape
from pathlib import Path

WIDTH, HEIGHT = 420, 260
LEFT, RIGHT, TOP, BOTTOM = 52, 14, 40, 44
COLUMNS = 2
MEASURED, PREDICTED = "#1f77b4", "#d95f02"


def read_lines(path):
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def read_measured(folder):
    """By way, a list of each run's ([(begin, end, local)] of its windows, when it began to look)."""
    measured = {}
    for run in read_lines(folder / "runs.jsonl"):
        samples = [row for row in read_lines(folder / "samples.jsonl")
                   if row["way"] == run["way"] and row["round"] == run["round"]]
        begins = [0.0] + [row["seconds"] for row in samples]
        windows = [(begin, row["seconds"], row["local"]) for begin, row in zip(begins, samples)
                   if row["local"] is not None]
        measured.setdefault(run["way"], []).append((windows, run["ready"] - run["from"]))
    return measured


def read_predicted(paths):
    """By policy: [[(begin, end, local)]], a list for each seed."""
    predicted = {}
    for path in paths:
        for run in json.loads(Path(path).read_text(encoding="utf-8"))["runs"]:
            begins = [0.0] + [moment["seconds"] for moment in run["moments"]]
            predicted.setdefault(run["policy"], []).append(
                [(begin, moment["seconds"], moment["local"])
                 for begin, moment in zip(begins, run["moments"])])
    return predicted


def mean_between(seeds, begin, end):
    """The mean over a time, of all seeds; None where they say nothing of it."""
    total = weight = 0.0
    for windows in seeds:
        for first, last, local in windows:
            shared = min(last, end) - max(first, begin)
            if shared > 0:
                total += local * shared
                weight += shared
    return total / weight if weight else None


def predict(windows, seeds, ready):
    """The prediction for each window that begins after the daemon began to look."""
    pairs = [(begin, end, mean_between(seeds, begin - ready, end - ready))
             for begin, end, _ in windows if begin >= ready]
    return [pair for pair in pairs if pair[2] is not None]


def compare(runs, seeds):
    """(mean difference, mean absolute difference) in points, over the windows of all runs."""
    differences = []
    for windows, ready in runs:
        known = {end: local for _, end, local in windows}
        differences += [100 * (local - known[end]) for _, end, local in predict(windows, seeds, ready)]
    if not differences:
        sys.exit("plot-calibration: the two have no time in common")
    count = len(differences)
    return sum(differences) / count, sum(abs(value) for value in differences) / count


def x_of(seconds, end):
    return LEFT + (WIDTH - LEFT - RIGHT) * seconds / end


def y_of(local):
    return HEIGHT - BOTTOM - (HEIGHT - TOP - BOTTOM) * local


def text(x, y, words, anchor="middle", colour="#333", size=11):
    return (f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" font-size="{size}" '
            f'fill="{colour}">{escape(words)}</text>')


def axes(end):
    """Grid and numbers: every 25 %, and some six of the times."""
    parts = []
    for percent in (0, 25, 50, 75, 100):
        y = y_of(percent / 100)
        parts.append(f'<path d="M{LEFT} {y:.1f}H{WIDTH - RIGHT}" stroke="#ddd"/>')
        parts.append(text(LEFT - 6, y + 4, f"{percent} %", "end"))
    step = next(step for step in (5, 10, 15, 30, 60, 120, 300, 600) if end / step <= 7 or step == 600)
    for seconds in range(0, int(end) + 1, step):
        parts.append(text(x_of(seconds, end), HEIGHT - BOTTOM + 16, str(seconds)))
    parts.append(text((LEFT + WIDTH - RIGHT) / 2, HEIGHT - 10, "seconds since the guests were scattered"))
    return parts


def curve(windows, end, colour, dots):
    """A line through the middles of the windows."""
    points = [(x_of((begin + last) / 2, end), y_of(local)) for begin, last, local in windows]
    line = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
    parts = [f'<polyline points="{line}" fill="none" stroke="{colour}" stroke-width="2"/>']
    if dots:
        parts += [f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3" fill="{colour}"/>' for x, y in points]
    return parts


def panel(index, title, runs, seeds):
    """The curves of a policy, each run's own, and what they say."""
    end = max(windows[-1][1] for windows, _ in runs)
    bias, distance = compare(runs, seeds)
    words = f"predicted - measured: {bias:+.1f} points on average, {distance:.1f} apart"
    print(f"{title}: {words}")
    x, y = index % COLUMNS * WIDTH, index // COLUMNS * HEIGHT
    parts = [f'<g transform="translate({x} {y})">', text(WIDTH / 2, 16, title, size=13)]
    parts += axes(end)
    for windows, ready in runs:
        parts += curve(predict(windows, seeds, ready), end, PREDICTED, False)
        parts += curve(windows, end, MEASURED, True)
    parts += [text(WIDTH / 2, 32, words, colour="#555"), "</g>"]
    return parts


def main(arguments):
    if len(arguments) < 3:
        sys.exit(__doc__.strip().split("\n\n")[1])
    measured = read_measured(Path(arguments[1]))
    predicted = read_predicted(arguments[2:])
    both = [policy for policy in predicted if policy in measured]
    if not both:
        sys.exit("plot-calibration: no policy was both simulated and measured")
    parts = []
    for index, policy in enumerate(both):
        parts += panel(index, policy, measured[policy], predicted[policy])
    width, height = WIDTH * min(len(both), COLUMNS), HEIGHT * -(-len(both) // COLUMNS)
    middle = width / 2
    parts += [text(middle - 8, height + 10, "● measured (meter)", "end", MEASURED, 12),
              text(middle + 8, height + 10, "— predicted (simulate)", "start", PREDICTED, 12)]
    with open(arguments[0], "w", encoding="utf-8") as file:
        file.write(f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height + 20}" '
                   f'font-family="sans-serif"><title>Local share of accesses, measured and predicted'
                   f'</title><rect width="{width}" height="{height + 20}" fill="white"/>\n')
        file.write("\n".join(parts) + "\n</svg>\n")


if __name__ == "__main__":
    main(sys.argv[1:])
