"""Captions: what is said of each kind of figure, of its experiments and of its learners."""

import re
from copy import deepcopy

import pytest
import yaml

from sparsebp.claims.numbers import CONFIDENCE
from sparsebp.report import captions
from sparsebp.report.labels import called
from sparsebp.study.config import Study
from tests.configurations import EXTENDED, FULL, SCHEMA, load

SIZES = "30 input, 20 hidden and 20 output neurons"
FIGURES = yaml.safe_load("""
lost: {panels: [{experiment: matched, learners: [batch4], minus: bp}]}
decay: {panels: [{experiment: matched, quantity: entropy, learners: [exact], law: true}]}
graph: {drawing: {of: factor-graph, experiment: small, output: 2}}
twice: {panels: [{experiment: matched}, {experiment: wider, quantity: topology_error}]}
trees: {trees: {}}
""")
# What is said of each figure, in part, and what is not.
ABOUT = {
    "one": (
        "Mean weight error (1 − Eq. 2.2) of 3 simulations against the number m of samples, with",
        "Dash",
    ),
    "several": ("against input neurons at m = 5, with", "number m"),
    "limited": ("samples until the error of a simulation is zero and stays so. An arrow", "Dashed"),
    "curves": ("against the number m of samples, with", "layers.input"),
    "cooled": (
        "against inverse temperature β at m = 2 and 5 (on the right: BP, ms), with",
        "number m",
    ),
    "chosen": ("Errors under each choice, a row each, in the mean over m = 2 to 5", "Dashed"),
    "drawn": ("what the factor of output 2 sees: its output weights", "Mean"),
    "graph": ("a large square ξₐ is the factor of output a", "teacher's network"),
    "lost": ("the difference from another learner in the same simulation", "Dashed"),
    "decay": ("Mean entropy of", "difference"),
    "twice": (
        "Mean weight error (1 − Eq. 2.2) and topology error (Eq. 3.12) of 3 simulations",
        "shaded",
    ),
    "trees": ("on chains (the largest of 3)", "Mean"),
}


@pytest.fixture
def study():
    config = deepcopy(EXTENDED)
    config["figures"] |= deepcopy(FIGURES)
    config["learners"]["exact"] = {"like": "bp", "method": "exact", "reinforcement": 0}
    config["experiments"]["matched"]["learners"] += ["exact"]
    config["trees"] = {"outputs": [4, 7], "activation": {"function": "tanh", "b": 0.1}}
    return load(config)


@pytest.mark.parametrize("name", ABOUT)
def test_a_caption_says_what_a_figure_of_its_kind_shows(study, name):
    said, not_said = ABOUT[name]
    about = captions.caption(study, name).about
    assert said in about
    assert not_said not in about
    if "Mean" in about or "Errors" in about:
        assert f"the {100 * CONFIDENCE:g} % confidence interval of that mean" in about


def test_of_maps_rows_columns_and_colours_are_told():
    config = deepcopy(EXTENDED)
    both = {"experiments": ["matched", "wider"]}
    config["figures"] |= {
        "mapped": {"maps": [both | {"by": "layers.input", "learners": ["bp"]}]},
        "losses": {"maps": [both | {"references": ["mp", "bp"], "quantity": "topology_error"}]},
    }
    study = load(config)
    assert captions.caption(study, "mapped").about == (
        "Mean weight error (1 − Eq. 2.2) of 3 simulations, for each number m of samples (columns) "
        "and input neurons (rows), of one learner in each map. The darker a cell, the larger is "
        "its value. The learner is BP: sum-product, hard factors, offline, reinforcement r = 0.01."
    )
    said = captions.caption(study, "losses")
    assert "the mean, over 3 simulations, of its topology error (Eq. 3.12) minus" in said.about
    assert "Batches of 4 have no m below their size. References: " in said.about
    assert {*said.curves} == {"BP", "batch4", "mp", "ms", "soft"}


def test_a_share_is_no_mean():
    config = deepcopy(EXTENDED)
    config["figures"]["curves"]["panels"][0] |= {"at_most": 0.5, "minus_log2": True}
    about = captions.caption(load(config), "curves").about
    assert about.startswith(
        "Share of 3 simulations whose weight error (1 − Eq. 2.2) is at most 0.5 against m − log₂ N "
        "for m samples and N input neurons, with the 95 % confidence interval of that share "
        "(Clopper and Pearson). "
    )
    config["figures"]["curves"]["panels"][0]["at_most"] = 0
    about = captions.caption(load(config), "curves").about
    assert about.startswith("Share of 3 simulations whose weight error (1 − Eq. 2.2) is zero")
    config["figures"]["curves"]["panels"].append({"experiment": "matched"})
    about = captions.caption(load(config), "curves").about
    assert about.startswith("Mean weight error") and "an axis has the share of simul" in about
    assert "interval of that mean (bootstrap)" in about and "its interval (Clopper" in about


