"""Needs: nothing but the libraries.
Makes: sweep/<library>/<family>.json, what the smallest architecture of a family becomes, and
docs/architectures.md, the rows that there are as a table. Both are committed, so they are no results: a row that is
there is not made again.
"""

from zoo.sweep import listed

SWEEP = workflow.modifier.modify_rulename("sweep")
with in_a_sentence():
    SWEPT = listed.shard(ZOO.sweep)


rule sweep:
    """What every architecture becomes, or, by sweep=3/12, the architectures of a part of the list."""
    input:
        own_files(*SWEPT),
        own_files(listed.PAGE),
    message:
        "the table is in docs/architectures.md"


rule sweep_family:
    """Take a family's smallest architecture through every artifact, from random weights."""
    output:
        local(f"{listed.ROWS}/{{library}}/{{family}}.json"),
    log:
        "results/logs/sweep/{library}/{family}.log",
    benchmark:
        "results/logs/sweep/{library}/{family}.benchmark.tsv"
    wildcard_constraints:
        library="[a-z_]+",
        family="[a-z0-9_]+",
    threads: 1
    resources:
        mem_mb=grown(6000),
    params:
        home=str(HOME),
    message:
        "sweep {wildcards.library}/{wildcards.family}"
    script:
        "../scripts/sweep.py"


rule architectures:
    """Write the page of the rows that there are, and of those that this build makes."""
    input:
        lambda wc: own_files(*listed.shown(SWEPT if SWEEP in typed_targets() else [])),
    output:
        local(listed.PAGE),
    log:
        "results/logs/architectures.log",
    benchmark:
        "results/logs/architectures.benchmark.tsv"
    retries: 0
    localrule: True
    threads: 1
    resources:
        mem_mb=500,
    params:
        code=code("sweep_page.py"),
    message:
        "architectures"
    script:
        "../scripts/sweep_page.py"
