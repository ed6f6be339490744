"""Needs: all that `all` needs, of a model that is asked for by its name.
Makes: a rule of each such model's name, for its artifacts, their proofs, the report, and what of it to ship; and
refused is what none of the rules up to here makes, with what was meant.
"""

with in_a_sentence(), places.locating(sources):
    asked().refuse_names(workflow.is_rule)

for model in asked().by_name:

    rule:
        name:
            model
        input:
            shipped_of(model),
        message:
            f"{model} is built and verified: see results/report.html"


if workflow.is_main_process and workflow.modifier.is_main_snakefile():
    others = [each for each in workflow.rules if each.name != "impossible"]
    with in_a_sentence(about=""):
        unknown.refuse(
            asked_targets(),
            ZOO,
            names=[each.name for each in others if not each.has_wildcards()],
            patterns=[each.name for each in others if each.has_wildcards()],
            makes=lambda path: any(each.is_producer(path) for each in others),
        )
