# What several rules say of their files in the report.

# Categories; the report sorts them by name.
VERDICTS, FIGURES, DATA, PROVENANCE = "1. Verdicts", "2. Figures", "3. Data", "4. Provenance"


def shown(figure):
    """What a caption tells: the experiments of a figure and in each the learners drawn, in full."""
    spec = study.figure_spec(figure)
    return {
        name: study.experiments[name]
        | {
            "learners": {
                learner: study.learner(name, learner)
                for learner in study.experiments[name]["learners"]
                if learner in spec.get("learners", ())
            }
        }
        for name in spec["experiments"]
    }


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
    return claimed_experiments(claims, study.choices, study)


def verdicts_if_any(wildcards):
    """The page of verdicts, unless this study cannot test the claims."""
    try:
        claimed()
    except ConfigError:
        return []
    return paths.VERDICTS_PAGE


def behind(figure):
    """The files that a figure is drawn from: for a drawing, those of the first simulation."""
    if "trees" in study.figures[figure]:
        return paths.TREES
    files = [paths.TEACHER, paths.STUDENT] if "drawing" in study.figures[figure] else paths.RESULTS
    return expand(files, experiment=study.figure_spec(figure)["experiments"], seed=0)
