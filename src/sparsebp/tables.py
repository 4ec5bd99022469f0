"""The verdicts as Markdown: tables, and in words where they depend on the open choices."""

from collections import Counter
from collections.abc import Iterable
from typing import NamedTuple

from sparsebp.conditions import Point, cost, shortest, words
from sparsebp.verdicts import FAILS, HOLDS, UNDECIDED, experiments, number

SYMBOLS = {HOLDS: "✓", UNDECIDED: "?", FAILS: "✗"}
# What a choice may set: every key of `choices.vary` in the configuration's schema.
KEYS = {
    "damping": "share of the old message in the new one, alpha of Eq. 2.14",
    "damped": "which messages are damped",
    "initial_scale": "standard deviation of the random first log-messages; 0: uniform ones",
    "tolerance": "converged when no message changes by more in a step",
    "max_steps": "limit on the number of steps",
    "tie_tolerance": "log-beliefs closer than this to the largest tie with it",
    "output_readout": "output weights are estimated among all states (alphabet) or the non-zero "
    "ones (nonzero); **hypothesis for C9**: that the thesis reports the latter, where it finds an "
    "excess of non-zero weights. The thesis does not say so",
    "reinforcement": "r of Eqs. 3.8 and 3.10, for the reinforced learners alone",
}
COLUMNS = ("", "thesis", "claim", "verdict", "deciding number [interval]", "n")
SHORT = ("", "claim", "verdict", "deciding number [interval]", "n", "under other choices")
NOTE = (
    "n: simulations. Of several tests of a claim, the tightest is shown, with the interval that "
    "decides: corrected for the number of tests where the claim does not hold.\n"
)


class Family(NamedTuple):
    """Choices that set the same keys: the points of each by its name."""

    keys: tuple[str, ...]
    points: dict[str, Point]

    @property
    def name(self) -> str:
        """The keys, or the choice if there is one only."""
        return " × ".join(self.keys) if len(self.points) > 1 else next(iter(self.points))


def page(records: list[dict], spec: dict) -> str:
    """Everything about the verdicts: Markdown.

    Args:
        records: as ``verdicts.judge`` returns them.
        spec: the ``claims`` and the ``choices`` that they are about.
    """
    parts = ["# Which claims of the thesis hold\n", "`snakemake results/verdicts.json`\n"]
    parts += [summary(records), table(records)]
    if families := _families(records):
        parts += [_legend(families, spec), _by_claim(records, families)]
        parts += [f"{', '.join(f'{symbol} {verdict}' for verdict, symbol in SYMBOLS.items())}:\n"]
        parts += [_by_choice(records, family, spec) for family in families]
        parts += ["### Deciding numbers\n", *_numbers(records, families)]
    return "\n".join(parts)


def summary(records: list[dict]) -> str:
    """How many claims hold, and for which it depends on the choice: Markdown."""
    base = Counter(record["verdict"] for record in _configured(records).values())
    lines = [
        f"Of {base.total()} claims, {base[HOLDS]} hold, {base[FAILS]} do not hold and "
        f"{base[UNDECIDED]} are undecided at this number of simulations."
    ]
    dependent = [name for name in _configured(records) if len(_verdicts(records, name)) > 1]
    if dependent:
        lines.append("Open choices matter to some:\n")
        lines += [f"- {name}: {dependence(records, name)}." for name in dependent]
    return "\n".join(lines) + "\n"


def table(records: list[dict], columns: tuple[str, ...] = COLUMNS) -> str:
    """The claims with their verdicts, in some of the columns: a Markdown table."""
    rows = []
    for name, record in _configured(records).items():
        cells = {
            "": name,
            "thesis": record["thesis"],
            "claim": record["statement"],
            "verdict": f"**{record['verdict']}**",
            "deciding number [interval]": _deciding(record, record),
            "n": record["tests"][record["key"]]["n"],
            "under other choices": dependence(records, name),
        }
        rows.append([cells[column] for column in columns])
    return _markdown(columns, rows) + "\n" + NOTE


def dependence(records: list[dict], claim: str) -> str:
    """Under which choices a claim has which verdict, in words; nothing if it has none."""
    verdicts = _verdicts(records, claim)
    if len(verdicts) < 2:
        return "".join(f"{verdict} under all {n}" for verdict, n in verdicts.items())
    said: dict[str, list[str]] = {}
    for family in _families(records):
        if text := _where(records, claim, family):
            said.setdefault(text, []).append(family.name)
    return "; ".join(f"{', '.join(names)}: {text}" for text, names in said.items())


# Records and choices.


def _configured(records: list[dict]) -> dict[str, dict]:
    """The records of the study as configured, by claim."""
    return {record["id"]: record for record in records if record["choice"] is None}


