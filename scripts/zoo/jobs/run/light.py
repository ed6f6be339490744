"""All that spares Snakemake work that makes no difference, for a zoo of a thousand models (docs/scale.md)."""

from typing import Any

from zoo.jobs.run import dry_run, lean, plain_files, remembered, selection


def lighten(workflow: Any, is_dry: bool) -> None:
    """Spare this process, whose workflow it is, what it would do again for each job, and keep for each; a dry
    run also what it does not show."""
    remembered.remember()
    plain_files.lighten()
    lean.slim()
    selection.lighten()
    if is_dry:
        dry_run.lighten(workflow)
