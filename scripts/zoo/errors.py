"""The one exception of the library."""


class ZooError(Exception):
    """Something a user can cause and mend: the text names what failed and what to do."""
