# Verdicts on the claims of the thesis. A configuration of other experiments or shorter grids draws
# its figures, but cannot tell.


rule verdicts:
    input:
        # Checked only here, where the verdicts are asked for.
        lambda w: expand(paths.RESULTS, experiment=claimed()),
    output:
        verdicts=paths.VERDICTS,
        table=paths.VERDICTS_TABLE,
    log:
        paths.log(paths.VERDICTS),
    benchmark:
        paths.benchmark(paths.VERDICTS)
    conda:
        "../../environment.yml"
    threads: 1
    resources:
        mem_mb=1000,
        runtime=10,
    params:
        # A function, as Snakemake takes braces in a text for wildcards.
        spec=lambda w: json.dumps({"claims": claims, "choices": study.choices}),
        sources=sources("steps.verdicts"),
        # A function, because the step and not Snakemake fills in the wildcard.
        results=lambda w: paths.RESULTS,
    message:
        "judging the claims of the thesis"
    shell:
        "sparsebp verdicts {params.spec:q} --results {params.results:q}"
        " --output {output.verdicts:q} 2> {log:q}"
