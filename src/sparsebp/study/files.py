"""The files of a configuration, and blocks that take over what others have.

``config.yaml`` holds the thesis. Each file in ``workflow/studies`` adds a study: learners,
experiments, figures. What overrides them, as files or as text, comes last.
"""

from copy import deepcopy
from itertools import product
from pathlib import Path

from snakemake.utils import update_config

from sparsebp.study.validation import ConfigError, check_among, load_yaml, show

CONFIG, STUDIES = "config.yaml", "workflow/studies"
ALL = "all"
"""As the value of ``studies``: every file there."""

# Its name says why it is never what a number was meant to be.
GIVEN = "--config (text alone within blocks; --configfile for numbers)"

SECTIONS = ("learners", "experiments", "figures")
"""Blocks by name, to which several files may add."""

ITS_OWN = ("like", "label", "thesis", "message", "found")
"""Keys of a block that another one like it does not take over: they say what it is."""


def read(root: str | Path, configfiles=(), given: dict | None = None) -> tuple[dict, dict]:
    """What the files of a configuration hold, by file.

    Args:
        root: the folder of the project.
        configfiles: those that override the project's own, as Snakemake's option of this name.
        given: what overrides them all, as Snakemake's option ``--config``.

    Returns:
        The project's own files, config.yaml first, and those that override them in turn.

    Raises:
        ConfigError: a file cannot be read, or two of the project's own define the same.
    """
    root = Path(root)
    own = {str(root / CONFIG): load_yaml(root / CONFIG)}
    over = {str(path): load_yaml(path) for path in configfiles} | ({GIVEN: given} if given else {})
    for path in _studies(root / STUDIES, merge(own, over).get("studies", [])):
        part = load_yaml(path)
        _check_new(path, part, own)
        own[str(path)] = part
    return own, over


def study_of(name: str, own: dict, blocks: str = "experiments") -> str:
    """Which of the project's files adds an experiment, by its name without .yaml: that of the
    thesis, unless a study does.

    Args:
        own: the project's own files, from ``read``.
        blocks: where experiments stand in them; or something else that is added in the same way.
    """
    added = (path for path, part in own.items() if name in part.get(blocks, {}))
    return Path(next(added, CONFIG)).stem


def merge(own: dict, over: dict) -> dict:
    """The configuration that files make, from what ``read`` returns, as Snakemake merges them."""
    config, changes = {}, {}
    for merged, parts in ((config, own), (changes, over)):
        for part in parts.values():
            update_config(merged, deepcopy(part))
    update_config(config, changes)
    return config


def _studies(folder: Path, wanted) -> list[Path]:
    """The files of the studies that are switched on, by name."""
    found = {path.stem: path for path in sorted(folder.glob("*.yaml"))}
    if wanted == ALL:
        return list(found.values())
    if not isinstance(wanted, list):
        raise ConfigError(
            f"{CONFIG}: studies: {show(wanted)}; allowed: {ALL}, or a list of {', '.join(found)}"
        )
    for name in wanted:
        check_among(f"{CONFIG}: studies", name, list(found), f"is no file of {STUDIES}")
    return [path for name, path in found.items() if name in wanted]


def _check_new(path: Path, part: dict, others: dict[str, dict]) -> None:
    """Raise ConfigError where a study defines what a file before it does."""
    for other, held in others.items():
        for key in part.keys() & held.keys():
            blocks, there = part[key], held[key]
            if key not in SECTIONS or not isinstance(blocks, dict) or not isinstance(there, dict):
                raise ConfigError(f"{path.name}: {key}: {Path(other).name} has this key, too")
            for name in blocks.keys() & there.keys():
                raise ConfigError(
                    f"{path.name}: {key}.{name}: {Path(other).name} has a block of this name, too"
                )


# Blocks like others.


def complete(config: dict, rules: dict) -> None:
    """Give blocks what they take over: from the block that they are like, and panels and maps from
    their figure. In place.

    A key that a block has itself replaces the other's value, as a whole.

    Args:
        rules: the JSON schema, which says what the keys of a panel and of a map are.

    Raises:
        ConfigError: a block is like none of its section, or like itself by way of others.
    """
    if not isinstance(config, dict):
        return
    for section in SECTIONS:
        blocks = config.get(section)
        if isinstance(blocks, dict):
            config[section] = {name: _taken_over(section, name, blocks) for name in blocks}
    of_figures = rules["properties"]["figures"]["additionalProperties"]["properties"]
    for figure, kind in product(_blocks(config.get("figures")), ("panels", "maps")):
        parts, keys = figure.get(kind), of_figures[kind]["items"]["properties"].keys()
        if isinstance(parts, list) and all(isinstance(part, dict) for part in parts):
            shared = {key: figure.pop(key) for key in [*figure] if key in keys}
            figure[kind] = [deepcopy(shared) | part for part in parts]


def _blocks(section) -> list[dict]:
    values = section.values() if isinstance(section, dict) else ()
    return [block for block in values if isinstance(block, dict)]


def _taken_over(section: str, name: str, blocks: dict, above: tuple[str, ...] = ()):
    """A block with what it takes over. ``above``: names of the blocks that are like it."""
    block = blocks[name]
    if not isinstance(block, dict) or "like" not in block:
        return block
    where, other = f"{section}.{name}.like", block["like"]
    check_among(where, other, list(blocks))
    if other in (name, *above):
        raise ConfigError(f"{where}: {show(other)}, which is like {name}; allowed: other blocks")
    taken = _taken_over(section, other, blocks, (name, *above))
    own = {key: value for key, value in block.items() if key != "like"}
    if not isinstance(taken, dict):
        return own
    return {key: deepcopy(taken[key]) for key in taken if key not in ITS_OWN} | own
