"""Every path pattern of the study, relative to the folder it runs in."""

import re
from collections.abc import Iterator, Mapping

TEACHER = "results/{experiment}/seed-{seed}/teacher.nc"
DATASET = "results/{experiment}/seed-{seed}/dataset.nc"
STUDENT = "results/{experiment}/seed-{seed}/student.nc"
TRAINED = "results/{experiment}/seed-{seed}/{learner}.nc"
RESULTS = "results/{experiment}.nc"
TREES = "results/trees.nc"
SEARCH = "results/from_scratch/seed-{seed}/{case}.nc"
FROM_SCRATCH = "results/from_scratch.nc"
TABLE = "results/{experiment}.csv"
TABLE_PAGE = "results/{experiment}.html"
VERDICTS = "results/verdicts.json"
VERDICTS_TABLE = "results/verdicts.md"
VERDICTS_PAGE = "results/verdicts.html"
VERDICTS_FIGURE = "results/verdicts.png"
EXPLORER = "results/explorer.html"
NUMBERS = "results/numbers.json"
PROVENANCE_PAGE = "results/provenance.html"
FIGURE = "figures/{figure}.{format}"
FIGURE_FORMATS = ("pdf", "png", "svg")

KERNELS = ".snakemake/kernels"
"""Compiled kernels, in a folder for each, which is named by what it was compiled from."""

HANDED = ".snakemake/handed/{digest}.json"
"""What rules hand to steps as a file, by a hash of its content."""

COMPILED = "results/kernels/{sources}-{study}.json"
"""Says that they were compiled. Apart from them, as trainings wait for it: they need no repetition
where a cache is lost that any of them can fill again."""

FILES = (
    TEACHER, DATASET, STUDENT, TRAINED, RESULTS, TREES, SEARCH, FROM_SCRATCH, TABLE, TABLE_PAGE,
    VERDICTS, VERDICTS_TABLE, VERDICTS_PAGE, VERDICTS_FIGURE, EXPLORER, NUMBERS, PROVENANCE_PAGE,
    FIGURE, COMPILED,
)  # fmt: skip
"""Patterns of all files that the workflow makes, but for logs and benchmarks, which go by them."""


def log(pattern: str) -> str:
    """Log file of the job that makes a file."""
    return "logs/" + pattern.removesuffix(".nc").replace(".{format}", "") + ".log"


def benchmark(pattern: str) -> str:
    """Benchmark file of the job that makes a file."""
    return "benchmarks/" + pattern.removesuffix(".nc").replace(".{format}", "") + ".tsv"


def regex(pattern: str, wildcards: Mapping[str, str]) -> str:
    """A regular expression of the paths of a pattern, from those of its wildcards."""
    return re.sub(r"\\{(\w+)\\}", lambda found: f"(?:{wildcards[found[1]]})", re.escape(pattern))


def taken(wildcard: str, name: str) -> Iterator[str]:
    """Patterns of files that would come twice if a wildcard had this value."""
    for pattern in FILES:
        named = pattern.replace(f"{{{wildcard}}}", name)
        if named != pattern and named in FILES:
            yield named
