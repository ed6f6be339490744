"""Needs: what the report needs.
Makes, when asked: results/site, the zoo as pages that any web server can serve, or a browser opens from the disk.
"""


rule site:
    """Make a site: a page a model, with its files to download, a comparison of two artifacts, the architectures."""
    input:
        cards=lambda wc: reported().cards(),
        proofs=lambda wc: reported().proofs(),
    output:
        directory("results/site"),
    log:
        "results/logs/site.log",
    benchmark:
        "results/logs/site.benchmark.tsv"
    retries: 0
    localrule: True
    threads: 1
    resources:
        mem_mb=1000,
    params:
        code=code(
            "site_pages.py",
            "zoo/report/*.j2",
            "zoo/report/*.[cj]s*",
            "zoo/site/*.j2",
            "zoo/site/*.[cj]s*",
            "zoo/deploy/*.j2",
        ),
        # No input: what this build adds to it is appended when the build has ended.
        history="results/history.jsonl",
        home=str(HOME),
        # No inputs: a site makes no row anew.
        sweep=lambda wc: listed.stamps(),
        asked=best_asked,
    message:
        "site: open results/site/index.html"
    script:
        "../scripts/site_pages.py"
