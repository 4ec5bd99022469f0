# Learning. The kernels are compiled once, before any training starts.
import os

ENGINE = sources("steps.train")


rule kernels:
    output:
        touch(paths.KERNELS.format(sources=ENGINE)),
    log:
        "logs/kernels.log",
    benchmark:
        "benchmarks/kernels.tsv"
    conda:
        "../../environment.yml"
    threads: 1
    resources:
        mem_mb=1000,
        runtime=10,
    params:
        cache=lambda w, output: os.path.dirname(output[0]),
    message:
        "compiling the engine"
    shell:
        "NUMBA_CACHE_DIR={params.cache:q} sparsebp kernels 2> {log:q}"


rule train:
    input:
        student=paths.STUDENT,
        dataset=paths.DATASET,
        kernels=ancient(paths.KERNELS.format(sources=ENGINE)),
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
        mem_mb=int(study.study["memory_gib"] * 3072 + 500),
        runtime=60,
    params:
        spec=lambda w: json.dumps(study.train_spec(w.experiment, w.learner)),
        cache=lambda w, input: os.path.dirname(input.kernels),
    message:
        "{wildcards.experiment}, seed {wildcards.seed}: training {wildcards.learner}"
    shell:
        "NUMBA_CACHE_DIR={params.cache:q} sparsebp train {params.spec:q} --seed {wildcards.seed}"
        " --student {input.student:q} --dataset {input.dataset:q} --output {output:q} 2> {log:q}"
