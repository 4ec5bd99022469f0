# What is asked for and made by no other rule: a name mistyped, which Snakemake would not tell from
# a file that a rule needs and none makes.


rule unknown:
    input:
        lambda w: refuse(
            w.target, study, [rule.name for rule in workflow.rules if not rule.has_wildcards()]
        ),
    output:
        "{target}",
    wildcard_constraints:
        target=others(study),
