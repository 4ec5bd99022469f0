"""The documentation covers the package: a page for each module, and a tutorial that runs.

That the pages can be made, and that the tutorial runs, is checked by `make docs`.
"""

import ast
import inspect
import json
import pkgutil
import re
from importlib import import_module
from itertools import pairwise
from pathlib import Path

import grimp
import pytest

import sparsebp

ROOT = Path(__file__).parent.parent
CELLS = json.loads((ROOT / "docs/tutorial.ipynb").read_text(encoding="utf-8"))["cells"]
CODE = [cell for cell in CELLS if cell["cell_type"] == "code"]


def modules() -> set[str]:
    found = pkgutil.walk_packages(sparsebp.__path__, "sparsebp.")
    return {module.name for module in found if not module.ispkg}


TEXT = (ROOT / "docs/api.rst").read_text(encoding="utf-8")
LISTED = re.findall(r"^   (sparsebp\.\S+)$", TEXT, re.M)
FOR_OWN_STUDIES = [
    name
    for name in LISTED
    if re.match(
        r"sparsebp\.(api|scratch|network|engine\.(?!kernels|algebras|equations)|storage\.store)",
        name,
    )
]


def test_every_module_has_a_page_and_every_page_a_module():
    assert not modules() - set(LISTED), "without a page: list them in docs/api.rst"
    assert not set(LISTED) - modules(), "pages in docs/api.rst without a module"
    assert len(LISTED) == len(set(LISTED))


def test_pages_are_in_the_order_of_the_readme():
    layout = (ROOT / "README.md").read_text(encoding="utf-8").partition("\nsrc/sparsebp/ ")[2]
    lines = re.findall(r"^ {4,12}(\S.*?)(?: {2,}|$)", layout.partition("\nspeed/")[0], re.M)
    names = [name for line in lines for name in line.split(", ") if not name.endswith("/")]
    assert names == [name.split(".")[-1] for name in LISTED if ".steps." not in name]


def test_no_wing_imports_from_one_above_it():
    """In the order of the README; within the engine, the kernels do not know what runs them."""
    graph = grimp.build_graph("sparsebp")
    wings = ["steps", "report", "study", "scratch", "api", "engine", "storage", "network"]
    assert not graph.find_illegal_dependencies_for_layers(
        layers=["program", "cli", *wings], containers={"sparsebp"}
    )
    assert not graph.find_illegal_dependencies_for_layers(
        layers=["storage", "network"], containers={"sparsebp"}
    )
    assert not graph.find_illegal_dependencies_for_layers(
        layers=["study", "claims", "network"], containers={"sparsebp"}
    )
    assert not graph.find_illegal_dependencies_for_layers(
        layers=["learning", "messages", "kernels"], containers={"sparsebp.engine"}
    )
    assert not graph.nominate_cycle_breakers("sparsebp")


# What the pages say


def public(module: str) -> list[tuple[str, object]]:
    """Functions, classes and their methods that a module defines, without a leading underscore."""
    found, loaded = [], import_module(module)
    for name, thing in vars(loaded).items():
        if name.startswith("_") or getattr(thing, "__module__", None) != module:
            continue
        if inspect.isfunction(thing):
            found.append((name, thing))
        elif inspect.isclass(thing):
            found.append((name, thing))
            for inner, method in vars(thing).items():
                method = getattr(method, "__func__", method)
                if not inner.startswith("_") and inspect.isfunction(method):
                    found.append((f"{name}.{inner}", method))
    return found


@pytest.mark.parametrize("module", LISTED)
def test_everything_public_has_a_docstring(module):
    assert import_module(module).__doc__
    assert not [name for name, thing in public(module) if not inspect.getdoc(thing)]


def told(module: str, thing) -> str:
    """A docstring, and that of the function to which it refers for the arguments."""
    text = inspect.getdoc(thing)
    for other in re.findall(r"Arguments as for ``(\w+)``", text):
        text += inspect.getdoc(vars(import_module(module))[other])
    return text


@pytest.mark.parametrize("module", FOR_OWN_STUDIES)
def test_docstrings_mention_all_arguments(module):
    missing = []
    for name, thing in public(module):
        if inspect.isclass(thing) and issubclass(thing, Exception | int):
            continue
        for argument in inspect.signature(thing).parameters:
            if argument not in ("self", "cls") and not re.search(
                rf"\b{argument}\b", told(module, thing)
            ):
                missing.append(f"{name}: {argument}")
    assert not missing


# The tutorial


def test_the_tutorial_is_kept_without_outputs():
    assert len(CODE) > 5
    assert not [cell["id"] for cell in CODE if cell["outputs"] or cell["execution_count"]]


def test_the_tutorial_uses_the_public_interface_alone():
    lines = [line for cell in CODE for line in "".join(cell["source"]).splitlines()]
    tree = ast.parse("\n".join(line for line in lines if not line.startswith("%")))
    imports = [node for node in ast.walk(tree) if isinstance(node, ast.Import | ast.ImportFrom)]
    ours = [ast.unparse(node) for node in imports if "sparsebp" in ast.unparse(node)]
    assert ours == ["import sparsebp as sb"]
    used = [node for node in ast.walk(tree) if isinstance(node, ast.Attribute)]
    assert {n.attr for n in used if ast.unparse(n.value) == "sb"} <= set(sparsebp.__all__)
    assert not [node.attr for node in used if node.attr.startswith("_")]


def test_the_tutorial_says_what_it_does_between_the_steps():
    kinds = [cell["cell_type"] for cell in CELLS]
    assert kinds[0] == "markdown"
    assert ("code", "code") not in pairwise(kinds)
