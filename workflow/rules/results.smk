# Errors of all students of an experiment, in one file.


rule results:
    input:
        expand(paths.RESULTS, experiment=study.experiments),


rule collect:
    input:
        teachers=lambda w: expand(paths.TEACHER, experiment=w.experiment, seed=study.seeds()),
        datasets=lambda w: expand(paths.DATASET, experiment=w.experiment, seed=study.seeds()),
        students=lambda w: expand(paths.STUDENT, experiment=w.experiment, seed=study.seeds()),
        trained=lambda w: expand(
            paths.TRAINED,
            experiment=w.experiment,
            seed=study.seeds(),
            learner=study.experiments[w.experiment]["learners"],
        ),
    output:
        report(
            paths.RESULTS,
            caption="../report/data.rst",
            category=DATA,
            labels=data_labels("NetCDF"),
        ),
    log:
        paths.log(paths.RESULTS),
    benchmark:
        paths.benchmark(paths.RESULTS)
    conda:
        "../../environment.yml"
    threads: 1
    resources:
        mem_mb=lambda w: study.collect_memory_mb(w.experiment),
        runtime=30,
    params:
        spec=lambda w: json.dumps(study.collect_spec(w.experiment)),
        sources=sources("steps.collect"),
        # Functions, because the step and not Snakemake fills in the wildcards.
        teacher=lambda w: paths.TEACHER,
        dataset=lambda w: paths.DATASET,
        student=lambda w: paths.STUDENT,
        trained=lambda w: paths.TRAINED,
    message:
        "{wildcards.experiment}: collecting results"
    shell:
        "sparsebp collect {params.spec:q} --teacher {params.teacher:q} --dataset {params.dataset:q}"
        " --student {params.student:q} --trained {params.trained:q} --output {output:q} 2> {log:q}"
