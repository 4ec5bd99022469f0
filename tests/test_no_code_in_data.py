"""Nothing that is read is ever run.

Numba does unpickle the kernels that it has compiled. They lie in .snakemake/kernels, where only
runs of one's own write: who can change them can change the sources as well.
"""

import io
import re
import tokenize

import pytest

from tests.test_rules import ROOT, RULE_FILES

SOURCES = [*RULE_FILES, *sorted((ROOT / "src").rglob("*.py"))]
KEPT = tokenize.NAME, tokenize.OP, tokenize.NUMBER
FORBIDDEN = re.compile(
    r"\b(pickle|cPickle|marshal|shelve|dill|joblib|eval|exec|allow_pickle|__import__|literal_eval"
    r"|os \. (system|popen)|shell = True|yaml \. (load|load_all|unsafe_load|full_load|Loader"
    r"|FullLoader|UnsafeLoader))\b"
)


def forbidden(text):
    """What of it the code in a text uses; words in strings and comments do not count."""
    tokens = tokenize.generate_tokens(io.StringIO(text).readline)
    code = " ".join(token.string for token in tokens if token.type in KEPT)
    return [found[0] for found in FORBIDDEN.finditer(code)]


@pytest.mark.parametrize("path", SOURCES, ids=[str(path.relative_to(ROOT)) for path in SOURCES])
def test_no_source_runs_what_it_reads(path):
    assert forbidden(path.read_text(encoding="utf-8")) == []


@pytest.mark.parametrize(
    "text",
    [
        "import pickle",
        "from pickle import loads",
        "eval(text)",
        "np.load(path, allow_pickle=True)",
        "import os; os.system(name)",
        "subprocess.run(name, shell = True)",
        "yaml.load(text, Loader=yaml.FullLoader)",
    ],
)
def test_what_would_run_it_is_seen(text):
    assert forbidden(text) != []
    assert forbidden(f'"""{text}"""  # {text}') == []
