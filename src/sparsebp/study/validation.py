"""YAML, read strictly, and checked with one message that names key, value and what is allowed."""

import math
import re
from copy import deepcopy
from difflib import get_close_matches
from functools import reduce
from pathlib import Path

import yaml
from jsonschema import Draft202012Validator, validators
from jsonschema.exceptions import ValidationError, best_match


def is_number(_, value) -> bool:
    """Whether a value is a finite number, and not a truth value."""
    return _is_integer(_, value) or (isinstance(value, float) and math.isfinite(value))


def _is_integer(_, value) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


# JSON Schema takes 2.0 for an integer, and YAML's .nan and .inf for numbers; a study does not.
Validator = validators.extend(
    Draft202012Validator,
    type_checker=Draft202012Validator.TYPE_CHECKER.redefine_many(
        {"number": is_number, "integer": _is_integer}
    ),
)


# A file has at most so many characters; so many values, those that an alias repeats counted again;
# and so many characters in one value.
CHARACTERS, VALUES, CHARACTERS_OF_VALUE = 10**6, 10**5, 1500
YAML_KINDS = ("map", "seq", "str", "int", "float", "bool", "null", "merge")
TAGS = {f"tag:yaml.org,2002:{kind}" for kind in YAML_KINDS}
TEMPLATE = "__use_yte__"  # with this key, Snakemake evaluates what a file says as Python
LONGEST_SHOWN = 100  # characters of a value in a message


class ConfigError(ValueError):
    """A configuration that cannot be run; the message names the key, the value and what may be."""


def load_yaml(path: str | Path) -> dict:
    """The blocks of a YAML file, which is read more strictly than YAML asks.

    A key stands once in a block, which YAML demands and PyYAML does not check; values are text,
    numbers, true, false and null; and aliases repeat what does not grow without bounds.

    Raises:
        ConfigError: what is wrong with the file, in one line that names it.
    """
    name = Path(path).name
    try:
        with open(path, encoding="utf-8") as file:
            text = file.read(CHARACTERS + 1)
        if len(text) > CHARACTERS:
            raise ConfigError(f"more than {CHARACTERS} characters, which is the most allowed")
        loader = yaml.SafeLoader(text)  # deep nesting crashes the program in CSafeLoader
        root = loader.get_single_node()
        if not isinstance(root, yaml.MappingNode):
            raise ConfigError("there are no keys at its top level")
        _expanded(root, {})
        found = loader.construct_document(root)
        if TEMPLATE in found:
            raise ConfigError(f"key {TEMPLATE!r}: templates are not allowed")
    except yaml.MarkedYAMLError as error:
        said = " ".join(filter(None, (error.context, error.problem)))
        raise ConfigError(f"{name}: line {error.problem_mark.line + 1}: {said}") from None
    except RecursionError:
        raise ConfigError(f"{name}: blocks are nested too deeply") from None
    except OSError as error:
        raise ConfigError(f"{name}: cannot be read ({error.strerror})") from None
    except (yaml.YAMLError, UnicodeDecodeError, ConfigError) as error:
        raise ConfigError(f"{name}: {' '.join(str(error).split())}") from None
    except (ValueError, LookupError) as error:
        raise ConfigError(f"{name}: a value is not of the type of its tag ({error})") from None
    return found


def _expanded(node: yaml.Node, sizes: dict[yaml.Node, int | None]) -> int:
    """Check a node, and count the values in it. ``sizes``: of nodes done; None: of those above."""
    if node not in sizes:
        sizes[node] = None
        parts = node.value
        if isinstance(node, yaml.ScalarNode):
            parts = []
            if len(node.value) > CHARACTERS_OF_VALUE:
                raise _trouble(node, f"a value of more than {CHARACTERS_OF_VALUE} characters")
            _check_plain(node)
        elif isinstance(node, yaml.MappingNode):
            parts = [part for pair in node.value for part in pair]
            for key in parts[::2]:
                if not isinstance(key, yaml.ScalarNode):
                    raise _trouble(key, "a list or block as a key; allowed: text")
            seen = set()
            for key in parts[::2]:
                if key.value in seen:
                    raise _trouble(key, f"key {show(key.value)}, a second time in its block")
                seen.add(key.value)
        if node.tag not in TAGS:
            kind = node.tag.removeprefix("tag:yaml.org,2002:")
            raise _trouble(
                node,
                f"a value of type {show(kind)}; allowed: text (in quotes if need be), numbers, "
                "true, false, null, lists, blocks",
            )
        sizes[node] = 1 + sum(_expanded(part, sizes) for part in parts)
        if sizes[node] > VALUES:
            raise _trouble(node, f"more than {VALUES} values, with those that aliases repeat")
    if sizes[node] is None:
        raise _trouble(node, "a block that contains itself")
    return sizes[node]


# Of numbers and truth values YAML 1.1 has more forms than these: 010 is 8 there, 1:30 is 90, 0x10
# is 16, and yes is true.
PLAIN = {
    "int": re.compile(r"[-+]?(0|[1-9][0-9]*)"),
    "float": re.compile(r"(?i)[-+]?(0|[1-9][0-9]*)?(\.[0-9]*)?(e[-+][0-9]+)?|[-+]?\.inf|\.nan"),
    "bool": re.compile("(?i)true|false"),
}


def _check_plain(node: yaml.ScalarNode) -> None:
    """Refuse a number or truth value that reads as another one, or as text, to most people."""
    kind = node.tag.removeprefix("tag:yaml.org,2002:")
    if kind in PLAIN and not PLAIN[kind].fullmatch(node.value):
        means = _as_yaml(yaml.SafeLoader("").construct_object(node))
        raise _trouble(
            node,
            f"{node.value} means {means} in YAML; write {means}, or {node.value!r} with its quotes "
            "if it is text",
        )


