"""The part of the list of architectures that a sweep takes.

Read each time a build starts, so the standard library is all it needs.
"""

from zoo.errors import ZooError


def part_of(text: str | None) -> tuple[int, int]:
    """A part, from 1, and of how many: `3/12` is the third of twelve, None all. Raises ZooError for what
    is no part."""
    number, _, count = ("1/1" if text is None else text).partition("/")
    if not (number.isdecimal() and count.isdecimal() and 1 <= int(number) <= int(count)):
        raise ZooError(f"sweep: {text!r} is no part of the list; 3/12 is the third of twelve")
    return int(number), int(count)
