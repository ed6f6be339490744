"""Needs: the proofs of artifacts.
Makes: at the end of each build that ran something, lines in results/history.jsonl; when asked, the baseline, or
a failure in a sentence for each figure that is worse than in it.
"""

from zoo.history import baseline, build

asked_by_baseline = cache(lambda: baseline.asked(ZOO, built_devices()))


onsuccess:
    refuse_unfinished()
    idle or build.record(ZOO, HOME)
    end_storing()


onerror:
    tell_ended()
    idle or build.record(ZOO, HOME)
    end_storing()


rule keep_baseline:
    """Keep the present figures, to commit them and to compare later builds with."""
    input:
        proofs=lambda wc: reported().proofs(),
    log:
        "results/logs/keep_baseline.log",
    benchmark:
        "results/logs/keep_baseline.benchmark.tsv"
    retries: 0
    localrule: True
    threads: 1
    resources:
        mem_mb=500,
    params:
        baseline=ZOO.baseline,
        home=str(HOME),
    message:
        "keep the present figures in {params.baseline}"
    script:
        "../scripts/keep_baseline.py"


rule check_regressions:
    """Fail, with what got worse, if a figure is worse than in the baseline by more than its margin."""
    input:
        proofs=lambda wc: asked_by_baseline().proofs,
    log:
        "results/logs/check_regressions.log",
    benchmark:
        "results/logs/check_regressions.benchmark.tsv"
    retries: 0
    localrule: True
    threads: 1
    resources:
        mem_mb=500,
    params:
        baseline=ZOO.baseline,
        undeclared=lambda wc: asked_by_baseline().undeclared,
        elsewhere=lambda wc: asked_by_baseline().elsewhere,
        margins=baseline.margins(ZOO),
        home=str(HOME),
    message:
        "compare with {params.baseline}"
    script:
        "../scripts/check_regressions.py"
