"""The software that jobs run with: what Snakemake runs in, or, where it is to see to that (`--sdm conda`), for all
rules an environment of what requirements.txt pins. Included last, when all rules are there.
"""

from snakemake.settings.types import DeploymentMethod

# Only where it is used, and told to --lint: Snakemake would keep its text with each file that is made, and make all
# of them anew when a line of it changes, where rules say which package's release concerns them.
if (
    TYPED.lint
    or DeploymentMethod.CONDA in workflow.deployment_settings.deployment_method
):
    for each in workflow.rules:
        if Path(each.snakefile).is_relative_to(HOME):
            each.conda_env = str(HOME / "rules/environment.yaml")
