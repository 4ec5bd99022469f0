"""Figures as files: where they come from, that they repeat, and what is refused."""

import copy
import json
import os
from xml.etree import ElementTree

import matplotlib
import matplotlib.pyplot as plt
import pypdf
import pytest
from matplotlib.figure import Figure

from sparsebp.report import figures
from sparsebp.storage.figure_metadata import read_provenance
from tests.drawn_panels import LEARNERS, PROVENANCE, dataset, draw, panel, spec


@pytest.mark.thorough
@pytest.mark.parametrize("suffix", [".pdf", ".png", ".svg"])
def test_provenance_and_bytes(tmp_path, suffix, monkeypatch):
    first, second = tmp_path / f"first{suffix}", tmp_path / "folder" / f"second{suffix}"
    draw(first)
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "1000000000")  # no date may depend on the clock
    draw(second)
    assert read_provenance(first) == PROVENANCE
    assert first.read_bytes() == second.read_bytes()
    assert os.listdir(tmp_path / "folder") == [second.name]


def test_pdf_metadata_and_fonts(tmp_path):
    draw(tmp_path / "a.pdf")
    reader = pypdf.PdfReader(tmp_path / "a.pdf")
    assert reader.metadata.title == "fig0 (Fig. 0)"
    assert reader.metadata.creator == "sparsebp"
    assert "/CreationDate" not in reader.metadata
    assert json.loads(reader.metadata.subject) == PROVENANCE
    assert reader.pages[0].mediabox.width <= 7 * 72
    fonts = reader.pages[0]["/Resources"]["/Font"].values()
    descendants = [font.get_object()["/DescendantFonts"][0].get_object() for font in fonts]
    assert descendants
    assert all("/FontFile2" in d["/FontDescriptor"].get_object() for d in descendants)


def test_texts_are_drawn_as_they_are(tmp_path):
    """No formulas: of titles, of learners in the legend, at an axis, and of what the thesis has."""
    title, label, thesis = r"$\frac{1}$ β ½", "5$ and 6$", r"\$\alpha$ $\nonsense$"
    learners = copy.deepcopy(LEARNERS)
    learners["bp"]["label"] = learners["ms"]["label"] = label
    shown = [panel(title=title), panel(title="", learners=["bp", "mp-online"], minus="ms")]
    drawn = spec(shown, 1, learners) | {"experiments": {"one": {"thesis": thesis}}}
    figures.draw(drawn, {"one": dataset()}, [tmp_path / "a.pdf"], PROVENANCE)
    text = pypdf.PdfReader(tmp_path / "a.pdf").pages[0].extract_text()
    assert [part for part in (title, thesis, f"− that of {label}") if part not in text] == []
    assert text.count(label) >= 2


TEXTS = {
    "number of samples m": "number of samples *m*",
    "m − log₂ N = 3, β and k": "*m* − log₂ *N* = 3, *β* and *k*",
    "shift b, slope a, reinforcement r": "shift *b*, slope *a*, reinforcement *r*",
    "(b) a network, r and max-sum": "(b) a network, r and max-sum",
    "(d–f, h, k) max-product – k, log Z": "(d–f, h, k) max-product – *k*, log *Z*",
    "a plot (N = 2)": "a plot (*N* = 2)",
    "(m) 5$ of $N$ at m=2": "(m) 5$ of $*N*$ at *m*=2",
}


@pytest.mark.parametrize("text", TEXTS)
def test_symbols_are_in_italics(text, tmp_path):
    """And the text of a figure can be searched, in lines as it is read."""
    figures.draw(spec([panel(title=text)], 1), {"one": dataset()}, [tmp_path / "a.svg"], PROVENANCE)
    found = []
    for line in ElementTree.parse(tmp_path / "a.svg").iter("{http://www.w3.org/2000/svg}text"):
        parts = [(part.text, part.get("style", "")) for part in line] or [(line.text, "")]
        found.append("".join(f"*{t}*" if "oblique" in look else t for t, look in parts))
    assert TEXTS[text] in found
    assert "number of samples *m*" in found
    drawn = (tmp_path / "a.svg").read_text(encoding="utf-8")
    assert drawn.count("font-family") == drawn.count("'DejaVu Sans', Verdana, sans-serif") > 20


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"learners": ["bp", "nobody"]}, ["nobody", "one", "bp-offline"]),
        ({"experiments": ["three"]}, ["three", "one"]),
        ({"quantity": "happiness"}, ["happiness", "weight_error"]),
        ({"minus": "nobody"}, ["nobody", "one", "bp-offline"]),
        ({"against": "activation.b", "positions": [1], "at": 99}, ["n_samples", "99", "one"]),
    ],
)
def test_a_panel_of_something_missing_is_refused(tmp_path, changes, words):
    with pytest.raises(ValueError) as error:
        draw(tmp_path / "a.pdf", shown=[panel(**changes)])
    assert all(word in str(error.value) for word in words)
    assert not list(tmp_path.iterdir())


def test_a_failure_leaves_nothing_behind(tmp_path, monkeypatch):
    (tmp_path / "a.pdf").write_text("the one before")
    with pytest.raises(ValueError, match=r"b\.txt"):
        draw(tmp_path / "a.pdf", tmp_path / "b.txt")

    save = Figure.savefig

    def fail(self, path, **options):
        save(self, path, **options)
        if options["format"] == "svg":
            raise OSError("disk full")

    monkeypatch.setattr(Figure, "savefig", fail)
    with pytest.raises(OSError, match="disk full"):
        draw(tmp_path / "a.pdf", tmp_path / "b.svg")
    assert os.listdir(tmp_path) == ["a.pdf"]
    assert (tmp_path / "a.pdf").read_text() == "the one before"


def test_matplotlib_settings_are_neither_used_nor_changed(tmp_path):
    open_figures = plt.get_fignums()
    draw(tmp_path / "a.svg")
    with matplotlib.rc_context({"font.size": 20, "lines.markeredgewidth": 5, "axes.grid": False}):
        before = dict(matplotlib.rcParams)
        draw(tmp_path / "b.svg")
        assert dict(matplotlib.rcParams) == before
    assert (tmp_path / "a.svg").read_bytes() == (tmp_path / "b.svg").read_bytes()
    assert plt.get_fignums() == open_figures
