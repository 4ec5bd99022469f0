# Teachers, their data, and the patterns of their students.
#
# The environment that rules name says what they need; Snakemake is started inside it, as it loads
# the package itself, so deployment by --software-deployment-method is neither needed nor supported.


rule teacher:
    output:
        paths.TEACHER,
    log:
        paths.log(paths.TEACHER),
    benchmark:
        paths.benchmark(paths.TEACHER)
    conda:
        "../../environment.yml"
    threads: 1
    resources:
        mem_mb=500,
        runtime=10,
    params:
        spec=lambda w: json.dumps(study.teacher_spec(w.experiment)),
        sources=sources("steps.teacher"),
    message:
        "{wildcards.experiment}, seed {wildcards.seed}: teacher"
    shell:
        "sparsebp teacher {params.spec:q} --seed {wildcards.seed} --output {output:q} 2> {log:q}"


rule dataset:
    input:
        teacher=paths.TEACHER,
    output:
        paths.DATASET,
    log:
        paths.log(paths.DATASET),
    benchmark:
        paths.benchmark(paths.DATASET)
    conda:
        "../../environment.yml"
    threads: 1
    resources:
        mem_mb=500,
        runtime=10,
    params:
        spec=lambda w: json.dumps(study.dataset_spec(w.experiment)),
        sources=sources("steps.dataset"),
    message:
        "{wildcards.experiment}, seed {wildcards.seed}: data set"
    shell:
        "sparsebp dataset {params.spec:q} --seed {wildcards.seed} --teacher {input.teacher:q}"
        " --output {output:q} 2> {log:q}"


rule student:
    input:
        teacher=paths.TEACHER,
    output:
        paths.STUDENT,
    log:
        paths.log(paths.STUDENT),
    benchmark:
        paths.benchmark(paths.STUDENT)
    conda:
        "../../environment.yml"
    threads: 1
    resources:
        mem_mb=500,
        runtime=10,
    params:
        spec=lambda w: json.dumps(study.student_spec(w.experiment)),
        sources=sources("steps.student"),
    message:
        "{wildcards.experiment}, seed {wildcards.seed}: student"
    shell:
        "sparsebp student {params.spec:q} --seed {wildcards.seed} --teacher {input.teacher:q}"
        " --output {output:q} 2> {log:q}"
