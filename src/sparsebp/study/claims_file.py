"""The claims of the thesis as a file: reading it, and which experiments it needs."""

from pathlib import Path

from sparsebp.claims import verdicts
from sparsebp.engine.learner import Learner
from sparsebp.engine.schedules import batches
from sparsebp.study.config import Study
from sparsebp.study.schema import load_schema
from sparsebp.study.validation import ConfigError, check, load_yaml


def load_claims(path: str | Path, schema: str | Path) -> dict:
    """Read the claims of the thesis and check them against their JSON schema.

    Raises:
        ConfigError: the first thing that is wrong, in one line.
    """
    claims = load_yaml(path)
    try:
        check(claims, load_schema(schema))
    except ConfigError as error:
        raise ConfigError(f"{Path(path).name}: {error}") from None
    return claims


def claimed_experiments(claims: dict, study: Study) -> list[str]:
    """Names of the experiments whose results the claims need.

    Raises:
        ConfigError: the study lacks an experiment, a learner or the numbers of samples of a claim.
    """
    grids, spec = sample_grids(study), study.verdicts_spec(claims)
    alternatives = spec["choices"] | spec["readings"]
    try:
        verdicts.check_claims(claims, grids, alternatives, spec["by_construction"])
        verdicts.check_samples(claims, grids, alternatives)
    except verdicts.ClaimError as error:
        raise ConfigError(f"this study cannot test the claims: {error}") from None
    return verdicts.experiments(claims, alternatives)


def sample_grids(study: Study) -> dict[str, dict[str, list[int]]]:
    """The m at which each learner of each experiment is measured."""
    grids = {}
    for name, block in study.experiments.items():
        grids[name] = {}
        for learner in block["learners"]:
            plan = batches(Learner(**study.learner(name, learner)), block["samples"])
            grids[name][learner] = [batch.stop for batch in plan if batch.report]
    return grids
