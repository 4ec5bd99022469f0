# Learning. The first training compiles the kernels, while the others wait for it.
ENGINE = sources("steps.train")


rule train:
    input:
        student=paths.STUDENT,
        dataset=paths.DATASET,
    output:
        paths.TRAINED,
    log:
        paths.log(paths.TRAINED),
    benchmark:
        paths.benchmark(paths.TRAINED)
    conda:
        "../../environment.yml"
    threads: 1
    resources:
        mem_mb=lambda w: study.memory_mb(w.experiment),
        memory_gib=str(study.study["memory_gib"]),
        runtime=60,
    params:
        spec=lambda w: json.dumps(study.train_spec(w.experiment, w.learner)),
        kernels=paths.KERNELS.format(sources=ENGINE),
    message:
        "{wildcards.experiment}, seed {wildcards.seed}: training {wildcards.learner}"
    shell:
        "NUMBA_CACHE_DIR={params.kernels:q} sparsebp train {params.spec:q} --seed {wildcards.seed}"
        " --student {input.student:q} --dataset {input.dataset:q} --output {output:q}"
        " --memory-gib {resources.memory_gib} 2> {log:q}"
