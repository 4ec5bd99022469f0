# What several rules say of their files in the report.

# Categories; the report sorts them by name.
VERDICTS, EXPLORER, FIGURES = "1. Verdicts", "2. Explorer", "3. Figures"
DATA, PROVENANCE = "4. Data", "5. Provenance"


def data_labels(format):
    """Labels of the files of an experiment; those of both formats become a switch."""
    return lambda w: {
        "experiment": w.experiment,
        "thesis": study.experiments[w.experiment].get("thesis", ""),
        "format": format,
    }


@cache
def claimed():
    """The experiments that the claims are about. Raises ConfigError where this study lacks them."""
    return claimed_experiments(claims, study)


@cache
def testable():
    """Whether this study can test the claims."""
    try:
        claimed()
    except ConfigError:
        return False
    return True


@cache
def explored():
    """The slice for the explorer: the claims, if this study can test them, and varied keys."""
    return study.explorer_spec(claims if testable() else {"claims": []})


def pages_if_any(wildcards):
    """The page of verdicts and the explorer, where this study has what they show."""
    return [paths.VERDICTS_PAGE] * testable() + [paths.EXPLORER] * bool(explored()["results"])


@cache
def counted():
    """The files that the named numbers of this study are taken from, by name of the results."""
    return {name: results_of(name) for name in needed(computable(study))}


def trained_in(name):
    """The experiments of a study."""
    return [
        experiment for experiment in study.experiments if files.study_of(experiment, own) == name
    ]


def searched_in(name):
    """The cases from scratch of a study."""
    cases = study.from_scratch or {}
    return [case for case in cases if files.study_of(case, own, "from_scratch") == name]


def behind(figure):
    """The files that a figure is drawn from, by name: for a drawing, of the first simulation."""
    if "trees" in study.figures[figure]:
        return {"trees": paths.TREES}
    if "from_scratch" in study.figures[figure]:
        return {"from_scratch": paths.FROM_SCRATCH}
    names = study.figure_spec(figure)["experiments"]
    if "drawing" in study.figures[figure]:
        drawn = {"teacher": paths.TEACHER, "student": paths.STUDENT}
        (name,) = names
        return {
            what: path.format(experiment=name, seed=study.seeds(name)[0])
            for what, path in drawn.items()
        }
    return {name: paths.RESULTS.format(experiment=name) for name in names}


# Files reach steps as Snakemake knows them, which with a storage provider is under other names than
# those of the rules.


def by_name(names, files):
    """A file that names the input files of a step."""
    return handed.write(dict(zip(names, files, strict=True)))


def searches(input):
    """A file that names the files of all searches."""
    found, seeds = iter(input), range(study.study["seeds"])
    return handed.write({case: dict(zip(map(str, seeds), found)) for case in study.from_scratch})


def simulations(experiment, input):
    """A file that names the input files of ``collect``; what is trained comes in the same order."""
    trained, learners = iter(input.trained), study.experiments[experiment]["learners"]
    drawn = zip(input.teachers, input.datasets, input.students, strict=True)
    seeds = {
        seed: dict(zip(("teacher", "dataset", "student"), files, strict=True))
        | {"trained": dict(zip(learners, trained))}
        for seed, files in zip(study.seeds(experiment), drawn, strict=True)
    }
    return handed.write({experiment: seeds})
