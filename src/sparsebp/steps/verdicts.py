"""Judge the claims of the thesis by the results of all experiments."""

import json
from pathlib import Path

from sparsebp import store, tables, verdicts
from sparsebp.files import claiming, replacing
from sparsebp.provenance import record


def run(spec: dict, results: str, output: str) -> None:
    """Write the verdicts as JSON, and beside it, as .md, the page that ``tables`` makes of them.

    Args:
        spec: the ``claims`` and the ``choices``, see ``verdicts.judge``.
        results: path pattern with ``{experiment}`` to be filled in.

    Raises:
        BadFile: an input file is not right.
        ClaimError: a claim cannot be tested with these results.
    """
    page = Path(output).with_suffix(".md")
    with claiming([page]):
        claims, choices = spec["claims"], spec["choices"]
        names = verdicts.experiments(claims, choices)
        found, made = store.read_experiments(results, names)
        records = verdicts.judge(claims, found, choices)
        everything = {"provenance": record("verdicts", spec, results=made), "records": records}
        with replacing(output) as part:
            text = json.dumps(everything, indent=1, sort_keys=True, allow_nan=False)
            part.write_text(text + "\n")
        with replacing(page) as part:
            part.write_text(tables.page(records, spec), encoding="utf-8")
