"""Needs: all that `all` needs, of a model that is asked for by its name.
Makes: a rule of each such model's name: its artifacts, their proofs, and what of it to ship. And says, in the last
line of a build, which of the artifacts that it was asked for are without a proof.
"""

import atexit

with in_a_sentence(), config_file.locating(files):
    asked().refuse_names(workflow.is_rule)


def shipped_of(model):
    return lambda wc: shipped(ZOO, model, built_devices())


for model in asked().by_name:

    rule:
        name:
            model
        input:
            shipped_of(model),
        message:
            f"{model} is built and verified: see results/report.html"


def tell_unverified():
    """After all that Snakemake says, which says nothing to a build that had nothing to do."""
    for sentence in asked().unverified():
        print(f"note: {sentence}", file=sys.stderr)


if workflow.is_main_process and not (idle or TYPED.dryrun):
    atexit.register(tell_unverified)
