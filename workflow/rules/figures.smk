# Figures, each in all formats; the last of these is what the report shows.
figure_files = partial(expand, paths.FIGURE, format=paths.FIGURE_FORMATS)


# Those that reproduce a figure of the thesis.
rule figures:
    input:
        figure_files(figure=[name for name, block in study.figures.items() if "thesis" in block]),


rule figure:
    input:
        lambda w: list(behind(w.figure).values()),
    output:
        expand(paths.FIGURE, format=paths.FIGURE_FORMATS[:-1], allow_missing=True),
        report(
            expand(paths.FIGURE, format=paths.FIGURE_FORMATS[-1], allow_missing=True),
            caption="../report/figure.rst",
            category=FIGURES,
            labels=lambda w: {
                "figure": w.figure,
                "thesis": study.figures[w.figure].get("thesis", ""),
            },
        ),
    log:
        paths.log(paths.FIGURE),
    benchmark:
        paths.benchmark(paths.FIGURE)
    threads: 1
    resources:
        mem_mb=1000,
        runtime=10,
    params:
        spec=lambda w: handed.write(study.figure_spec(w.figure)),
        sources=sources("steps.figure"),
        inputs=lambda w, input: by_name(behind(w.figure), input),
        # For the caption alone: Snakemake reruns nothing for what is derived from the input.
        message=lambda w, input: Found(study.figures[w.figure].get("message", "")),
        found=lambda w, input: Found(study.figures[w.figure].get("found", "")),
        caption=lambda w, input: mapped(Rst, caption(study, w.figure)._asdict()),
    message:
        "drawing {wildcards.figure}"
    shell:
        "sparsebp figure {params.spec:q} --inputs {params.inputs:q} --output {output:q} 2> {log:q}"
