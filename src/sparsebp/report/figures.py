"""The figures as files, in several formats, with their provenance."""

import re

from matplotlib import style as mpl_style
from matplotlib.text import Text

from sparsebp.report import choice_plots, maps, network_plots, panels, scratch_plots, tree_plots
from sparsebp.report.style import RC
from sparsebp.storage.figure_metadata import save
from sparsebp.study.markup import mapped, mathtext

FIGURE_KINDS = {
    "choices": choice_plots,
    "drawing": network_plots,
    "from_scratch": scratch_plots,
    "maps": maps,
    "panels": panels,
    "trees": tree_plots,
}
# The letters of panels, and what stands for a quantity wherever it stands alone. Other symbols are
# words, too.
SYMBOLS = re.compile(
    r"(?P<panels>^\([a-z, –]+\))"
    r"|(?<![\w.])(?:[mnkNZβ]|(?<=shift )b|(?<=slope )a|(?<=reinforcement )r)(?!\w)"
)


def draw(spec, results, paths, provenance):
    """Draw one figure of the configuration and write it to each of `paths`, all or none.

    `spec` is what `Study.figure_spec` gives, `results` maps an experiment, "trees" or
    "from_scratch" to its dataset, or for a drawing to its teacher and student, and `provenance` is
    put in the metadata (see `read_provenance`).
    """
    with mpl_style.context(RC, after_reset=True):
        (kind,) = (module for key, module in FIGURE_KINDS.items() if key in spec["figure"])
        drawing = kind.build(mapped(mathtext, spec), results)
        set_symbols(drawing)
        title = f"{spec['name']} ({spec['figure'].get('thesis', 'sparsebp')})"
        save(drawing, title, paths, provenance)


def set_symbols(drawing):
    """Set the symbols in a figure in italics, but for labels of ticks, which its axes write."""
    for text in drawing.findobj(Text):
        text.set_text(SYMBOLS.sub(_in_italics, text.get_text()))


def _in_italics(found):
    return found[0] if found["panels"] else f"${found[0]}$"
