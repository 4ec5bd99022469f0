# The report: the whole study as a page to hand on. `snakemake --report report.zip` gathers what is
# marked with report(); here is made what has no other use.


rule pages:
    input:
        pages_if_any,
        lambda w: paths.NUMBERS if counted() else [],
        expand(paths.TABLE, experiment=study.experiments),
        paths.PROVENANCE_PAGE,


rule table:
    input:
        paths.RESULTS,
    output:
        table=report(
            paths.TABLE,
            caption="../report/data.rst",
            category=DATA,
            labels=data_labels("CSV"),
        ),
        page=report(
            paths.TABLE_PAGE,
            caption="../report/data.rst",
            category=DATA,
            labels=data_labels("table"),
        ),
    log:
        paths.log(paths.TABLE),
    benchmark:
        paths.benchmark(paths.TABLE)
    threads: 1
    resources:
        mem_mb=500,
        runtime=10,
    params:
        sources=sources("steps.table"),
    message:
        "{wildcards.experiment}: table of results"
    shell:
        "sparsebp table --results {input:q} --output {output.table:q} --page {output.page:q}"
        " 2> {log:q}"


rule verdict_page:
    input:
        paths.VERDICTS,
    output:
        page=report(
            paths.VERDICTS_PAGE,
            caption="../report/verdicts.rst",
            category=VERDICTS,
            labels={"page": "which claims hold"},
        ),
        figure=paths.VERDICTS_FIGURE,
    log:
        paths.log(paths.VERDICTS_PAGE),
    benchmark:
        paths.benchmark(paths.VERDICTS_PAGE)
    threads: 1
    resources:
        mem_mb=500,
        runtime=10,
    params:
        sources=sources("steps.verdict_page"),
    message:
        "page of the verdicts"
    shell:
        "sparsebp verdict_page --verdicts {input:q} --output {output.page:q}"
        " --figure {output.figure:q} 2> {log:q}"


rule explorer:
    input:
        verdicts=lambda w: paths.VERDICTS if testable() else [],
        # Where there is nothing to show, it is said why no claim can be tested.
        results=lambda w: expand(paths.RESULTS, experiment=explored()["results"] or claimed()),
    output:
        report(
            paths.EXPLORER,
            caption="../report/explorer.rst",
            category=EXPLORER,
            labels={"page": "curves to pick"},
        ),
    log:
        paths.log(paths.EXPLORER),
    benchmark:
        paths.benchmark(paths.EXPLORER)
    threads: 1
    resources:
        mem_mb=1000,
        runtime=10,
    params:
        spec=lambda w: handed.write(explored()),
        inputs=lambda w, input: by_name(explored()["results"], input.results),
        verdicts=lambda w, input: ["--verdicts", input.verdicts] if input.verdicts else [],
        sources=sources("steps.explorer"),
    message:
        "explorer of claims, choices and varied keys"
    shell:
        "sparsebp explorer {params.spec:q} {params.verdicts:q}"
        " --inputs {params.inputs:q} --output {output:q} 2> {log:q}"


rule provenance_page:
    input:
        expand(paths.RESULTS, experiment=study.experiments),
    output:
        report(
            paths.PROVENANCE_PAGE,
            caption="../report/provenance.rst",
            category=PROVENANCE,
            labels={"page": "what made the results"},
        ),
    log:
        paths.log(paths.PROVENANCE_PAGE),
    benchmark:
        paths.benchmark(paths.PROVENANCE_PAGE)
    threads: 1
    resources:
        mem_mb=500,
        runtime=10,
    params:
        inputs=lambda w, input: by_name(study.experiments, input),
        sources=sources("steps.provenance_page"),
    message:
        "page of the provenance"
    shell:
        "sparsebp provenance_page --inputs {params.inputs:q} --output {output:q} 2> {log:q}"
