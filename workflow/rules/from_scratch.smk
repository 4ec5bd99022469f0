# Networks found from samples alone, with little or nothing known of where weights are.


rule search:
    input:
        compiled=lambda w: KERNELS.format(study=files.study_of(w.case, own, "from_scratch")),
    output:
        paths.SEARCH,
    log:
        paths.log(paths.SEARCH),
    benchmark:
        paths.benchmark(paths.SEARCH)
    threads: 1
    resources:
        mem_mb=lambda w: study.searching_mb(w.case),
        runtime=60,
    params:
        spec=lambda w: handed.write(study.search_spec(w.case)),
        sources=sources("steps.search"),
        kernels=rules.kernels.params.kernels,
    message:
        "from scratch, {wildcards.case}, seed {wildcards.seed}: searching"
    shell:
        "NUMBA_CACHE_DIR={params.kernels:q} sparsebp search {params.spec:q} --seed {wildcards.seed}"
        " --output {output:q} 2> {log:q}"


rule from_scratch:
    input:
        expand(paths.SEARCH, case=study.from_scratch, seed=range(study.study["seeds"])),
    output:
        paths.FROM_SCRATCH,
    log:
        paths.log(paths.FROM_SCRATCH),
    benchmark:
        paths.benchmark(paths.FROM_SCRATCH)
    threads: 1
    resources:
        mem_mb=1000,
        runtime=10,
    params:
        spec=lambda w: handed.write(study.from_scratch_spec()),
        sources=sources("steps.from_scratch"),
        inputs=lambda w, input: searches(input),
    message:
        "from scratch: collecting results"
    shell:
        "sparsebp from_scratch {params.spec:q} --inputs {params.inputs:q} --output {output:q}"
        " 2> {log:q}"
