"""How the pages are built: `make docs`, without a network."""

import json
import re
from pathlib import Path

import matplotlib
import numba
from docutils import nodes
from docutils.utils.math.latex2mathml import tex2mathml
from numpy.typing import ArrayLike
from sphinx.domains.python import PyObject
from sphinx.ext import autosummary
from sphinx.util.typing import stringify_annotation

# In this process alone: the reference shows kernels as the functions that they are compiled from.
numba.config.DISABLE_JIT = True

project = "sparsebp"
author = copyright = "The sparsebp authors"

extensions = ["sphinx.ext.autodoc", "sphinx.ext.autosummary", "sphinx.ext.napoleon", "myst_nb"]
exclude_patterns = ["_templates"]
templates_path = ["_templates"]
html_theme = "furo"
html_title = project
html_show_sphinx = html_copy_source = False
FONTS = Path(matplotlib.get_data_path(), "fonts/ttf")
html_static_path = ["_static", str(FONTS / "STIXGeneral.ttf"), str(FONTS / "LICENSE_STIX")]
html_css_files = ["math.css"]
html_math_renderer = "mathml"

nitpicky = True
# No inventories of other projects are fetched.
nitpick_ignore_regex = [("py:.*", r"(?!sparsebp\.)\w+\..*")]

autosummary.WELL_KNOWN_ABBREVIATIONS += ("Eq.", "Eqs.")
autodoc_default_options = {"members": True, "special-members": "__call__, __matmul__"}
autodoc_member_order = "bysource"
napoleon_numpy_docstring = False
napoleon_use_ivar = True
napoleon_use_rtype = False
ARRAY_LIKE = stringify_annotation(ArrayLike, "smart")

myst_enable_extensions = ["attrs_inline", "dollarmath"]
myst_heading_anchors = 3
nb_execution_mode = "force"
nb_execution_show_tb = True
nb_execution_timeout = 120


def mathml(block: bool):
    """Formulas as MathML, which browsers show by themselves."""

    def visit(writer, node):
        writer.body.append(tex2mathml(node.astext(), as_block=block))
        raise nodes.SkipNode

    return visit, None


def skip(app, what, name, obj, skipped, options):
    """Fields of named tuples are described with their class, under Attributes."""
    return True if type(obj).__name__ == "_tuplegetter" else None


def plain(app, what, name, obj, options, lines):
    """In the docstring of a value, what stands before a colon is not its type."""
    if what in ("data", "attribute", "property"):
        lines[:0] = ["..", ""]


def apart(app, what, name, obj, options, lines):
    """Of attributes described together, each gets the description, as of arguments."""

    def split(found):
        return "".join(f":ivar {each}:{found[2]}\n" for each in found[1].split(", "))

    joined = re.compile(r"^:ivar (\w+(?:, \w+)+):(.*(?:\n +.*)*)\n?", re.M)
    lines[:] = joined.sub(split, "\n".join(lines)).split("\n")


def named(app, what, name, obj, options, signature, returns):
    """Of what NumPy takes as an array, signatures give the name, not what it stands for."""
    return (signature or "").replace(ARRAY_LIKE, "~numpy.typing.ArrayLike") or None, returns


def inside(app, docname, source):
    """The one page that lies in another folder is found where it is shown."""
    source[0] = source[0].replace("(../speed/README.md)", "(measuring.md)")


def explored(app, error):
    """The explorer takes the place of the page that says how it is made."""
    from sparsebp.report.explorer import page  # after kernels are told to be functions

    if error is None and app.builder.format == "html":
        shown = json.loads(Path(app.srcdir, "explorer.json").read_text(encoding="utf-8"))
        Path(app.outdir, "explorer.html").write_text(page(shown), encoding="utf-8")


def setup(app):
    app.add_html_math_renderer("mathml", mathml(block=False), mathml(block=True))
    (attributes,) = (field for field in PyObject.doc_field_types if field.name == "variable")
    attributes.label = "Attributes"
    app.connect("autodoc-skip-member", skip)
    app.connect("autodoc-process-signature", named)
    app.connect("autodoc-process-docstring", plain, priority=400)  # before napoleon reads it
    app.connect("autodoc-process-docstring", apart, priority=600)  # after it has
    app.connect("source-read", inside)
    app.connect("build-finished", explored)
