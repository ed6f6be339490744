"""What is wrong is told in its own words, and early: without Snakemake's frames, before the job that meets it."""

from contextlib import contextmanager

from snakemake.exceptions import WorkflowError

from zoo.errors import PlacedError, ZooError


class ConfigError(WorkflowError):
    """Without a traceback: Snakemake would show each frame of it that lies in a rule file."""

    __traceback__ = property(lambda self: None, lambda self, frames: None)


@contextmanager
def in_a_sentence(about="config.yaml: "):
    """Tell what is found wrong, by default with config.yaml, without a traceback."""
    try:
        yield
    except PlacedError as error:
        raise ConfigError(str(error))
    except ZooError as error:
        raise ConfigError(f"{about}{error}")
