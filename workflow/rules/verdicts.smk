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
    threads: 1
    resources:
        mem_mb=1000,
        runtime=10,
    params:
        spec=lambda w: handed.write(study.verdicts_spec(claims)),
        sources=sources("steps.verdicts"),
        inputs=lambda w, input: by_name(claimed(), input),
    message:
        "judging the claims of the thesis"
    shell:
        "sparsebp verdicts {params.spec:q} --inputs {params.inputs:q}"
        " --output {output.verdicts:q} --table {output.table:q} 2> {log:q}"
