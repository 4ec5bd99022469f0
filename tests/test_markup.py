"""Plain text is plain text in every language that it is set in, as its own readers read it."""

import re
from html.parser import HTMLParser
from xml.etree import ElementTree

import matplotlib
import pytest
from docutils import nodes
from docutils.core import publish_doctree
from hypothesis import example, given
from hypothesis import strategies as st
from markdown_it import MarkdownIt
from matplotlib.figure import Figure
from matplotlib.font_manager import findfont
from matplotlib.ft2font import FT2Font

from docs import write_gallery as gallery
from sparsebp.claims.verdicts import HOLDS
from sparsebp.report import pages, style, tables
from sparsebp.study import markup
from sparsebp.study.config import ConfigError, Study
from sparsebp.study.markup import Rst, mapped, markdown, mathtext, rst
from tests.configurations import SCHEMA, put

MEANT = r"5$ and 6$, \$ $\frac{1}$ <b onload='x'>&amp; `a`_ *b* **c** |d| _e_ f_ __g__ [h](i) ~~j~~"
MEANT += r" ![k](l) {m}`n` https://o.org www.p.org q@r.org :s: #t 1. - u \ v [w]_ [#x]_ <https://y>"
# Text as the configuration's schema lets it through, rich in what means something somewhere.
TEXTS = st.text(st.sampled_from("aZ9 é−•\\`*_{}[]()<>#+-.!|~$@&:/'\"=^%;,?") | st.characters(
    codec="ascii", exclude_categories=["Cc"]), max_size=60)  # fmt: skip


@given(TEXTS)
@example(MEANT)
def test_restructured_text(text):
    """Also where it begins a paragraph, which may else be a list or a title."""
    settings = {"report_level": 1, "halt_level": 5, "warning_stream": False}
    for before in ("", "**Found:** "):
        tree = publish_doctree(f"{before}x{rst(text)}", settings_overrides=settings)
        [paragraph] = tree.children
        assert type(paragraph) is nodes.paragraph
        [*_, last] = paragraph.children
        assert type(last) is nodes.Text and last.astext().strip() == f"x{text}".strip()
    if text.strip():
        [paragraph] = publish_doctree(rst(text.strip()), settings_overrides=settings).children
        assert type(paragraph) is nodes.paragraph
        assert paragraph.astext() == text.strip()


def test_templates_print_it_escaped_and_compare_it_as_it_is():
    block = mapped(Rst, {"odd_": {"label": "*x*", "learners": ["odd_"], "number": 0.5}})
    template = """{% for name, values in block.items() %}{{ name }}: {{ values["label"] }},
{{ values["learners"]|join(", ") }}, {{ "(%s)" % name }}, {{ name ~ "." }}, {{ values["number"] }}
{{- " same" if name == "odd_" and values["label"] == "*x*" }}{% endfor %}"""
    said = pages.Environment().from_string(template).render(block=block)
    assert said == "odd\\_: \\*x\\*,\nodd\\_, (odd\\_), odd\\_., 0.5 same"


@given(TEXTS)
@example(MEANT)
def test_markdown(text):
    """As CommonMark and with what GitHub adds to it."""
    text = f"x{text}".rstrip()
    assert [_words(part) for part in _lines(markdown(text))] == [text]
    cells = _lines(tables._markdown(["a", "b"], [[markdown(text), "c"]]))
    assert [_words(cell) for cell in cells] == ["a", "b", text, "c"]


def _lines(text):
    """What stands in each paragraph, title and cell of Markdown."""
    tokens = MarkdownIt("gfm-like", {"linkify": False}).parse(text)
    return [token.children for token in tokens if token.type == "inline"]


def _words(tokens):
    """What Markdown shows, which has to be text alone."""
    assert {token.type for token in tokens} <= {"text", "text_special"}
    return "".join(token.content for token in tokens).rstrip()


@pytest.mark.parametrize("link", ["https://o.org", "www.p.org", "WWW.P.ORG", "q@r.org", "ftp://o"])
def test_bare_links_are_no_links(link):
    """GitHub and the documentation make links of them, each in its own way, unless broken up."""
    assert "\\" in markdown(link).partition(link[-4:])[0]


@pytest.mark.parametrize("text", [MEANT, "5$ and 6$", r"$\frac{1}$", r"\$", r"a\$b$c$", "$$"])
def test_figures(text, tmp_path):
    drawing = Figure()
    drawing.suptitle(mathtext(text))
    with matplotlib.rc_context({"svg.fonttype": "none"}):
        drawing.savefig(tmp_path / "text.svg")
    [drawn] = ElementTree.parse(tmp_path / "text.svg").iter("{http://www.w3.org/2000/svg}text")
    assert "".join(drawn.itertext()) == text