def _as_yaml(number) -> str:
    """A number as YAML has it."""
    return yaml.safe_dump(number).split("\n")[0]


def _trouble(node: yaml.Node, problem: str) -> yaml.MarkedYAMLError:
    return yaml.MarkedYAMLError(problem=problem, problem_mark=node.start_mark)


def check(value, rules: dict) -> None:
    """Raise ConfigError, in one line, unless a value is as a JSON schema says."""
    error = best_match(Validator(rules).iter_errors(value))
    if error is not None:
        raise ConfigError(_message(error))


def show(value) -> str:
    """A value for a message; the end of a long one is left out."""
    text = repr(value)
    return text if len(text) <= LONGEST_SHOWN else f"{text[:LONGEST_SHOWN]}..."


def listed(allowed) -> str:
    """What is allowed, for a message; the end of many is left out."""
    names = ", ".join(map(str, allowed))
    return names if len(names) <= 5 * LONGEST_SHOWN else f"{names[: 5 * LONGEST_SHOWN]}..."


def nearest(value, allowed) -> str:
    """Say which of the allowed names is most like a value; an empty text where none is."""
    names = [name for name in allowed if isinstance(name, str)]
    found = get_close_matches(value, names, n=1) if isinstance(value, str) else []
    return f"; nearest: {found[0]}" if found else ""


def _message(error: ValidationError) -> str:
    """One line that names the key, the value and what is allowed."""
    if error.context:
        # Of several alternatives, explain the one of the type that was given.
        kinds = [e.validator_value for e in error.context if e.validator == "type" and not e.path]
        if len(kinds) == len(error.schema["oneOf"]):
            where = _key(error)
            return f"{where}: {show(error.instance)} is not of type {' or '.join(kinds)}"
        error = min(error.context, key=lambda e: (e.validator == "type", -len(e.absolute_path)))
    where, value, rule = _key(error), show(error.instance), error.validator_value
    match error.validator:
        case "additionalProperties":
            allowed = sorted(error.schema["properties"])
            unknown = sorted(set(error.instance) - set(allowed), key=repr)
            return f"{where}: unknown key {show(unknown[0])}; allowed: {', '.join(allowed)}"
        case "required":
            missing = [key for key in rule if key not in error.instance]
            return f"{where}: key {missing[0]!r} is missing"
        case "enum":
            return f"{where}: {value}; allowed: {', '.join(map(str, rule))}"
        case "type":
            return f"{where}: {value} is not of type {rule}{_hint(error.instance, rule)}"
        case "pattern":
            return f"{where}: {value} is not allowed; it must match {rule}"
        case "minimum" | "exclusiveMinimum" | "maximum" | "exclusiveMaximum":
            relation = {
                "minimum": "at least",
                "exclusiveMinimum": "greater than",
                "maximum": "at most",
                "exclusiveMaximum": "less than",
            }
            return f"{where}: {value}; must be {relation[error.validator]} {rule}"
        case _:
            return f"{where}: {error.message.replace(repr(error.instance), value)}"


def _hint(value, kind: str) -> str:
    """What to write for a number that YAML takes for text, as it does 1e-6 without a point."""
    try:
        number = float(value) if isinstance(value, str) and kind in ("number", "integer") else None
    except ValueError:
        number = None
    if number is None or not math.isfinite(number):
        return ""
    if number.is_integer():
        return f"; write {int(number)}"
    return f"; write {_as_yaml(number)}" if kind == "number" else ""


def _key(error: ValidationError) -> str:
    return ".".join(map(str, error.absolute_path)) or "top level"


def fill_defaults(value, schema: dict, root: dict) -> None:
    """Write the schema's defaults into a valid configuration, in place.

    Those of a shared definition only where the key itself has a default: blocks of overrides stay
    as they are. Keys that the schema names come out in its order, so that their order in the file
    does not matter.
    """
    if "$ref" in schema:
        path = schema["$ref"].removeprefix("#/").split("/")
        fill_defaults(value, reduce(dict.__getitem__, path, root), root)
    for option in schema.get("oneOf", []):
        if Validator(root).evolve(schema=option).is_valid(value):
            fill_defaults(value, option, root)
    if isinstance(value, dict):
        properties = schema.get("properties", {})
        for key, rule in properties.items():
            if key in value or "default" in rule:
                value[key] = value.pop(key, deepcopy(rule.get("default")))
        for key, item in value.items():
            rule = properties.get(key, schema.get("additionalProperties"))
            if isinstance(rule, dict) and ("$ref" not in rule or "default" in rule):
                fill_defaults(item, rule, root)
    elif isinstance(value, list) and "items" in schema:
        for item in value:
            fill_defaults(item, schema["items"], root)


def check_either(where: str, block: dict, one: str, *others: str) -> str:
    """The one of these keys that a block has. Raises ConfigError where it has none, or several."""
    found = [key for key in (one, *others) if key in block]
    if len(found) > 1:
        one, other = found[:2]
        raise ConfigError(f"{where}.{other}: {show(block[other])}; not allowed together with {one}")
    if not found:
        places = " or ".join(map(repr, others))
        raise ConfigError(f"{where}: key {one!r} is missing, or {places} in its place")
    return found[0]


def check_among(where: str, value, allowed, trouble: str = "is not defined") -> None:
    """Raise ConfigError unless a value is among those allowed."""
    if value not in allowed:
        raise ConfigError(
            f"{where}: {show(value)} {trouble}{nearest(value, allowed)}; allowed: {listed(allowed)}"
        )
