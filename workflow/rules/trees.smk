# Belief propagation on trees, where it is exact, and on rings (appendix A).


rule trees:
    output:
        paths.TREES,
    log:
        paths.log(paths.TREES),
    benchmark:
        paths.benchmark(paths.TREES)
    threads: 1
    resources:
        mem_mb=1500,
        runtime=30,
    params:
        spec=lambda w: handed.write(study.trees_spec()),
        sources=sources("steps.trees"),
        kernels=rules.kernels.params.kernels,
    message:
        "passing messages on trees"
    shell:
        "NUMBA_CACHE_DIR={params.kernels:q} sparsebp trees {params.spec:q}"
        " --output {output:q} 2> {log:q}"