def test_the_font_of_figures_has_every_character_that_is_let_through():
    [family] = style.RC["font.family"]
    characters = FT2Font(findfont(family, fallback_to_default=False)).get_charmap()
    allowed = {code for code in range(0x110000) if not markup.UNDRAWN.match(chr(code))}
    assert allowed <= characters.keys()
    assert set(map(ord, "βξαéßŁЖ−–—…“”×±≤≥≈→∞∑√ℓ½²₁°µ•")) <= allowed


class Seen(HTMLParser):
    """The text of a page, and its tags."""

    def __init__(self, page):
        super().__init__()
        self.text, self.tags = "", []
        self.feed(page)

    def handle_starttag(self, tag, attributes):
        self.tags.append(tag)

    def handle_data(self, data):
        self.text += data


def test_pages_and_tables_of_verdicts():
    test = {"contrast": "a", "measured": "b", "n": 2, "effect": 0.5, "interval": [0.1, 0.9]}
    test |= {"corrected": [0.0, 1.0], "verdict": HOLDS, "reading": MEANT}
    test |= {"meaning": "lower", "m": [1, 2], "margin": 0.1, "turns": [0.2]}
    record = {"id": "C1", "thesis": MEANT, "statement": MEANT, "verdict": HOLDS, "key": 0}
    record |= {"from": 1, "reading": None}
    records = [record | {"choice": c, "tests": [test]} for c in (None, "damping 0")]
    reached = {"C1": {"turns at": MEANT}}
    seen = tables.glance(records) | {MEANT: {}}
    words = MEANT, tables.SYMBOLS, {"C1": MEANT}, reached, seen, MEANT
    page = Seen(pages.verdicts(records, *words, ("<svg></svg>", MEANT)))
    assert page.text.count(MEANT) == 11 and not {"b", "https:"} & set(page.tags)
    spec = {"claims": {"claims": []}, "choices": {"damping 0": {"a": "c"}}, "readings": {}}
    text = tables.page(records, spec)
    assert f"<summary>C1: {MEANT}</summary>" not in text
    [summary] = re.findall("<summary>.*</summary>", text)
    assert Seen(summary).text == f"C1: {MEANT}" and Seen(summary).tags == ["summary"]
    cells = [part for part in _lines(text) if any("onload" in token.content for token in part)]
    assert [_words(cell) for cell in cells] == [MEANT] * 2


def test_the_gallery_shows_plain_text():
    meant = MEANT.replace("{m}", "{ m }")  # without spaces it would be a number
    config = put("figures/one/found", meant)
    config["figures"]["one"]["thesis"] = thesis = MEANT.replace("{", "").replace("}", "")[:200]
    config["figures"]["one"]["message"] = message = MEANT[:200]
    section = gallery._section(Study.load(config, SCHEMA), "one", {})
    lines = _lines(section)
    assert _words(lines[0]) == f"{thesis}: {message}"
    [found] = [line for line in lines if "Found:" in [token.content for token in line]]
    kinds = [token.type for token in found]
    assert _words(found[kinds.index("strong_close") + 1 :]) == f" {meant}"


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("a</script><script>alert(1)</script>", "'</script'"),
        ("</SCRIPT >", "'</SCRIPT'"),
        ("<!-- x", "'<!--'"),
        ("x <ScRipt>", "'<ScRipt'"),
    ],
)
@pytest.mark.parametrize(
    "key", ["figures/one/thesis", "figures/one/found", "figures/one/panels/0/title",
            "learners/bp/label", "experiments/matched/thesis"],
)  # fmt: skip
def test_what_ends_a_script_of_the_report_is_refused(key, text, what):
    _refused(key, text, what, "allowed: text without <!--, <script and </script")


@pytest.mark.parametrize("text", ["日本", "a🙂", "עברית", "\u202e", "\ue000"])
@pytest.mark.parametrize("key", ["figures/one/thesis", "figures/one/panels/0/title",
                                 "learners/bp/label", "experiments/matched/thesis"])  # fmt: skip
def test_what_the_font_of_figures_lacks_is_refused(key, text):
    _refused(key, text, repr(text.lstrip("a")[0]), "allowed: Latin, Greek and Cyrillic letters")
    Study.load(put("figures/one/found", text), SCHEMA)  # no figure shows it


@pytest.mark.parametrize("key", ["figures/one/thesis", "experiments/matched/thesis"])
def test_what_snakemake_takes_for_a_wildcard_is_refused(key):
    _refused(key, "Fig. {figure}", "'{'", "allowed: text without { and }")


def _refused(key, text, *said):
    with pytest.raises(ConfigError) as error:
        Study.load(put(key, text), SCHEMA)
    message = str(error.value)
    assert message.startswith(f"{key.replace('/', '.')}: {text!r} has ") and "\n" not in message
    assert [part for part in said if part not in message] == []
