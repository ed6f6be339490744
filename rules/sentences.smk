"""What is wrong is told in its own words, and early: without Snakemake's frames, before the job that meets it."""

from contextlib import contextmanager

from snakemake.exceptions import WorkflowError

from zoo.errors import ZooError
from zoo.images import planned


class ConfigError(WorkflowError):
    """Without a traceback: Snakemake would show each frame of it that lies in a rule file."""

    __traceback__ = property(lambda self: None, lambda self, frames: None)


@contextmanager
def in_a_sentence(about="config.yaml: "):
    """Tell what is found wrong, by default with config.yaml, without a traceback."""
    try:
        yield
    except ZooError as error:
        raise ConfigError(f"{about}{error}")


@cache
def tell_fault(state):
    """Say at once what is wrong with images, or with a file of an entry: the job that reads it fails in minutes."""
    if (fault := planned.fault_in(state)) and workflow.is_main_process:
        print(f"note: {fault}", file=sys.stderr)
