"""The exceptions of the library."""


class ZooError(Exception):
    """Something a user can cause and mend: the text names what failed and what to do."""


class ArtifactError(ZooError):
    """An artifact that a runtime cannot load or run: verification reports it instead of stopping."""
