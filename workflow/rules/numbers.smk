# Named numbers about results, which pages and captions show.


rule numbers:
    input:
        # Those of the numbers that this study has results for.
        lambda w: list(counted().values()),
    output:
        paths.NUMBERS,
    log:
        paths.log(paths.NUMBERS),
    benchmark:
        paths.benchmark(paths.NUMBERS)
    threads: 1
    resources:
        mem_mb=1000,
        runtime=10,
    params:
        spec=lambda w: handed.write({"numbers": computable(study)}),
        sources=sources("steps.numbers"),
        inputs=lambda w, input: by_name(counted(), input),
    message:
        "numbers for pages and captions"
    shell:
        "sparsebp numbers {params.spec:q} --inputs {params.inputs:q} --output {output:q} 2> {log:q}"
