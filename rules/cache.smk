"""Needs: nothing. Makes: the shared cache that config.yaml names as small as is said there."""


rule prune_cache:
    """Remove from the shared cache what was used least recently."""
    log:
        "results/logs/prune_cache.log",
    retries: 0
    localrule: True
    # Without a file of its own it runs each time, and a benchmark would be one.
    threads: 1
    resources:
        mem_mb=300,
    params:
        folder=ZOO.cache.folder,
        limit=ZOO.cache.max_bytes,
    message:
        "prune the cache of config.yaml"
    script:
        "../scripts/prune_cache.py"
