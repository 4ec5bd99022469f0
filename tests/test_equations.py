"""docs/equations.md, the index of the thesis's equations, names what is there and says so."""

import ast
import re
from importlib import import_module
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PAGE = ROOT / "docs/equations.md"
TEXT = PAGE.read_text(encoding="utf-8")
# The last number of each chapter and appendix of the thesis.
LAST = {"1": 1, "2": 14, "3": 13, "A": 7, "B": 5}
THESIS = [f"{chapter}.{k}" for chapter, last in LAST.items() for k in range(1, last + 1)]

NUMBER = r"[0-9A-Z]+\.[0-9]+"
RANGE = rf"{NUMBER}(?:-{NUMBER})?"
CITATION = re.compile(rf"\bEqs?\.\s+({RANGE}(?:,\s+{RANGE})*)")
TARGET = re.compile(r"\[`([\w.]+)`\]\(([^)]+)\)")


def expanded(numbers: str) -> list[str]:
    """The single numbers of "2.5, 3.1-3.2"."""
    found = []
    for part in re.split(r",\s+", numbers):
        first, _, last = part.partition("-")
        chapter, start = first.split(".")
        other, stop = (last or first).split(".")
        assert chapter == other and int(start) < int(stop) + (not last), f"no range: {part}"
        found += [f"{chapter}.{k}" for k in range(int(start), int(stop) + 1)]
    return found


def cited(text: str) -> set[str]:
    """The numbers that a text cites, as "Eq. 2.7" or "Eqs. 2.5, 3.1-3.2"."""
    return {number for numbers in CITATION.findall(text) for number in expanded(numbers)}


def rows(page: str) -> list[list[str]]:
    """The cells of each equation: its number, what it says, and what it is."""
    lines = [line for line in page.splitlines() if line.startswith("|")]
    cells = [[cell.strip() for cell in line.strip("|").split(" | ")] for line in lines]
    return [row for row in cells if row[0] not in ("Eq.", "---")]


def told(source: str, names: list[str]) -> str | None:
    """What a source says of something that it defines; None if it does not define it.

    Args:
        source: of a module.
        names: of a function, class, method or constant, one for each level.

    Returns:
        Its docstring. For a constant: the string below it, the comment above it, and the docstring
        of the class or module that it is in.
    """
    *outer, name = names
    inside = ast.parse(source)
    for step in outer:
        classes = [n for n in inside.body if isinstance(n, ast.ClassDef) and n.name == step]
        if not classes:
            return None
        inside = classes[0]
    for node, after in zip(inside.body, [*inside.body[1:], None], strict=True):
        if isinstance(node, ast.FunctionDef | ast.ClassDef) and node.name == name:
            return ast.get_docstring(node) or ""
        if not isinstance(node, ast.Assign | ast.AnnAssign):
            continue
        targets = node.targets if isinstance(node, ast.Assign) else [node.target]
        if name in {n.id for t in targets for n in ast.walk(t) if isinstance(n, ast.Name)}:
            above = source.splitlines()[: node.lineno - 1]
            comment = []
            while above and above[-1].strip().startswith("#"):
                comment.append(above.pop().strip(" #"))
            below = after.value.value if is_text(after) else ""
            return "\n".join([*comment[::-1], below, ast.get_docstring(inside) or ""])
    return None


def is_text(node) -> bool:
    """Whether a statement is a string alone."""
    return (
        isinstance(node, ast.Expr)
        and isinstance(node.value, ast.Constant)
        and isinstance(node.value.value, str)
    )


def complaints(page: str) -> list[str]:
    """What is wrong with a page."""
    table = rows(page)
    wrong = [f"no row: {row}" for row in table if len(row) != 3 or not all(row)]
    if wrong:
        return wrong
    if [number for number, _, _ in table] != THESIS:
        wrong.append("the numbers are not those of the thesis, each once and in order")
    for number, _, what in table:
        targets = TARGET.findall(what)
        if not targets and not re.match(r"No code: (\S+ ){3,}", what):
            wrong.append(f"{number}: neither a target nor a reason")
        wrong += [f"{number}: {said}" for target in targets for said in about(number, *target)]
    return wrong


