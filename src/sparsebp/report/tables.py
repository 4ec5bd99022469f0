"""The verdicts as Markdown: tables, and in words where they depend on the open choices."""

import json
from collections import Counter
from collections.abc import Iterable
from html import escape
from pathlib import Path
from typing import NamedTuple

from sparsebp.claims.conditions import Point, meets, settings, shortest, words
from sparsebp.claims.numbers import typeset
from sparsebp.claims.verdicts import (
    BY_CONSTRUCTION,
    FAILS,
    FILE,
    HOLDS,
    UNDECIDED,
    experiments,
    number,
)
from sparsebp.report.labels import KEYS as LABELS
from sparsebp.storage import store
from sparsebp.study.markup import markdown
from sparsebp.study.validation import check

SYMBOLS = {HOLDS: "✓", BY_CONSTRUCTION: "=", UNDECIDED: "?", FAILS: "✗"}
MIXED = "±"  # of a claim that has several verdicts under choices
# What a choice may set: every key of `choices.vary` in the configuration's schema.
KEYS = {
    "damping": "share of the old message in the new one, alpha of Eq. 2.14",
    "damped": "which messages are damped",
    "initial_scale": "how random the first log-messages are; 0: uniform ones",
    "initial_messages": "which messages start at random",
    "initial_distribution": "of the first log-messages: normal or uniform",
    "tolerance": "converged when no message changes by more in a step",
    "max_steps": "limit on the number of steps",
    "tie_tolerance": "log-beliefs closer than this to the largest tie with it",
    "output_readout": "output weights are estimated among all states (alphabet) or the non-zero "
    "ones (nonzero)",
    "reinforcement": "r of Eqs. 3.8 and 3.10, for the reinforced learners alone",
}
HYPOTHESES = {
    "output_readout nonzero": "the thesis, which does not say how it reads out output weights, "
    "counts only non-zero ones where it finds the excess of C9",
}
UNDER = "under other choices"
REACH = ("margin", "turns at", "m", "holds from")
EXPLORE = (
    "The [explorer](explorer.html) shows the curves behind each verdict, under every choice.\n"
)
PICTURED = (
    "Of each claim the effect that the deciding test finds and its interval, in margins of that "
    "test. The test holds if the interval lies in the shaded part of the row. A test without a "
    "margin is in units of its effect."
)
COLUMNS = ("", "thesis", "claim", "verdict", "deciding number [interval]", *REACH, "n", UNDER)
NOTE = (
    "n: simulations. Of several tests of a claim one is shown: that nearest to its margin where "
    "the claim holds, else the one farthest from holding. The interval is that which decides; "
    "where a claim does not hold it is corrected for the number of tests."
)
REACHED = (
    " *Turns at*: the margins at which this test would get another verdict, at most two. *Holds "
    "from*: the smallest m such that all tests of the claim hold if their range begins there; a "
    "test at one m has to hold at every later m."
)
WHERE = " *Where* a key has a value: under the choices that set this value, all else as configured."


class Family(NamedTuple):
    """Choices that set the same keys: the points of each by its name."""

    keys: tuple[str, ...]
    points: dict[str, Point]


def read_verdicts(path: str) -> list[dict]:
    """The records of a file of verdicts, as ``verdicts.judge`` returned them.

    Raises:
        BadFile: there is no such file.
        OSError: it cannot be read.
        ValueError: it holds no verdicts.
    """
    store.check_there(path)
    try:
        found = json.loads(Path(path).read_text(encoding="utf-8"), parse_constant=int)
        check(found, FILE)
        for record in found["records"]:
            if record["key"] >= len(record["tests"]):
                raise ValueError(f"{record['id']}: key: {record['key']}; there is no such test")
        if not any(map(configured, found["records"])):
            raise ValueError("no claim is judged as configured")
    except (ValueError, RecursionError) as error:
        raise ValueError(f"{path}: not a file of verdicts ({error})") from None
    return found["records"]


