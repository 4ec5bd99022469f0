"""Plain text in the languages that figures, pages and the report are written in.

What a configuration says in words is plain text: it is seen as it stands there, and means nothing
to the program that sets it. Here is how each language is told so, and which text is refused because
there is no way to tell. HTML needs nothing of its own: the pages are made by Jinja, which escapes.
"""

import re
from collections.abc import Callable, Iterator

# Snakemake puts what it knows of a file, as it is, into a script of the report's page. These three
# are what a browser takes for an end of the script, whatever else is around them.
SCRIPT = re.compile(r"<!--|</?script", re.IGNORECASE)
# Snakemake fills in wildcards where it shows a text as a label in the report.
WILDCARD = re.compile(r"[{}]")
# What the font of the figures lacks: all but Latin, Greek and Cyrillic letters, punctuation, and
# the signs of mathematics. It has others, but no whole alphabet that is drawn as it is written.
UNDRAWN = re.compile(
    "[^ -~\u00a0-\u02e9\u0300-\u034f\u0384-\u038a\u038c\u038e-\u03a1\u03a3-\u0525\u1e00-\u1efb"
    "\u2010-\u2027\u202f-\u205e\u2070\u2071\u2074-\u208e\u2090-\u209c\u20a0-\u20b5\u2100-\u2109"
    "\u210b-\u2149\u2190-\u2311\u2500-\u269c\u27f0-\u28ff]"
)
_SCRIPT = (SCRIPT, "text without <!--, <script and </script, which the report has no way to show")
_UNDRAWN = (
    UNDRAWN,
    "Latin, Greek and Cyrillic letters, punctuation and mathematical signs, which the font of the "
    "figures has",
)
_WILDCARD = (WILDCARD, "text without { and }, which Snakemake takes for wildcards")
REFUSED = {
    "thesis": (_SCRIPT, _UNDRAWN, _WILDCARD),
    "title": (_SCRIPT, _UNDRAWN),
    "label": (_SCRIPT, _UNDRAWN),
    "message": (_SCRIPT,),
    "found": (_SCRIPT,),
}
"""What is refused in the text of a key, with what is allowed; all other texts are names."""


def refused(value, *where: str) -> Iterator[tuple[str, str, str]]:
    """Every text in nested blocks that cannot be shown as it is.

    Args:
        where: the keys that lead to the value.

    Yields:
        The key, the text, and what is wrong with it and allowed.
    """
    if isinstance(value, dict | list):
        items = value.items() if isinstance(value, dict) else enumerate(value)
        for key, item in items:
            yield from refused(item, *where, str(key))
    elif isinstance(value, str):
        for pattern, allowed in REFUSED.get(where[-1], ()):
            if found := pattern.search(value):
                yield ".".join(where), value, f"has {found[0]!r}; allowed: {allowed}"


def mapped(function: Callable[[str], str], value):
    """Nested blocks with all of their texts, names among them, replaced by a function of them."""
    if isinstance(value, dict):
        return {mapped(function, key): mapped(function, item) for key, item in value.items()}
    if isinstance(value, list):
        return [mapped(function, item) for item in value]
    return function(value) if isinstance(value, str) else value


def mathtext(text: str) -> str:
    """A text for matplotlib, which sets what is between two dollar signs as a formula."""
    return text.replace("$", r"\$")


def markdown(text: str) -> str:
    """A text within a line of Markdown, as CommonMark, GitHub and MyST read it."""
    text = re.sub(r"[\\`*~<>\[\]&$@]|(?<![^\W_])_|_(?![^\W_])", r"\\\g<0>", text)
    text = re.sub(r"(?<=www)\.|:(?=//)", r"\\\g<0>", text, flags=re.IGNORECASE)  # bare links
    return text.replace("|", "&#124;")  # tables differ in how they read a backslash before it


def rst(text: str) -> str:
    """A text for reStructuredText. All that is neither letter, digit nor space may mean something
    there, even a bullet that is in no ASCII."""
    return re.sub(r"[^\w\s]|_", r"\\\g<0>", text)


class Rst(str):
    """A text that is compared as it is and printed as reStructuredText.

    For templates, where it need not be escaped at each place, nor ever twice.
    """

    def __str__(self) -> str:
        """The text for reStructuredText."""
        return rst(self)
