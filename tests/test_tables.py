"""The verdicts as Markdown: what stands in the tables, and words that are true of the records."""

from itertools import product

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from sparsebp.claims.verdicts import FAILS, HOLDS, UNDECIDED
from sparsebp.report import tables
from sparsebp.study.config import Study
from tests.conftest import ROOT

GRID = [f"damping {d}, initial_scale {s}" for d, s in product(["0", "0.3"], ["0", "0.1", "1"])]
READOUT, REINFORCEMENT = "output_readout nonzero", ["reinforcement 0.01", "reinforcement 0.1"]
EVERY = [*GRID, READOUT, *REINFORCEMENT]
SAME = {"damping 0.3, initial_scale 0", "reinforcement 0.01"}
SPEC = {
    "claims": {"claims": [{"id": "C1", "tests": [{"a": ["e", "ms"], "b": ["e", "bp"]}]}]},
    "choices": {c: {"e": "e_again"} | ({} if c in SAME else {"ms": "ms-x"}) for c in EVERY},
    "readings": {},
}


def record(name="C1", choice=None, verdict=HOLDS, effect=0.125):
    """A record of a claim of two tests, of which the second decides."""
    learner = "ms" if choice is None else "ms-x"
    test = {"contrast": f"{learner} − bp in e", "measured": "weight error at m = 2", "n": 7}
    test |= {"effect": effect, "interval": [0.1, 0.2], "corrected": [0.0, None], "verdict": verdict}
    test |= {"meaning": "lower", "m": [1, 3], "margin": 0.01, "turns": [0.12345]}
    first = test | {"contrast": "nothing of interest", "n": 3}
    statement = f"So | it is with {name}."
    record = {"id": name, "thesis": "Fig. 1", "statement": statement, "choice": choice}
    record |= {"reading": None}
    return record | {"verdict": verdict, "key": 1, "tests": [first, test], "from": 2}


def records(rule, base=FAILS, name="C1", choices=EVERY):
    """The records of a claim whose verdict under a choice is given by a rule."""
    return [record(name, None, base), *(record(name, c, rule(c)) for c in choices)]


def cells(text):
    """The cells of each row of the Markdown tables in a text."""
    rows = (line.replace("&#124;", "¦") for line in text.splitlines() if line.startswith("|"))
    return [[cell.strip() for cell in row[1:-1].split("|")] for row in rows]


def warm(choice):
    return HOLDS if choice.endswith("initial_scale 1") else FAILS


def test_the_table_has_a_row_for_each_claim():
    text = tables.table([record(), record("C2", verdict=FAILS)])
    head, line, *rows = cells(text)
    assert head == list(tables.COLUMNS[:-1])
    assert line == ["---"] * len(head)
    number = "ms − bp in e, weight error at m = 2: 0.125"
    said, end = "So ¦ it is with", ["0.01", "0.12", "1 to 3", "2", "7"]
    assert rows == [
        ["C1", "Fig. 1", f"{said} C1.", "**holds**: lower", f"{number} [0.1, 0.2]", *end],
        ["C2", "Fig. 1", f"{said} C2.", "**does not hold**: lower", f"{number} [0, ∞]", *end],
    ]


@pytest.mark.parametrize(
    ("test", "start", "shown"),
    [
        ({"turns": [0.003, 0.00456]}, 1, ["0.01", "0.003 and 0.0046", "1 to 3", "1"]),
        ({"m": [20, 20], "margin": 0.5, "turns": [0.6915]}, 17, ["0.5", "0.69", "20", "17"]),
        ({"margin": None, "turns": []}, None, ["none", "none", "1 to 3", "no m"]),
    ],
)
def test_the_reach_of_a_verdict(test, start, shown):
    some = record() | {"from": start}
    some["tests"][1].update(test)
    assert list(tables.reach(some).values()) == shown
    assert cells(tables.table([some]))[2][5:9] == shown