def page(records: list[dict], spec: dict) -> str:
    """Everything about the verdicts: Markdown.

    Args:
        records: as ``verdicts.judge`` returns them.
        spec: as ``Study.verdicts_spec`` returns it.
    """
    parts = ["# Which claims of the thesis hold\n", "`snakemake results/verdicts.json`\n", EXPLORE]
    parts += [
        headline(records),
        f"![{PICTURED}](verdicts.png)\n",
        f"*{PICTURED}*\n",
        table(records),
    ]
    parts += [_by_reading(records, name) for name in spec["readings"]]
    if families := _families(records):
        parts += [_legend(families, spec)]
        parts += [_by_choice(records, family, spec) for family in families]
        parts += ["### Deciding numbers\n", *_numbers(records)]
    return "\n".join(parts)


def headline(records: list[dict]) -> str:
    """How many claims hold in the study as configured: a line."""
    base = Counter(record["verdict"] for record in _configured(records).values())
    forms = {
        HOLDS: ("holds", "hold"),
        FAILS: ("does not hold", "do not hold"),
        UNDECIDED: ("is undecided", "are undecided"),
    }
    holds, fails, undecided = (
        f"{base[verdict]} {words[base[verdict] != 1]}" for verdict, words in forms.items()
    )
    claims = "claim" if base.total() == 1 else "claims"
    return (
        f"Of {base.total()} {claims}, {holds}, {fails} and {undecided} at this number of "
        "simulations.\n"
    )


def failing(records: list[dict]) -> str:
    """The claims that do not hold, in words, folded: Markdown; nothing if there are none."""
    rows = [
        f"- {name}: {markdown(record['statement'])}\n"
        for name, record in _configured(records).items()
        if record["verdict"] == FAILS
    ]
    head = "<details><summary>The claims that do not hold</summary>\n\n"
    return f"{head}{''.join(rows)}\n</details>\n" if rows else ""


def summary(records: list[dict]) -> str:
    """How many claims hold, and for which it depends on what: Markdown."""
    lines = [headline(records)]
    named = _configured(records)
    dependent = [name for name in named if len(_verdicts(records, name)) > 1]
    if dependent:
        lines.append("Some verdicts depend on what the thesis leaves open:\n")
    for name in dependent:
        verdicts = _verdicts(records, name)
        counts = ", ".join(f"{v} under {verdicts[v]}" for v in SYMBOLS if v in verdicts)
        lines.append(
            f"- {name}: {markdown(named[name]['statement'])} Depends on "
            f"{', '.join(_deciding_keys(records, name))}. Of {verdicts.total()} choices: {counts}."
        )
    return "\n".join([*lines, ""] if dependent else lines)


def glance(records: list[dict]) -> dict[str, dict[str, str]]:
    """The verdicts as symbols: for each way to do the study, those of the claims that it tests.

    The ways are the study as configured, all choices together, and each reading.
    """
    rows = {"as configured": _symbols(_configured(records))}
    verdicts = {name: [*_verdicts(records, name)] for name in _configured(records)}
    if any(verdicts.values()):
        rows[UNDER] = {
            name: SYMBOLS[found[0]] if len(found) == 1 else MIXED
            for name, found in verdicts.items()
            if found
        }
    for reading in _readings(records):
        rows[f"under {reading}"] = _symbols(_read(records, reading))
    return rows


def symbols_explained(rows: dict[str, dict[str, str]]) -> str:
    """What the symbols of a glance mean, of those that it has."""
    meanings = {symbol: verdict for verdict, symbol in SYMBOLS.items()}
    meanings[MIXED] = "depends on the choice"
    found = {symbol for symbols in rows.values() for symbol in symbols.values()}
    parts = [f"{symbol} {meaning}" for symbol, meaning in meanings.items() if symbol in found]
    return f"{', '.join(parts)}; empty: not tested."


def matrix(records: list[dict]) -> str:
    """The verdicts at a glance, a column for each claim: Markdown."""
    rows, claims = glance(records), [*_configured(records)]
    cells = [[way, *(found.get(name, "") for name in claims)] for way, found in rows.items()]
    return f"{_markdown(['', *claims], cells)}\n{symbols_explained(rows)}\n"


def _symbols(records: dict[str, dict]) -> dict[str, str]:
    return {name: SYMBOLS[record["verdict"]] for name, record in records.items()}


