"""Needs: model cards and the proofs of all artifacts of the models whose weights are at hand; and the history of
builds, if there is one.
Makes: results/report.html, a page that opens offline, results/zoo.csv with the same rows, and of these, as
results/evaluation.md and .csv, what each artifact answers, how fast it is and how large. The rows of a sweep, where
there are any, are the page's last section.
"""

from zoo.sweep import listed

best_asked = lambda wc: {
    name: asdict(model.settings.best) for name, model in ZOO.models.items()
}


rule report:
    """Gather every proof in one table and one page."""
    input:
        cards=lambda wc: reported().cards(),
        proofs=lambda wc: reported().proofs(),
    output:
        html=report("results/report.html", "report/page.rst", category="The zoo"),
        csv=report("results/zoo.csv", "report/table.rst", category="The zoo"),
        evaluation="results/evaluation.md",
        evaluation_csv=report(
            "results/evaluation.csv", "report/evaluation.rst", category="The zoo"
        ),
    log:
        "results/logs/report.log",
    benchmark:
        "results/logs/report.benchmark.tsv"
    retries: 0
    localrule: True
    threads: 1
    resources:
        mem_mb=1000,
    params:
        code=code(
            "report.py",
            "zoo/report/*.j2",
            "zoo/report/*.[cj]s*",
            "zoo/deploy/*.j2",
        ),
        # No input: what this build adds to it is appended when the build has ended.
        history="results/history.jsonl",
        home=str(HOME),
        asked=best_asked,
        # No inputs: a report makes no row anew.
        sweep=lambda wc: listed.stamps(),
    message:
        "report"
    script:
        "../scripts/report.py"
