#!/usr/bin/env python3
"""Draws a run's learning curve as an SVG picture: for each lesson its loss and the share that was right.

Usage: tools/train/plot_curve.py RUN/curve.csv OUT.svg
"""

import csv
import pathlib
import sys

WIDTH, HEIGHT, LEFT, TOP, GAP_X, GAP_Y, COLUMNS = 230, 120, 46, 40, 40, 46, 4
LOSS, RIGHT, GRID, INK = "#b03a2e", "#1f618d", "#dddddd", "#333333"


def read(path):
    """Steps, and by lesson the columns loss and right with None where the lesson did not come."""
    with open(path, newline="") as file:
        rows = list(csv.DictReader(file))
    if not rows:
        sys.exit(f"plot_curve: {path} holds no rows")
    lessons = [name.removesuffix("_loss") for name in rows[0] if name.endswith("_loss")]
    number = lambda text: float(text) if text else None
    return [int(row["step"]) for row in rows], {
        lesson: [[number(row[f"{lesson}_{column}"]) for row in rows] for column in ("loss", "right")]
        for lesson in lessons
    }


def line(steps, values, top, last, color, x0, y0):
    points = " ".join(
        f"{x0 + WIDTH * step / last:.1f},{y0 + HEIGHT * (1 - min(value, top) / top):.1f}"
        for step, value in zip(steps, values) if value is not None)
    return f'<polyline points="{points}" fill="none" stroke="{color}" stroke-width="1.3"/>'


def label(x, y, text, color=INK, anchor="start", size=11):
    return f'<text x="{x}" y="{y}" fill="{color}" font-size="{size}" text-anchor="{anchor}">{text}</text>'


def main():
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    steps, lessons = read(sys.argv[1])
    lessons = {name: columns for name, columns in lessons.items() if any(v is not None for v in columns[0])}
    lines = -(-len(lessons) // COLUMNS)
    width = LEFT + COLUMNS * (WIDTH + GAP_X)
    height = TOP + lines * (HEIGHT + GAP_Y)
    out = [f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" font-family="sans-serif">',
           f'<rect width="{width}" height="{height}" fill="white"/>',
           label(LEFT, 16, "loss", LOSS), label(LEFT + 34, 16, "share that was right, 0 to 1", RIGHT),
           label(width - GAP_X, 16, f"{steps[-1]} steps", anchor="end")]
    for place, (name, (loss, right)) in enumerate(lessons.items()):
        x0 = LEFT + place % COLUMNS * (WIDTH + GAP_X)
        y0 = TOP + place // COLUMNS * (HEIGHT + GAP_Y)
        top = max(value for value in loss if value is not None)
        out.append(f'<rect x="{x0}" y="{y0}" width="{WIDTH}" height="{HEIGHT}" fill="none" stroke="{GRID}"/>')
        out.append(label(x0, y0 - 5, name.replace("_", " ")))
        out.append(label(x0 - 4, y0 + 9, f"{top:.1f}", LOSS, "end", 9))
        out.append(label(x0 - 4, y0 + HEIGHT, "0", INK, "end", 9))
        last_right = [value for value in right if value is not None][-1]
        out.append(label(x0 + WIDTH, y0 - 5, f"{last_right:.2f}", RIGHT, "end"))
        out.append(line(steps, loss, top, steps[-1], LOSS, x0, y0))
        out.append(line(steps, right, 1, steps[-1], RIGHT, x0, y0))
    out.append("</svg>")
    pathlib.Path(sys.argv[2]).write_text("\n".join(out) + "\n")


main()
