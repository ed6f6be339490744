"""Needs: a target that no other rule makes. Makes: a sentence that says why, and what is valid."""


rule impossible:
    """Explain why a target below results/ cannot be made."""
    input:
        explain_impossible,
    output:
        "results/{impossible}",
    log:
        "results/logs/impossible/{impossible}.log",
    wildcard_constraints:
        impossible=f"(?!(?:{patterns.possible(ZOO)})$).+",
    shell:
        "false >{log}"
