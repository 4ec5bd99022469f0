"""The page of all keys of the configuration and all quantities: docs/keys.md, from the schema.

python -m docs.write_keys
"""

from copy import deepcopy
from pathlib import Path

from sparsebp.network.quantities import QUANTITIES
from sparsebp.storage.atomic import written_whole
from sparsebp.study.markup import markdown
from sparsebp.study.schema import load_schema

ROOT = Path(__file__).parents[1]
PAGE = ROOT / "docs/keys.md"
SCHEMA = ROOT / "workflow/schemas/config.schema.yaml"
HEAD = """# Every key

Each block of [`config.yaml`](../config.yaml) and of the files in
`workflow/studies`: what each key means, what it may be, and its default.
`python -m docs.write_keys` writes this page from the
[schema](../workflow/schemas/config.schema.yaml). How to put a study together:
[experiments.md](experiments.md).

A dot goes one block deeper; `[]` is each item of a list. Learners, experiments, figures
and cases of from_scratch are blocks under names that you choose, and the tables list the keys of
each.
"""
RELATIONS = {
    "minimum": "≥ ",
    "exclusiveMinimum": "> ",
    "maximum": "≤ ",
    "exclusiveMaximum": "< ",
}


def page() -> str:
    """The page, as it should stand in docs/."""
    schema = deepcopy(load_schema(SCHEMA))
    parts = [HEAD]
    for name, rule in schema["properties"].items():
        rule = _resolved(rule, schema)
        parts.append(f"## {name}\n\n{markdown(rule['description'])}\n")
        rows = list(_rows(rule, "", schema))
        if rows:
            parts.append(_table("key | may be | default | meaning", rows))
    parts.append("## Quantities\n\nWhat results hold for each learner, simulation and m.\n")
    quantities = (
        (f"`{name}`", *map(markdown, (quantity.about, quantity.comment)))
        for name, quantity in QUANTITIES.items()
    )
    parts.append(_table("quantity | what it is | where it is defined, or for what", quantities))
    return "\n".join(parts)


def _table(head: str, rows) -> str:
    rule = " | ".join(["---"] * (head.count("|") + 1))
    return "".join(f"| {line} |\n" for line in (head, rule, *map(" | ".join, rows)))


def _resolved(rule: dict, schema: dict) -> dict:
    """A rule with what it refers to; its own words come first."""
    if "$ref" not in rule:
        return rule
    return schema["$defs"][rule["$ref"].rpartition("/")[2]] | rule


def _rows(rule: dict, above: str, schema: dict):
    """The rows of the keys in a block: name, what is allowed, default, meaning."""
    required = rule.get("required", ())
    for key, inner in rule.get("properties", {}).items():
        inner = _resolved(inner, schema)
        default = f"`{inner['default']}`" if "default" in inner else ""
        if inner.get("default") in ("", {}, []):
            default = ""
        what = "required" if key in required else default
        meaning = markdown(inner.get("description", ""))
        yield f"`{above}{key}`", _allowed(inner, schema), what, meaning
        if key != "inference":  # which has a table of its own
            yield from _rows(inner, f"{above}{key}.", schema)
        items = inner.get("items")
        if items and "properties" in items:
            yield from _rows(items, f"{above}{key}[].", schema)
    named = rule.get("additionalProperties")
    if isinstance(named, dict) and "properties" in named:
        yield from _rows(named, above, schema)


def _allowed(rule: dict, schema: dict) -> str:
    """What a key may be, in a few words."""
    rule = _resolved(rule, schema)
    if "enum" in rule:
        return ", ".join(f"`{value}`" for value in rule["enum"])
    if "oneOf" in rule:
        return "; or ".join(_allowed(option, schema) for option in rule["oneOf"])
    match rule.get("type"):
        case "object":
            return "block"
        case "array":
            return f"list: {_allowed(rule['items'], schema)}"
        case "string":
            return "text"
        case "boolean":
            return "`true`, `false`"
        case kind:
            if "exclusiveMinimum" in rule:
                rule.pop("minimum", None)
            limits = [f"{sign}{rule[key]:g}" for key, sign in RELATIONS.items() if key in rule]
            return " ".join([str(kind), ", ".join(limits)]).strip()


if __name__ == "__main__":
    with written_whole(PAGE) as path:
        path.write_text(page(), encoding="utf-8")
