# The study of learning sparse binary neural networks with belief propagation.
#
#   snakemake                        figures, tables and verdicts: all that the report shows
#   snakemake --report report.zip    then: the report
#   snakemake figures                the figures of the thesis alone
#   snakemake figures/fig3_2.pdf     one figure and all that it needs
#   snakemake results/verdicts.json  which claims of the thesis hold
#   sparsebp why                     what would run, why, and for how long
import json
import os
from functools import cache, partial
from pathlib import Path

from snakemake.exceptions import WorkflowError
from snakemake.utils import min_version

from sparsebp.claims.numbers import needed
from sparsebp.report.captions import caption
from sparsebp.storage import handed, paths
from sparsebp.study import files
from sparsebp.study.claims_file import claimed_experiments
from sparsebp.study.durations import announce
from sparsebp.study.inspection import assembled
from sparsebp.study.markup import Rst, mapped
from sparsebp.study.numbers_file import Finding, Found, computable, results_of
from sparsebp.storage.provenance import SURROUNDINGS, surroundings
from sparsebp.storage.sources import hand_down, kernel_sources, sources
from sparsebp.study.targets import constraints, others, refuse
from sparsebp.study.validation import ConfigError

min_version("9.27")

if {*"{}"} & {*f"{workflow.basedir}"}:
    raise WorkflowError(
        f"{workflow.basedir}: the project's folder; Snakemake allows no {{ or }} in its path"
    )

try:
    # Read here before Snakemake reads them, which tells less of what is wrong with a file.
    own, over = files.read(workflow.basedir, workflow.configfiles, workflow.config_settings.config)
except ConfigError as error:
    raise WorkflowError(f"configuration: {error}")


for path in own:

    configfile: path


report: "workflow/report/workflow.rst"


try:
    study, claims = assembled(Path(workflow.basedir), config, own | over)
except ConfigError as error:
    raise WorkflowError(f"configuration: {error}")


# All that the text of the report can read of the study is the configuration.
config["findings"] = [Finding(sentence) for sentence in study.findings]

# Found once, for all jobs.
os.environ[SURROUNDINGS] = json.dumps(surroundings())
hand_down()


onstart:
    # Snakemake limits how many jobs it starts in a second: after each job it looks once a second,
    # for the rest of the run, whether more may start. After 500 jobs that takes a third of a core.
    if workflow.local_exec:
        workflow.scheduler.job_rate_limiter = None
    announce(workflow)


wildcard_constraints:
    **constraints(study),


localrules:
    all,
    results,
    figures,
    pages,


include: "workflow/rules/common.smk"
include: "workflow/rules/data.smk"
include: "workflow/rules/train.smk"
include: "workflow/rules/results.smk"
include: "workflow/rules/figures.smk"
include: "workflow/rules/verdicts.smk"
include: "workflow/rules/numbers.smk"
include: "workflow/rules/report.smk"
include: "workflow/rules/targets.smk"


if study.trees:

    include: "workflow/rules/trees.smk"


if study.from_scratch:

    include: "workflow/rules/from_scratch.smk"


rule all:
    default_target: True
    input:
        figure_files(figure=study.figures),
        rules.results.input,
        rules.pages.input,
