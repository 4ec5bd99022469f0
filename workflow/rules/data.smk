# Teachers, their data, and the patterns of their students.
#
# One job for the three of a simulation: it takes no longer than one of three would, and to change
# any of them means to train again on all three.


rule draw:
    output:
        teacher=paths.TEACHER,
        dataset=paths.DATASET,
        student=paths.STUDENT,
    log:
        paths.log(paths.TEACHER),
    benchmark:
        paths.benchmark(paths.TEACHER)
    group:
        "simulation"
    threads: 1
    resources:
        mem_mb=lambda w: study.drawing_mb(w.experiment),
        runtime=10,
    params:
        spec=lambda w: handed.write(study.draw_spec(w.experiment)),
        sources=sources("steps.draw"),
    message:
        "{wildcards.experiment}, seed {wildcards.seed}: teacher, data set, student"
    shell:
        "sparsebp draw {params.spec:q} --seed {wildcards.seed} --teacher {output.teacher:q}"
        " --dataset {output.dataset:q} --student {output.student:q} 2> {log:q}"
