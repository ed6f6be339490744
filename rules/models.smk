"""Needs: all that `all` needs, of a model that is asked for by its name.
Makes: a rule of each such model's name, for its artifacts, their proofs, and what of it to ship.
"""

with in_a_sentence(), config_file.locating(files):
    asked().refuse_names(workflow.is_rule)


shipped_of = lambda model: lambda wc: shipped(ZOO, model, built_devices())


for model in asked().by_name:

    rule:
        name:
            model
        input:
            shipped_of(model),
        message:
            f"{model} is built and verified: see results/report.html"
