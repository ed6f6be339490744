"""Needs: all that `all` needs, of a model that is asked for by its name.
Makes: a rule of each such model's name, for its artifacts, their proofs, the report, and what of it to ship.
"""

with in_a_sentence(), config_file.locating(files):
    asked().refuse_names(workflow.is_rule)

for model in asked().by_name:

    rule:
        name:
            model
        input:
            shipped_of(model),
        message:
            f"{model} is built and verified: see results/report.html"
