"""Checking blocks of YAML, with one message that names the key, the value and what is allowed."""

import math
from copy import deepcopy
from functools import reduce
from pathlib import Path

import yaml
from jsonschema import Draft202012Validator, validators
from jsonschema.exceptions import ValidationError, best_match


def is_number(_, value) -> bool:
    if _is_integer(_, value):
        return abs(value) < 2**1023
    return isinstance(value, float) and math.isfinite(value)


def _is_integer(_, value) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


# JSON Schema takes 2.0 for an integer, and YAML's .nan and .inf for numbers; a study does not.
Validator = validators.extend(
    Draft202012Validator,
    type_checker=Draft202012Validator.TYPE_CHECKER.redefine_many(
        {"number": is_number, "integer": _is_integer}
    ),
)


class ConfigError(ValueError):
    """A configuration that cannot be run; the message names the key, the value and what may be."""


def validated(value, schema: str | Path) -> dict:
    """The JSON schema in a file, after checking a value against it. Raises ConfigError."""
    rules = yaml.safe_load(Path(schema).read_text(encoding="utf-8"))
    error = best_match(Validator(rules).iter_errors(value))
    if error is not None:
        raise ConfigError(_message(error))
    return rules


def _message(error: ValidationError) -> str:
    """One line that names the key, the value and what is allowed."""
    if error.context:
        # Of several alternatives, explain the one of the type that was given.
        kinds = [e.validator_value for e in error.context if e.validator == "type" and not e.path]
        if len(kinds) == len(error.schema["oneOf"]):
            where = ".".join(str(part) for part in error.absolute_path)
            return f"{where}: {error.instance!r} is not of type {' or '.join(kinds)}"
        error = min(error.context, key=lambda e: (e.validator == "type", -len(e.absolute_path)))
    where = ".".join(str(part) for part in error.absolute_path) or "top level"
    value, rule = error.instance, error.validator_value
    match error.validator:
        case "additionalProperties":
            allowed = sorted(error.schema["properties"])
            unknown = sorted(set(value) - set(allowed), key=repr)
            return f"{where}: unknown key {unknown[0]!r}; allowed: {', '.join(allowed)}"
        case "required":
            missing = [key for key in rule if key not in value]
            return f"{where}: key {missing[0]!r} is missing"
        case "enum":
            return f"{where}: {value!r}; allowed: {', '.join(map(str, rule))}"
        case "type":
            return f"{where}: {value!r} is not of type {rule}"
        case "pattern":
            return f"{where}: the name {value!r} is not allowed; it must match {rule}"
        case "minimum" | "exclusiveMinimum" | "maximum" | "exclusiveMaximum":
            relation = {
                "minimum": "at least",
                "exclusiveMinimum": "greater than",
                "maximum": "at most",
                "exclusiveMaximum": "less than",
            }
            return f"{where}: {value!r}; must be {relation[error.validator]} {rule}"
        case _:
            return f"{where}: {error.message}"


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
        if Validator(option).is_valid(value):
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


def check_either(where: str, block: dict, one: str, other: str) -> None:
    if one in block and other in block:
        raise ConfigError(f"{where}.{other}: {block[other]!r}; not allowed together with {one}")
    if one not in block and other not in block:
        raise ConfigError(f"{where}: key {one!r} is missing, or {other!r} in its place")


def check_among(where: str, value, allowed, trouble: str = "is not defined") -> None:
    if value not in allowed:
        raise ConfigError(f"{where}: {value!r} {trouble}; allowed: {', '.join(map(str, allowed))}")
