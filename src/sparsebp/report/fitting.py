"""Texts that fit: lines broken at the width that a figure has for them."""

import re
from functools import cache
from itertools import chain, zip_longest

from matplotlib.font_manager import FontProperties
from matplotlib.legend_handler import HandlerLine2D
from matplotlib.lines import Line2D
from matplotlib.textpath import text_to_path

FONT = "DejaVu Sans"
LINE = 0.16  # inches: a line of a legend
HINTED = 1.04  # how much wider letters become at most where they are fitted to pixels
HANDLE = 0.62  # inches: a legend's handle, and the spaces beside it and behind its text
HEAD = 0.25  # inches: the same beside a head, which has no handle
BLANK = Line2D([], [], linestyle="none")


class _NoRoom(HandlerLine2D):
    """Of a legend: no room for the handle."""

    def legend_artist(self, legend, orig_handle, fontsize, handlebox):
        artist = super().legend_artist(legend, orig_handle, fontsize, handlebox)
        handlebox.width = 0
        return artist


@cache
def text_width(text, size):
    """The width in inches of a line of text in a font of some points."""
    font = FontProperties(family=FONT, size=size)
    return HINTED * text_to_path.get_text_width_height_descent(text, font, ismath=False)[0] / 72


def wrapped(text, width, size):
    """A text in lines of at most a width in inches; a word that is wider is broken.

    A `\\$` stays whole, see `markup.mathtext`.
    """
    lines = []
    for paragraph in text.split("\n"):
        first = len(lines)
        for word in paragraph.split(" "):
            joined = f"{lines[-1]} {word}" if len(lines) > first else word
            if len(lines) > first and text_width(joined, size) <= width:
                lines[-1] = joined
                continue
            lines.append("")
            for letter in re.findall(r"\\\$|.", word):
                if lines[-1] and text_width(lines[-1] + letter, size) > width:
                    lines.append("")
                lines[-1] += letter
    return "\n".join(lines)


def legend_table(sets, width, size):
    """Lay legend entries out in rows that fit.

    Args:
        sets: (head, entries) for each set of entries that belong together; an entry is a (handle,
            label). Each set begins a row, behind its head. Without any heads there is no column of
            heads. The rows of a set are about equally long.
        width: inches.
        size: of the font, in points.

    Returns:
        Rows of entries, as many in a row as fit, of which those of heads have no handle.
    """
    heads = any(head for head, _ in sets)
    room = width - 1.5 * HANDLE
    if heads:
        sets = [(wrapped(head, room / 3, size), entries) for head, entries in sets]
        room -= HEAD + max(_longest(head, size) for head, _ in sets)
    sets = [
        (head, [(handle, wrapped(label, room, size)) for handle, label in entries])
        for head, entries in sets
    ]
    for per_row in range(max(len(entries) for _, entries in sets), 0, -1):
        table = []
        for head, entries in sets:
            rows = -(-len(entries) // per_row)
            step = -(-len(entries) // rows)
            for start in range(0, len(entries), step):
                row = [(BLANK, "" if start else head)] if heads else []
                table.append(row + entries[start : start + step])
        columns = zip_longest(*table, fillvalue=(BLANK, ""))
        longest = [max(_longest(label, size) for _, label in column) for column in columns]
        beside = HEAD * heads + HANDLE * (len(longest) - heads)
        if sum(longest) + beside <= width:
            break
    return table


def _longest(text, size):
    return max(text_width(line, size) for line in text.split("\n"))


def legend_height(table):
    """The height in inches of the rows of a legend."""
    return LINE * sum(max(label.count("\n") + 1 for _, label in row) for row in table)


def add_legend(drawing, table, **place):
    """Put rows of entries into a figure as one legend."""
    columns = list(zip_longest(*table, fillvalue=(BLANK, "")))
    handles, labels = zip(*chain.from_iterable(columns), strict=True)
    place = {"ncols": len(columns), "frameon": False, "handler_map": {BLANK: _NoRoom()}, **place}
    drawing.legend(handles, labels, **place)
