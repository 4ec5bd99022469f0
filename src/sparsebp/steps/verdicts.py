"""Judge the claims of the thesis by the results of all experiments."""

import json

from sparsebp.claims import verdicts
from sparsebp.report import tables
from sparsebp.storage import store
from sparsebp.storage.atomic import written_whole
from sparsebp.storage.provenance import record


def run(spec: dict, inputs: dict, output: str, table: str) -> None:
    """Write the verdicts as JSON, and the page that ``tables`` makes of them as Markdown.

    Args:
        spec: as ``Study.verdicts_spec`` returns it.
        inputs: paths of the results by experiment.

    Raises:
        BadFile: an input file is not right.
        ClaimError: a claim cannot be tested with these results.
    """
    names = verdicts.experiments(spec["claims"], spec["choices"] | spec["readings"])
    found, made = store.read_experiments(inputs, names)
    records = verdicts.judge(results=found, **spec)
    everything = {"provenance": record("verdicts", spec, results=made), "records": records}
    with written_whole(output) as part:
        part.write_text(json.dumps(everything, indent=1, sort_keys=True, allow_nan=False) + "\n")
    with written_whole(table) as part:
        part.write_text(tables.page(records, spec), encoding="utf-8")