def test_the_matrix_has_a_symbol_for_each_claim_and_way():
    """Of several verdicts under choices none; none either where nothing is tested."""
    some = [*records(warm), *records(lambda c: HOLDS, HOLDS, "C2"), record("C3", verdict=UNDECIDED)]
    read = record("C1", verdict=FAILS) | {"reading": "warm"}
    rows = cells(tables.matrix([*some, read]))
    assert rows[0] == ["", "C1", "C2", "C3"]
    assert rows[2:5] == [
        ["as configured", tables.SYMBOLS[warm(EVERY[0])], "✓", "?"],
        ["under other choices", "±", "✓", ""],
        ["under warm", "✗", "", ""],
    ]
    text = tables.matrix([*some, read])
    assert "± depends on the choice; empty: not tested." in text and "= holds by" not in text
    assert len(cells(tables.matrix([record()]))) == 3


def test_claims_that_do_not_hold_are_told_in_words():
    some = [*records(lambda c: HOLDS, FAILS), record("C2"), record("C3", verdict=UNDECIDED)]
    assert [line for line in tables.failing(some).splitlines() if line.startswith("-")] == [
        "- C1: So &#124; it is with C1."
    ]
    assert tables.failing([record()]) == ""


def test_the_table_says_what_depends_on_the_choices():
    _, _, *rows = cells(tables.table([*records(warm), record("C2")]))
    assert [row[:4:3] for row in rows] == [["C1", rows[0][3]], ["C2", rows[1][3]]]
    assert rows[0][-1] == "holds where initial_scale is 1; does not hold under the other 7"
    assert rows[1][-1] == ""


@pytest.mark.parametrize(
    ("rule", "text"),
    [
        (lambda c: HOLDS, "holds under all 9"),
        (lambda c: FAILS, "does not hold under any of the 9"),
        (
            lambda c: HOLDS if c == READOUT else FAILS,
            "holds where output_readout is nonzero (hypothesis); does not hold under the other 8",
        ),
        (
            lambda c: UNDECIDED if c == GRID[1] else FAILS if "0.3" in c else HOLDS,
            "undecided where damping is 0 and initial_scale is 0.1; does not hold where damping is "
            "0.3; holds under the other 5",
        ),
        (
            lambda c: FAILS if c in (*REINFORCEMENT, READOUT) else HOLDS,
            "does not hold where output_readout is nonzero (hypothesis), or where reinforcement is "
            "varied; holds under the other 6",
        ),
    ],
)
def test_dependence_in_words(rule, text):
    assert tables.dependence(records(rule), "C1") == text


def read(text, choice):
    """The verdict that the words of ``dependence`` give to a choice."""
    settings = dict(part.split(" ") for part in choice.split(", "))
    for clause in text.replace(" (hypothesis)", "").split("; "):
        verdict, _, conditions = clause.partition(" where ")
        if not conditions:
            return clause.partition(" under ")[0]
        for condition in conditions.split(", or where "):
            if condition.endswith(" is varied"):
                if {*condition.removesuffix(" is varied").split(" × ")} == settings.keys():
                    return verdict
                continue
            allowed = (part.split(" is ") for part in condition.split(" and "))
            if all(settings.get(key) in values.split(" or ") for key, values in allowed):
                return verdict
    raise AssertionError(f"{text!r} says nothing of {choice}")


@given(st.lists(st.sampled_from([HOLDS, FAILS, UNDECIDED]), min_size=9, max_size=9))
def test_dependence_is_true_of_every_choice(verdicts):
    given_verdict = dict(zip(EVERY, verdicts, strict=True))
    text = tables.dependence(records(given_verdict.get), "C1")
    assert {choice: read(text, choice) for choice in EVERY} == given_verdict


def test_families_that_share_a_key_are_told_apart():
    some = records(lambda c: HOLDS if c == "damping 0.3" else FAILS, choices=[*GRID, "damping 0.3"])
    assert tables.dependence(some, "C1") == (
        "holds where damping is 0.3, of damping; does not hold under the other 6"
    )


def test_claims_that_not_every_choice_tests():
    some = [*records(warm), *records(warm, HOLDS, "C2", [GRID[2], READOUT]), record("C3")]
    assert tables.dependence(some, "C2") == (
        "holds where damping is 0 and initial_scale is 1; does not hold under the other 1"
    )
    assert tables.dependence(some, "C3") == ""
    found = cells(tables.page(some, SPEC))
    assert ["0", "0.1", "✗", "", ""] in found
    assert ["0", "1", "✓", "✓", ""] in found
    assert ["damping", "initial_scale", "C1", "C2", ""] in found


