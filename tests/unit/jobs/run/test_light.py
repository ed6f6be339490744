"""What Snakemake is spared: in a dry run also what it does not show."""

import subprocess
import sys

import pytest


@pytest.mark.parametrize("is_dry", [False, True])
def test_a_dry_run_is_spared_more(is_dry):
    code = f"""
from types import SimpleNamespace as Some
import snakemake.cli
from snakemake.jobs import Job
from snakemake.scheduling.job_scheduler import JobScheduler
from zoo.jobs.run import light
before = Job.log_info
workflow = Some(logger_manager=Some(plugin_handlers=[]), output_settings=Some(printshellcmds=False))
light.lighten(workflow, {is_dry})
print(Job.log_info is not before, JobScheduler.update_input_sizes.__name__)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == [str(is_dry), "looked"]


def test_a_logger_that_shows_more_is_told_all():
    code = """
from types import SimpleNamespace as Some
import snakemake.cli
from snakemake.jobs import Job
from zoo.jobs.run import light
before = Job.log_info
workflow = Some(logger_manager=Some(plugin_handlers=[object()]), output_settings=Some(printshellcmds=False))
light.lighten(workflow, True)
workflow = Some(logger_manager=Some(plugin_handlers=[]), output_settings=Some(printshellcmds=True))
light.lighten(workflow, True)
print(Job.log_info is before)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["True"]
