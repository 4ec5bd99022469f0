# Figures, each in all formats. The target `figures` is those that reproduce one of the thesis.
FIGURES = partial(expand, paths.FIGURE, format=paths.FIGURE_FORMATS)


rule figures:
    input:
        FIGURES(figure=[name for name, block in study.figures.items() if "thesis" in block]),


rule figure:
    input:
        lambda w: expand(paths.RESULTS, experiment=study.figure_spec(w.figure)["experiments"]),
    output:
        FIGURES(allow_missing=True),
    log:
        paths.log(paths.FIGURE),
    benchmark:
        paths.benchmark(paths.FIGURE)
    conda:
        "../../environment.yml"
    threads: 1
    resources:
        mem_mb=1000,
        runtime=10,
    params:
        spec=lambda w: json.dumps(study.figure_spec(w.figure)),
        sources=sources("steps.figure"),
        # A function, because the step and not Snakemake fills in the wildcard.
        results=lambda w: paths.RESULTS,
    message:
        "drawing {wildcards.figure}"
    shell:
        "sparsebp figure {params.spec:q} --results {params.results:q} --output {output:q} 2> {log:q}"
