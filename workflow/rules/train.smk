# Learning. All trainings of a study use the same kernels, and so do all searches from scratch. They
# are compiled once, before the first of them.
KERNELS = paths.COMPILED.format(sources=kernel_sources(), study="{study}")


rule kernels:
    output:
        KERNELS,
    log:
        paths.log(KERNELS),
    benchmark:
        # One file of a study, whatever they are compiled from: the next compilation takes as long.
        paths.benchmark(paths.COMPILED.format(sources="last", study="{study}"))
    priority: 1
    threads: 8
    resources:
        mem_mb=4000,
        runtime=30,
    params:
        # A function of the input, for which Snakemake reruns nothing: what is missing because of a
        # new experiment is compiled by the first training that needs it.
        spec=lambda w, input: handed.write(
            study.kernels_spec(trained_in(w.study), searched_in(w.study))
        ),
        kernels=paths.KERNELS,
    message:
        "{wildcards.study}: compiling kernels"
    shell:
        "NUMBA_CACHE_DIR={params.kernels:q} sparsebp kernels {params.spec:q} --output {output:q}"
        " --threads {threads} 2> {log:q}"


rule train:
    input:
        student=paths.STUDENT,
        dataset=paths.DATASET,
        teacher=lambda w: paths.TEACHER if study.reads_teacher(w.experiment, w.learner) else [],
        compiled=lambda w: KERNELS.format(study=files.study_of(w.experiment, own)),
    output:
        paths.TRAINED,
    log:
        paths.log(paths.TRAINED),
    benchmark:
        paths.benchmark(paths.TRAINED)
    group:
        "simulation"
    threads: 1
    resources:
        mem_mb=lambda w: study.training_mb(w.experiment, w.learner),
        memory_gib=str(study.study["memory_gib"]),
        runtime=60,
    params:
        spec=lambda w: handed.write(study.train_spec(w.experiment, w.learner)),
        sources=sources("steps.train"),
        kernels=rules.kernels.params.kernels,
        teacher=lambda w, input: ["--teacher", input.teacher] if input.teacher else [],
    message:
        "{wildcards.experiment}, seed {wildcards.seed}: training {wildcards.learner}"
    shell:
        "NUMBA_CACHE_DIR={params.kernels:q} sparsebp train {params.spec:q} --seed {wildcards.seed}"
        " --student {input.student:q} --dataset {input.dataset:q} --output {output:q}"
        " {params.teacher:q} --memory-gib {resources.memory_gib} --threads {threads} 2> {log:q}"