def table(records: list[dict]) -> str:
    """The claims with their verdicts, in those of the columns that say anything: Markdown."""
    chosen = any(record["choice"] for record in records)
    columns = [column for column in COLUMNS if chosen or column != UNDER]
    readings = {f"under {name}": name for name in _readings(records)}
    columns += readings
    rows = []
    for name, record in _configured(records).items():
        cells = {
            "": name,
            "thesis": markdown(record["thesis"]),
            "claim": markdown(record["statement"]),
            "verdict": f"**{record['verdict']}**: {record['tests'][record['key']]['meaning']}",
            "deciding number [interval]": _deciding(record, record),
            **reach(record),
            "n": record["tests"][record["key"]]["n"],
            UNDER: dependence(records, name),
        }
        for column, reading in readings.items():
            read = _read(records, reading).get(name)
            cells[column] = read["verdict"] if read else ""
        rows.append([cells[column] for column in columns])
    notes = [NOTE, REACHED, WHERE * chosen]
    return f"{_markdown(columns, rows)}\n{''.join(notes)}\n"


def reach(record: dict) -> dict[str, str]:
    """How far the verdict of a record depends on its margin and on its range of m, by ``REACH``."""
    test = record["tests"][record["key"]]
    first, last = test["m"]
    turns = typeset(" and ".join(f"{turn:.2g}" for turn in test["turns"]))
    values = (
        "none" if test["margin"] is None else typeset(f"{test['margin']:g}"),
        turns or "none",
        f"{first}" if first == last else f"{first} to {last}",
        "no m" if record["from"] is None else f"{record['from']}",
    )
    return dict(zip(REACH, values, strict=True))


def dependence(records: list[dict], claim: str) -> str:
    """Under which choices a claim has which verdict, in few words; nothing if it has none."""
    verdicts = _verdicts(records, claim)
    if len(verdicts) < 2:
        return "".join(
            f"{verdict} under {'any of the' if verdict == FAILS else 'all'} {n}"
            for verdict, n in verdicts.items()
        )
    # The most common one, and of two the later, is left for the rest.
    *others, rest = sorted(verdicts, key=lambda v: (verdicts[v], [*SYMBOLS].index(v)))
    parts = [
        f"{verdict} where {', or where '.join(_conditions(records, claim, verdict))}"
        for verdict in others
    ]
    return "; ".join([*parts, f"{rest} under the other {verdicts[rest]}"])


# Records and choices.


def configured(record: dict) -> bool:
    """Whether a record is of the study as configured, and of no choice and no other reading."""
    return record["choice"] is None and record["reading"] is None


def _configured(records: list[dict]) -> dict[str, dict]:
    """The records of the study as configured, by claim."""
    return {record["id"]: record for record in records if configured(record)}


def _readings(records: list[dict]) -> list[str]:
    """The names of the readings that claims are judged under."""
    return list(dict.fromkeys(r["reading"] for r in records if r["reading"] is not None))


def _read(records: list[dict], reading: str) -> dict[str, dict]:
    """The records under a reading, by claim."""
    return {record["id"]: record for record in records if record["reading"] == reading}


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
        keys, point = zip(*settings(choice).items(), strict=True)
        found.setdefault(keys, {})[choice] = point
    return [Family(*item) for item in found.items()]


def _conditions(records: list[dict], claim: str, verdict: str) -> list[str]:
    """Where a claim has a verdict, in words: exactly, family by family."""
    under, families = _chosen(records, claim), _families(records)
    said = []
    for family in families:
        points = {name: point for name, point in family.points.items() if name in under}
        chosen = [point for name, point in points.items() if under[name]["verdict"] == verdict]
        for condition in shortest(chosen, list(points.values())) if chosen else ():
            met = [name for name, point in points.items() if meets(point, condition)]
            if len(met) == 1:
                condition = tuple((value,) for value in points[met[0]])
            text = words(condition, family.keys) or f"{' × '.join(family.keys)} is varied"
            if any({*family.keys} & {*other.keys} for other in families if other is not family):
                text += f", of {' × '.join(family.keys)}"
            said.append(text + " (hypothesis)" * (HYPOTHESES.keys() >= {*met}))
    return said