def test_errors_against_those_expected():
    config = deepcopy(EXTENDED)
    config["figures"]["one"]["panels"] = [
        {"experiment": "matched", "learners": ["bp"], "expected": True}
    ]
    about = captions.caption(load(config), "one").about
    assert "against the mean error that their beliefs expect, a point for each number of" in about
    assert "Above it more are wrong: the beliefs are over-confident." in about


def test_residuals_are_no_means():
    config = deepcopy(EXTENDED)
    own = {"experiment": "matched", "quantity": "residual"}
    config["figures"]["one"]["panels"] = [{"experiment": "matched", "quantity": "iterations"}, own]
    about = captions.caption(load(config), "one").about
    assert about.startswith("Mean iterations of 3 simulations against the number m of samples, ")
    assert "an axis has the residual of each training that did not converge, as a point" in about
    config["figures"]["one"]["panels"] = [own]
    about = captions.caption(load(config), "one").about
    assert about.startswith("Residual of each training, of 3 simulations, that did not converge")
    assert "Mean" not in about and "interval" not in about


def test_a_law_is_named_where_it_is_drawn(study):
    assert "Dashed grey: what follows from counting" in captions.caption(study, "decay").about


def test_what_is_said_of_shares_below_errors_in_bands(study):
    config = deepcopy(EXTENDED)
    error = {"experiment": "matched", "scale": "log", "law": True, "y": [0.001, 1]}
    share = {"experiment": "matched", "at_most": 0.1, "quantity": "generalization_error"}

    def said(*panels):
        config["figures"]["one"] = {"panels": [*panels]}
        return captions.caption(load(config), "one").about

    about = said(error, share)
    for words in (
        "Mean weight error (1 − Eq. 2.2) of 3 simulations",
        "A solid grey line, where the axis reaches so far, is the error of a guess.",
        "the share of simulations whose generalisation error (Eq. 3.13) is at most 0.1,",
        "Shares below the errors of the same trainings have no such strip.",
        "Results beyond the ends of an axis, if any, are not drawn.",
        "a curve ends where its mean becomes zero",
        "Curves are drawn slightly beside each other",
    ):
        assert words in about
    assert "shaded strip" not in about and "Bands" not in about
    other = said(error | {"y": [0, 1]})
    assert "shaded strip" in other and "a curve ends" not in other
    bands = {"bands": True}
    about = said(error | bands, share | bands)
    assert "Bands are the intervals." in about and "slightly beside" not in about
    about = said({"experiment": "matched", "minus": "bp", "scale": "log"})
    assert "A logarithmic axis of differences is linear around zero." in about
    about = said(share, share | {"at_most": 0})
    assert about.startswith("Share of 3 simulations whose generalisation error (Eq. 3.13) is at")
    assert "guess" not in about and "no such strip" not in about and "Where its label" not in about


@pytest.mark.parametrize(
    ("said", "values"),
    [
        (f"{SIZES}; the teacher has 3 non-zero weights per row in the input layer and 2 in", {}),
        ("may have 3 and 2 per row; the student's weights are among −1, 1; activation tanh", {}),
        ("tanh(x − 0.1); m from 1 to 8", {}),
        ("Fig. 9; 30 input", {"thesis": "Fig. 9"}),
        (
            "3 and 2 per row; fractions 0.5 and 0.5 of the teacher's weights are in the student's",
            {
                "student": {
                    "overlap": {"input": 0.5, "output": 0.5},
                    "alphabet": [-1, 0, 1],
                }
            },
        ),
        ("; a fraction 0.1 of the training outputs changes sign; the", {"noise": {"flipped": 0.1}}),
        (
            "a fraction 0.2 of the training outputs gets Gaussian noise of standard deviation 0.3",
            {"noise": {"flipped": 0, "jittered": 0.2, "scale": 0.3}},
        ),
        ("activation max(x, 0.2 x)", {"activation": {"function": "leaky-relu", "a": 0.2}}),
    ],
)
def test_a_caption_says_of_which_networks_and_data(said, values):
    config = deepcopy(EXTENDED)
    config["experiments"]["matched"] |= values
    config["figures"]["one"] = {"panels": [{"experiment": "matched"}]}
    told = captions.caption(load(config), "one").experiments["matched"]
    assert said in told
    if not values.get("noise", {}).get("flipped"):
        assert "changes sign" not in told


