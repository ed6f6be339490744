"""Places for those who have not sent all of a request yet: a few for each address, and a few in all."""

import ipaddress
from collections import Counter
from collections.abc import Callable, Hashable


class Places:
    """A table of those who are still sending, the longest first.

    Nobody is turned away: who comes when all places are taken gets that of whoever has been sending longest,
    of the same address if that has all of its own, else of the address with the most. A good client sends
    within milliseconds, so that slow ones take places from one another only.

    total: places in all. per_address: of one client's address.
    """

    def __init__(self, total: int, per_address: int) -> None:
        self._total, self._per_address = total, per_address
        self._taken: dict[Hashable, tuple[str, Callable[[], None]]] = {}
        self._count: Counter[str] = Counter()

    def take(self, who: Hashable, address: str, end: Callable[[], None]) -> None:
        """A place for `who`, unless it has one. end: called, once, if it must give the place up."""
        if who in self._taken:
            return
        if self._count[address] >= self._per_address:
            self._free(address)
        elif len(self._taken) >= self._total:
            self._free(self._count.most_common(1)[0][0])
        self._taken[who] = address, end
        self._count[address] += 1

    def leave(self, who: Hashable) -> None:
        """Give the place up, if there is one."""
        if who in self._taken:
            address, _ = self._taken.pop(who)
            self._count -= Counter([address])

    def _free(self, address: str) -> None:
        who, end = next((who, end) for who, (theirs, end) in self._taken.items() if theirs == address)
        self.leave(who)
        end()


def address_of(client: tuple[str, int] | None) -> str:
    """What counts as one client: an address of IPv4, or the network of 64 bits of one of IPv6."""
    name = client[0] if client else ""
    try:
        address = ipaddress.ip_address(name)
    except ValueError:
        return name
    if isinstance(address, ipaddress.IPv6Address):
        network = ipaddress.IPv6Network((int(address), 64), strict=False)
        return str(address.ipv4_mapped or network)
    return str(address)
