"""Every path pattern of the study, relative to the folder it runs in."""

TEACHER = "results/{experiment}/seed-{seed}/teacher.nc"
DATASET = "results/{experiment}/seed-{seed}/dataset.nc"
STUDENT = "results/{experiment}/seed-{seed}/student.nc"
TRAINED = "results/{experiment}/seed-{seed}/{learner}.nc"
RESULTS = "results/{experiment}.nc"
TREES = "results/trees.nc"
TABLE = "results/{experiment}.csv"
VERDICTS = "results/verdicts.json"
VERDICTS_TABLE = "results/verdicts.md"
VERDICTS_PAGE = "results/verdicts.html"
PROVENANCE_PAGE = "results/provenance.html"
FIGURE = "figures/{figure}.{format}"
FIGURE_FORMATS = ("pdf", "png", "svg")

KERNELS = ".snakemake/kernels/{sources}"
"""Compiled kernels, one folder for each state of the engine's sources."""

HANDED = ".snakemake/handed/{digest}.json"
"""What rules hand to steps as a file, by a hash of its content."""

COMPILED = "results/kernels/{sources}.json"
"""Says that they were compiled. Apart from them, as trainings wait for it: they need no repetition
where a cache is lost that any of them can fill again."""


def log(pattern: str) -> str:
    """Log file of the job that makes a file."""
    return "logs/" + pattern.removesuffix(".nc").replace(".{format}", "") + ".log"


def benchmark(pattern: str) -> str:
    """Benchmark file of the job that makes a file."""
    return "benchmarks/" + pattern.removesuffix(".nc").replace(".{format}", "") + ".tsv"