def test_what_experiments_have_in_common_is_told_once():
    config = deepcopy(EXTENDED)
    config["experiments"]["damped"] = {"like": "matched", "inference": {"damping": 0.5}}
    config["figures"] = {"one": {"panels": [{"experiment": "matched"}, {"experiment": "damped"}]}}
    said = captions.caption(load(config), "one")
    assert said.experiments == {"matched": "damping 0.3", "damped": "damping 0.5"}
    assert said.common.startswith(f"{SIZES}; the teacher has 3")
    del config["figures"]["one"]["panels"][1]
    said = captions.caption(load(config), "one")
    assert said.common == "" and "damping" not in said.experiments["matched"]


def test_fresh_samples_are_named_where_they_are_used(study):
    assert all("fresh" not in text for text in captions.caption(study, "one").experiments.values())
    (text,) = captions.caption(study, "chosen").experiments.values()
    assert text.endswith("10 fresh samples for the generalisation error")


def test_learners_are_told_by_algorithm_and_by_how_they_go_about_it(study):
    caption = captions.caption(study, "twice")
    assert caption.curves["BP"] == "sum-product, hard factors, offline, reinforcement r = 0.01"
    assert caption.curves["batch4"] == "sum-product, hard factors, mini-batch of 4"
    assert caption.curves["soft"] == "sum-product, soft factors, offline, β = 2.0"
    assert caption.curves["exact"] == "sum-product, hard factors, offline, exact"
    messages, exact = caption.passing.items()
    assert messages[0] == "BP; batch4; mp; ms; soft"
    assert messages[1].startswith("damping 0.3 of factor-to-variable messages; start from uniform")
    assert exact == (
        "exact",
        "none, as the posterior is exact; beliefs within 1e-09 of the largest tie with it, at "
        "random; output weights are read out among all states",
    )


def test_one_way_for_all_needs_no_names(study):
    assert [*captions.caption(study, "chosen").passing] == [""]


def test_experiments_are_named_where_a_learner_goes_two_ways(study):
    study.experiments["wider"]["inference"]["damping"] = 0.5
    passing = captions.caption(study, "twice").passing
    assert [*passing] == ["BP in matched; batch4; mp", "exact", "BP in wider; ms; soft"]
    assert [way.split()[1] for way in passing.values()] == ["0.3", "as", "0.5"]


def test_learners_of_one_label_are_told_apart_as_in_legends():
    config = deepcopy(EXTENDED)
    config["learners"]["mp"]["label"] = "BP"
    caption = captions.caption(load(config), "one")
    assert [*caption.curves] == ["BP, BP", "batch4", "max-product, BP", "ms"]


def test_learners_of_one_label_and_algorithm_are_told_apart_by_their_names():
    learners = {name: {"label": "offline", "algorithm": "sum-product"} for name in ("one", "two")}
    learners["three"] = learners["one"] | {"algorithm": "max-sum"}
    learners["four"] = {"algorithm": "max-sum"}
    assert called(learners) == {
        "one": "BP, offline (one)",
        "two": "BP, offline (two)",
        "three": "max-sum, offline",
        "four": "four",
    }


def test_one_number_of_samples_is_no_range():
    config = deepcopy(EXTENDED)
    config["experiments"]["matched"]["samples"] = [4]
    config["figures"] = {"one": config["figures"]["one"]}
    told = captions.caption(load(config), "one").experiments
    assert "; m = 4" in told["matched"] and "; m from 1 to 5" in told["wider"]


def test_zeros_of_a_logarithmic_axis_are_told():
    config = deepcopy(EXTENDED)
    config["figures"]["one"]["panels"][0]["scale"] = "log"
    about = captions.caption(load(config), "one").about
    assert "Zeros on a logarithmic axis, if any, are in a shaded strip." in about


STUDY = Study.load(FULL, SCHEMA)


@pytest.mark.parametrize("name", STUDY.figures)
def test_no_caption_of_the_study_names_a_key_or_has_a_space_before_a_stop(name):
    said = captions.caption(STUDY, name)
    texts = [said.about, *said.experiments.values(), *said.passing.values(), *said.curves.values()]
    keys = re.compile(r"\b[a-z]+(\.[a-z]+|_[a-z]+)+\b")
    assert [found[0] for text in texts for found in keys.finditer(text)] == []
    assert [text for text in texts if re.search(r"\s[.,;:)]|  ", text)] == []
    about = re.findall(r"m from (\d+) to (\d+)", str(texts))
    assert all(first != last for first, last in about)