def test_the_summary_counts_and_names_what_depends():
    both = [*records(warm), *records(lambda c: HOLDS, HOLDS, "C2")]
    text = tables.summary(both)
    assert text.startswith("Of 2 claims, 1 holds, 1 does not hold and 0 are undecided")
    assert text.endswith(
        "- C1: So &#124; it is with C1. Depends on size of random start. Of 9 choices: holds under "
        "2, does not hold under 7.\n"
    )
    assert "C2" not in text
    assert "choices" not in tables.summary([record()])


@pytest.mark.parametrize(
    ("rule", "keys"),
    [
        (lambda c: HOLDS if c == GRID[1] else FAILS, "damping, size of random start"),
        (lambda c: HOLDS if c == READOUT else FAILS, "output read-out"),
        (lambda c: HOLDS if c in REINFORCEMENT else FAILS, "reinforcement r"),
        (
            lambda c: HOLDS if c in (REINFORCEMENT[1], GRID[0], GRID[3]) else FAILS,
            "size of random start, reinforcement r",
        ),
    ],
)
def test_the_summary_names_the_keys_that_decide(rule, keys):
    assert f"Depends on {keys}. Of 9 choices" in tables.summary(records(rule))


def test_the_page_shows_every_verdict_and_its_number():
    both = [*records(warm), *records(lambda c: HOLDS, HOLDS, "C2")]
    text = tables.page(both, SPEC)
    rows = cells(text)
    assert tables.headline(both) in text
    assert tables.table(both) in text
    assert ["damping", "initial_scale", "C1", "C2", ""] in rows
    assert ["0.3", "0", "✗", "✓", "as configured"] in rows
    assert ["0.3", "1", "✓", "✓", ""] in rows
    assert ["0.1", "✗", "✓", ""] in rows
    assert ["nonzero", "✗", "✓", "hypothesis"] in rows
    for name, rule in (("C1", warm), ("C2", lambda c: HOLDS)):
        part = text[text.index(f"<summary>{name}: ") :]
        shown = cells(part[: part.index("</details>")])
        assert [row[:2] for row in shown[3:]] == [[choice, rule(choice)] for choice in EVERY]
        # The curves have the names that the claim has for them.
        assert all("ms − bp in e, weight error at m = 2: 0.125 [" in row[2] for row in shown[2:])
        assert {row[3] for row in shown[2:]} == {"7"}
    assert "## " not in tables.page([record()], SPEC).replace("# Which", "")


def test_the_legend_explains_the_keys_that_vary():
    text = tables.page(records(warm), SPEC)
    listed = [line.split("`")[1] for line in text.splitlines() if line.startswith("- `")]
    assert listed == ["damping", "initial_scale", "output_readout", "reinforcement"]
    assert "**Hypothesis**: output_readout nonzero: the thesis" in text
    assert "ypothesis" not in tables.page(records(warm, choices=GRID), SPEC)


def test_hypotheses_are_choices_of_the_study(config, schema):
    assert tables.HYPOTHESES.keys() <= Study.load(config, schema).choices.keys()


def test_every_key_that_can_vary_is_explained(schema):
    rules = yaml.safe_load(schema.read_text())["properties"]["choices"]["properties"]["vary"]
    assert {*tables.KEYS, "by_construction"} == set(rules["items"]["properties"])


def test_choices_of_other_names_are_shown_as_they_are():
    some = records(lambda c: HOLDS if c == "cold" else FAILS, choices=["cold", "random start"])
    rows = cells(tables.page(some, SPEC))
    assert ["", "✓", ""] in rows
    assert ["start", "✗", ""] in rows


def test_the_claims_of_the_thesis_fit_into_the_tables():
    claims = yaml.safe_load((ROOT / "workflow/claims.yaml").read_text())["claims"]
    some = [record(c["id"]) | {"statement": c["statement"]} for c in claims]
    assert [row[0] for row in cells(tables.table(some))[2:]] == [c["id"] for c in claims]
