"""The Python that runs the jobs, as Snakemake writes it into a shell command: unquoted."""

import multiprocessing
import shlex
import sys


def quote_interpreter() -> None:
    """Let Snakemake's commands work if Python lies below a path with a space, a quote or the like.

    Snakemake puts `sys.executable` before a script's name and before `-m snakemake` as it is, so that the
    shell took the part before the space for the program, and each job ended with 127. For the process that
    plans and starts jobs it becomes a word of the shell; what starts processes without one keeps the path.
    """
    quoted = shlex.quote(sys.executable)
    if quoted != sys.executable:
        multiprocessing.set_executable(sys.executable)
        sys.executable = quoted