def _deciding_keys(records: list[dict], claim: str) -> list[str]:
    """What the keys are called that the conditions for the verdicts of a claim name.

    Where a family has one verdict, and another than as configured, these are all its keys.
    """
    under = _chosen(records, claim)
    found: dict[str, None] = {}
    for family in _families(records):
        points = {name: point for name, point in family.points.items() if name in under}
        for verdict in SYMBOLS:
            chosen = [point for name, point in points.items() if under[name]["verdict"] == verdict]
            for condition in shortest(chosen, list(points.values())) if chosen else ():
                other = not any(condition) and verdict != _configured(records)[claim]["verdict"]
                keys = zip(family.keys, condition, strict=True)
                found |= {key: None for key, allowed in keys if allowed or other}
    return [LABELS.get(key, key) for key in found]


# Parts of the page.


def _legend(families: list[Family], spec: dict) -> str:
    total = sum(len(family.points) for family in families)
    lines = [
        "## Under other choices\n",
        f"What the thesis leaves open, tried out: {total} choices, each of which sets some values "
        "and leaves all else as configured. The claims about the experiments that are run again "
        "get a verdict under each, at the numbers of samples of these runs.\n",
    ]
    keys = dict.fromkeys(key for family in families for key in family.keys)
    lines += [f"- `{key}`: {KEYS[key]}." for key in keys if key in KEYS]
    for choice, text in HYPOTHESES.items():
        if any(choice in family.points for family in families):
            lines.append(f"\n**Hypothesis**: {choice}: {text}.")
    symbols = ", ".join(f"{symbol} {verdict}" for verdict, symbol in SYMBOLS.items())
    return "\n".join([*lines, f"\n{symbols}; empty: not tested:\n"])


def _as_configured(spec: dict) -> set[str]:
    """The choices that change no learner."""
    names = set(experiments(spec["claims"]))
    return {choice for choice, renamed in spec["choices"].items() if renamed.keys() <= names}


def _by_reading(records: list[dict], reading: str) -> str:
    """The claims with their verdicts under a reading: Markdown."""
    named, rows = _configured(records), []
    for name, record in _read(records, reading).items():
        test = record["tests"][record["key"]]
        verdict = f"**{record['verdict']}**: {test['meaning']}"
        deciding = _deciding(record, named[name])
        rows.append([name, verdict, deciding, *reach(record).values(), test["n"]])
    head = ["", "verdict", "deciding number [interval]", *REACH, "n"]
    return f"## Under {reading}\n\n{_markdown(head, rows)}"


def _by_choice(records: list[dict], family: Family, spec: dict) -> str:
    """A row for each choice of a family, a column for each claim."""
    claims = [
        name for name in _configured(records) if family.points.keys() & _chosen(records, name)
    ]
    found = {(r["choice"], r["id"]): SYMBOLS[r["verdict"]] for r in records}
    same, rows = _as_configured(spec), []
    for choice, point in family.points.items():
        symbols = (found.get((choice, name), "") for name in claims)
        remark = "as configured" if choice in same else "hypothesis" * (choice in HYPOTHESES)
        rows.append([*point, *symbols, remark])
    return _markdown([*family.keys, *claims, ""], rows)


def _numbers(records: list[dict]) -> Iterable[str]:
    """For each claim, folded: the deciding number under each choice."""
    for name, record in _configured(records).items():
        under = _chosen(records, name)
        rows = [
            [choice, r["verdict"], _deciding(r, record), r["tests"][r["key"]]["n"]]
            for choice, r in {"as configured": record, **under}.items()
        ]
        if under:
            head = ["", "verdict", "deciding number [interval]", "n"]
            title = f"<summary>{name}: {escape(record['statement'])}</summary>"
            yield f"<details>{title}\n\n{_markdown(head, rows)}\n</details>\n"


def _deciding(record: dict, named: dict) -> str:
    """The test that decides, with the curves named as in another record of the claim."""
    test, contrast = record["tests"][record["key"]], named["tests"][record["key"]]["contrast"]
    return f"{contrast}, {test['measured']}: {number(test)}"


def _markdown(head: Iterable[str], rows: list[list]) -> str:
    cells = [[str(cell) for cell in row] for row in [head, *rows]]
    cells.insert(1, ["---"] * len(cells[0]))
    return "".join(f"| {' | '.join(row)} |\n" for row in cells)