def about(number: str, name: str, link: str) -> list[str]:
    """What is wrong with one target of an equation."""
    path = (PAGE.parent / link).resolve()
    if not path.is_file():
        return [f"no file {link}"]
    module = ".".join(path.relative_to(ROOT / "src").with_suffix("").parts)
    if not f"sparsebp.{name}".startswith(f"{module}."):
        return [f"{name} is not in {link}"]
    names = f"sparsebp.{name}".removeprefix(f"{module}.").split(".")
    thing = import_module(module)
    assert Path(thing.__file__).resolve() == path
    for part in names:
        if not hasattr(thing, part):
            return [f"there is no {name}"]
        thing = getattr(thing, part)
    said = told(path.read_text(encoding="utf-8"), names)
    if said is None:
        return [f"{name} is not defined in {link}"]
    return [] if number in cited(said) else [f"{name} does not cite it"]


def test_every_equation_is_where_the_index_says():
    assert not complaints(TEXT)


UPDATES = "../src/sparsebp/engine/kernels/updates.py"


@pytest.mark.thorough
@pytest.mark.parametrize(
    ("before", "after", "said"),
    [
        (r"^\| 2\.7 .*\n", "", "the numbers are not those"),
        (r"^(\| 2\.7 .*\n)", r"\1\1", "the numbers are not those"),
        (r"^\| B\.5 ", "| B.6 ", "the numbers are not those"),
        (r"^(\| 1\.1 \|).*?(\|.*)", r"\1 \2", "no row"),
        (r"No code: never.*?\|$|No code: it .*?\|$", "|", "no row"),
        (r"No code: it .*?\|$", "Nowhere |", "B.3: neither a target nor a reason"),
        (r"model\.forward`", "model.backward`", "1.1: there is no network.model.backward"),
        (r"model\.forward`", "metrics.forward`", "1.1: network.metrics.forward is not in"),
        (r"(model\.forward`.*)model\.py", r"\1nothing.py", "1.1: no file"),
        (r"(model\.forward`.*)model\.py", r"\1metrics.py", "1.1: network.model.forward is not in"),
        (
            r"network\.model\.forward`(.*)model\.py",
            r"network.metrics.forward`\1metrics.py",
            "1.1: network.metrics.forward is not defined in",
        ),
        (r"model\.forward`", "model.activation`", "1.1: network.model.activation does not cite it"),
        (r"Messages\._output_messages`", "Messages.run`", "2.8: engine.messages.Messages.run does"),
        (r"Messages\._output_messages`", "Messages.out`", "2.8: there is no engine.messages.M"),
    ],
)
def test_what_is_wrong_in_the_index_is_found(before, after, said):
    broken, times = re.subn(before, after, TEXT, count=1, flags=re.M)
    assert times == 1
    assert any(one.startswith(said) for one in complaints(broken)), complaints(broken)


def test_citations_are_read_with_their_ranges():
    text = "Eq. 1.1, and (Eqs. 2.5, 3.1-3.3,\n    A.7). Not 2.9, nor the book's (14.27)."
    assert cited(text) == {"1.1", "2.5", "3.1", "3.2", "3.3", "A.7"}
    for wrong in ("Eqs. 2.5-3.1", "Eqs. 2.5-2.5", "Eqs. 2.5-2.4"):
        with pytest.raises(AssertionError, match="no range"):
            cited(wrong)


def test_constants_say_it_beside_them():
    source = '"""Eq. 1.1."""\n# Eq. 2.1,\n# at last.\nA, B = 1, 2\n"""Eq. 2.2."""\nC: int = 3\n'
    assert cited(told(source, ["B"])) == {"1.1", "2.1", "2.2"}
    assert cited(told(source, ["C"])) == {"1.1"}
    source = 'class K:\n    """Eq. 3.1."""\n\n    u = 1\n'
    assert cited(told(source, ["K", "u"])) == {"3.1"}
    assert told(source, ["u"]) is None
    assert told("from math import tau\n", ["tau"]) is None


def test_docstrings_cite_in_one_way():
    """One number after "Eq.", several after "Eqs.", with commas or hyphens, all of the thesis."""
    wrong, count = [], 0
    for path in sorted((ROOT / "src").rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            text = node.value.value if is_text(node) else ""
            for at in re.finditer(r"\bEqs?\b", text):
                match = CITATION.match(text, at.start())
                numbers = expanded(match[1]) if match else []
                joined = match and re.match(rf"\s+and\s+{NUMBER}", text[match.end() :])
                alike = (at[0] == "Eqs") == (len(numbers) > 1) and set(numbers) <= set(THESIS)
                count += 1
                if not numbers or joined or not alike:
                    wrong.append((path.name, node.lineno, text[at.start() :][:40]))
    assert count > len(THESIS)
    assert not wrong
