# Errors of all students of an experiment, in one file.


rule results:
    input:
        expand(paths.RESULTS, experiment=study.experiments),


rule collect:
    input:
        teachers=lambda w: expand(
            paths.TEACHER, experiment=w.experiment, seed=study.seeds(w.experiment)
        ),
        datasets=lambda w: expand(
            paths.DATASET, experiment=w.experiment, seed=study.seeds(w.experiment)
        ),
        students=lambda w: expand(
            paths.STUDENT, experiment=w.experiment, seed=study.seeds(w.experiment)
        ),
        trained=lambda w: expand(
            paths.TRAINED,
            experiment=w.experiment,
            seed=study.seeds(w.experiment),
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
    threads: 1
    resources:
        mem_mb=lambda w: study.collecting_mb(w.experiment),
        runtime=30,
    params:
        spec=lambda w: handed.write(study.collect_spec(w.experiment)),
        sources=sources("steps.collect"),
        inputs=lambda w, input: simulations(w.experiment, input),
    message:
        "{wildcards.experiment}: collecting results"
    shell:
        "sparsebp collect {params.spec:q} --inputs {params.inputs:q} --output {output:q} 2> {log:q}"
