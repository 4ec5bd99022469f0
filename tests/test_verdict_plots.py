"""The picture of the verdicts: its intervals are those of the records, in margins."""

import json

import numpy as np
import pytest
from matplotlib.collections import LineCollection

from sparsebp.claims.verdicts import FAILS, HOLDS, UNDECIDED
from sparsebp.report import verdict_plots
from sparsebp.storage.figure_metadata import read_provenance

TESTS = {
    "equal": (HOLDS, 0.002, [-0.004, 0.008], None, 0.01),
    "lower": (FAILS, 0.001, [-0.002, 0.004], [-0.005, 0.006], 0.02),
    "exact": (UNDECIDED, 0.6, [0.3, None], None, 0.5),
    "most_variable": (HOLDS, 0.25, [0.125, 0.5], None, None),
}
# In margins, and in units of the effect where there is none: the ends and the effect.
PLACES = [(-0.4, 0.2, 0.8), (-0.25, 0.05, 0.3), (0.6, 1.2, np.inf), (0.5, 1, 2)]
REGIONS = [(-1, 1), (-np.inf, -1), (1, np.inf), (0, np.inf)]


def records():
    """A record of each test, as configured, among other tests and under a choice."""
    found = []
    for i, (kind, (verdict, effect, interval, corrected, margin)) in enumerate(TESTS.items()):
        test = {"kind": kind, "verdict": verdict, "effect": effect, "margin": margin, "n": 3}
        test |= {"interval": interval, "corrected": corrected or [-9, 9], "meaning": "so"}
        record = {"id": f"C{i}", "statement": f"It is $ {kind}.", "verdict": verdict}
        record |= {"choice": None, "reading": None, "key": 1, "tests": [test | {"effect": 7}, test]}
        found += [record, record | {"choice": "damping 0"}, record | {"reading": "another"}]
    return found


@pytest.fixture
def axes(monkeypatch, tmp_path):
    """The axes of the picture, drawn and saved."""
    kept = []
    build = verdict_plots._build
    monkeypatch.setattr(verdict_plots, "_build", lambda rows: kept.append(build(rows)) or kept[0])
    verdict_plots.draw(records(), tmp_path / "verdicts.png")
    return kept[0].axes[0]


def test_intervals_are_those_that_decide_in_margins(axes):
    low, high = axes.get_xlim()
    lines = [part for part in axes.collections if isinstance(part, LineCollection)]
    markers = [line for line in axes.lines if line.get_marker() not in ("None", None, "")]
    for i, (line, marker, place) in enumerate(zip(lines, markers, PLACES, strict=True)):
        ((left, at), (right, _)) = line.get_segments()[0]
        assert at == i == marker.get_ydata()[0]
        assert marker.get_xdata()[0] == pytest.approx(place[1])
        assert (left, right) == pytest.approx((place[0], min(place[2], high)))
    assert all(low < x < high for place in PLACES for x in place if np.isfinite(x))


def test_only_what_has_no_margin_has_a_hollow_marker(axes):
    markers = [line for line in axes.lines if line.get_marker() not in ("None", None, "")]
    hollow = [marker.get_markerfacecolor() == "white" for marker in markers]
    assert hollow == [test[-1] is None for test in TESTS.values()] and any(hollow)


def test_the_part_where_a_test_holds_is_shaded(axes):
    low, high = axes.get_xlim()
    for bar, region in zip(axes.patches, REGIONS, strict=True):
        ends = bar.get_x(), bar.get_x() + bar.get_width()
        assert ends == pytest.approx((max(region[0], low), min(region[1], high)))


def test_verdicts_differ_in_colour_and_in_symbol(axes):
    markers = [line for line in axes.lines if line.get_marker() not in ("None", None, "")]
    looks = {
        verdict: (marker.get_color(), marker.get_marker())
        for (verdict, *_), marker in zip(TESTS.values(), markers, strict=True)
    }
    assert len(looks) == 3
    assert all(len(set(kind)) == 3 for kind in zip(*looks.values(), strict=True))
    texts = [text.get_text() for text in axes.texts]
    assert [text for text in texts if text in ("✓", "✗", "?")] == ["✓", "✗", "?", "✓"]
    assert r"It is \$ equal." in texts


def test_texts_lie_inside_and_apart_however_long_they_are(tmp_path, monkeypatch):
    long, kept = records(), []
    for record in long:
        record["statement"] = "A claim that takes many words to say what it says. " * 5
        record["id"] *= 20
    save = verdict_plots.save
    monkeypatch.setattr(verdict_plots, "save", lambda *given: kept.append(given[0]) or save(*given))
    verdict_plots.draw(long, tmp_path / "verdicts.png")
    (drawing,) = kept
    boxes = [text.get_window_extent() for text in drawing.axes[0].texts]
    width, height = drawing.bbox.size
    assert all(b.x0 >= 0 and b.x1 <= width and b.y0 >= 0 and b.y1 <= height for b in boxes)
    for i, box in enumerate(boxes):
        assert not any(box.overlaps(other) for other in boxes[i + 1 :])


def test_the_file_says_what_it_shows_and_is_the_same_each_time(tmp_path):
    first, second = tmp_path / "1.png", tmp_path / "2.png"
    drawn = [verdict_plots.draw(records(), path) for path in (first, second)]
    assert first.read_bytes() == second.read_bytes()
    assert drawn[0] == drawn[1] and drawn[0].startswith("<svg") and "<metadata" not in drawn[0]
    shown = read_provenance(first)
    assert [row["claim"] for row in shown] == ["C0", "C1", "C2", "C3"]
    assert json.loads(json.dumps(shown)) == verdict_plots.shown(records())
    assert [row["ends"] for row in shown] == [t[3] or t[2] for t in TESTS.values()]