def _chosen(records: list[dict], claim: str) -> dict[str, dict]:
    """The records of a claim under each choice."""
    return {r["choice"]: r for r in records if r["id"] == claim and r["choice"] is not None}


def _verdicts(records: list[dict], claim: str) -> Counter:
    """How often a claim has which verdict under the choices."""
    return Counter(record["verdict"] for record in _chosen(records, claim).values())


def _families(records: list[dict]) -> list[Family]:
    """The choices, named ``key value, key value``, by the keys that they set."""
    found: dict[tuple[str, ...], dict[str, Point]] = {}
    for choice in dict.fromkeys(r["choice"] for r in records if r["choice"] is not None):
        settings = [part.partition(" ")[::2] for part in choice.split(", ")]
        keys, point = zip(*settings, strict=True)
        found.setdefault(keys, {})[choice] = point
    return [Family(*item) for item in found.items()]


def _where(records: list[dict], claim: str, family: Family) -> str:
    """Which verdict a claim has where among the choices of a family, in words."""
    found = _chosen(records, claim)
    verdicts = {p: found[name]["verdict"] for name, p in family.points.items() if name in found}
    conditions = {
        verdict: shortest([p for p, v in verdicts.items() if v == verdict], list(verdicts))
        for verdict in SYMBOLS
        if verdict in verdicts.values()
    }
    # The verdict that takes the most words is left for elsewhere.
    *others, rest = sorted(conditions, key=lambda v: sum(map(cost, conditions[v]))) or [""]
    if not others:
        return rest
    parts = [
        f"{verdict} where {', or where '.join(words(c, family.keys) for c in conditions[verdict])}"
        for verdict in others
    ]
    return ", ".join([*parts, f"elsewhere {rest}"])


# Parts of the page.


def _legend(families: list[Family], spec: dict) -> str:
    total = sum(len(family.points) for family in families)
    lines = [
        f"## Under other choices\n\nWhat the thesis leaves open, tried out: {total} choices, each "
        "of which sets the values that it names and leaves all else as configured. Claims about "
        "the experiments that are run again get a verdict under each, at the numbers of samples of "
        "these runs. The choices come in families that vary the same keys:\n"
    ]
    keys = dict.fromkeys(key for family in families for key in family.keys)
    lines += [f"- `{key}`: {KEYS[key]}." for key in keys if key in KEYS]
    if same := _as_configured(spec):
        lines.append(f"\nAs configured: {' and '.join(sorted(same))}.")
    return "\n".join(lines) + "\n"


def _as_configured(spec: dict) -> set[str]:
    """The choices that change no learner."""
    names = set(experiments(spec["claims"]))
    return {choice for choice, renamed in spec["choices"].items() if renamed.keys() <= names}


def _by_claim(records: list[dict], families: list[Family]) -> str:
    rows = [
        [name, record["verdict"], *(_where(records, name, family) for family in families)]
        for name, record in _configured(records).items()
        if _chosen(records, name)
    ]
    return _markdown(["", "as configured", *(family.name for family in families)], rows)


def _by_choice(records: list[dict], family: Family, spec: dict) -> str:
    """A row for each choice of a family, a column for each claim."""
    claims = [
        name for name in _configured(records) if family.points.keys() & _chosen(records, name)
    ]
    found = {(r["choice"], r["id"]): SYMBOLS[r["verdict"]] for r in records}
    same, rows = _as_configured(spec), []
    for choice, point in family.points.items():
        symbols = (found.get((choice, name), "") for name in claims)
        rows.append([*point, *symbols, "as configured" if choice in same else ""])
    return _markdown([*family.keys, *claims, ""], rows)


def _numbers(records: list[dict], families: list[Family]) -> Iterable[str]:
    """For each claim, folded: the deciding number under each choice."""
    for name, record in _configured(records).items():
        under = _chosen(records, name)
        rows = [
            [choice, r["verdict"], _deciding(r, record), r["tests"][r["key"]]["n"]]
            for choice, r in {"as configured": record, **under}.items()
        ]
        if under:
            head = ["", "verdict", "deciding number [interval]", "n"]
            title = f"<summary>{name}: {record['statement']}</summary>"
            yield f"<details>{title}\n\n{_markdown(head, rows)}\n</details>\n"


def _deciding(record: dict, named: dict) -> str:
    """The test that decides, with the curves named as in another record of the claim."""
    test, contrast = record["tests"][record["key"]], named["tests"][record["key"]]["contrast"]
    return f"{contrast}, {test['measured']}: {number(test)}"


def _markdown(head: Iterable[str], rows: list[list]) -> str:
    cells = [[str(cell).replace("|", "\\|") for cell in row] for row in [head, *rows]]
    cells.insert(1, ["---"] * len(cells[0]))
    return "".join(f"| {' | '.join(row)} |\n" for row in cells)
