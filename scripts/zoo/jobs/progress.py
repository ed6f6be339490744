"""The bar that tells a person how far long work is."""

from collections.abc import Callable, Iterable, Iterator
from typing import TypeVar

T = TypeVar("T")


def progress(
    items: Iterable[T], title: str | None, total: int, unit: str, size: Callable[[T], int] | None = None
) -> Iterator[T]:
    """The same items, in the same order, with a bar on stderr while they are taken.

    It is shown on a terminal only, once two seconds have passed, and is wiped away at the end. title: its
    text; None for no bar. total, unit: how much there is to do, and of what. size: how much of that an item
    is, by default 1.
    """
    if title is None:
        yield from items
        return
    from tqdm import tqdm  # 30 ms that most jobs are too short for

    with tqdm(desc=title, total=total, unit=unit, disable=None, delay=2, leave=False) as bar:
        for item in items:
            yield item
            bar.update(1 if size is None else size(item))
