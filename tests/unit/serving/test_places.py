"""Places of those who are still sending: who gives way to whom."""

import pytest

from zoo.serving.places import Places, address_of


def taken(places: Places, ended: list[str], *who: str) -> None:
    """Take a place for each, whose address is its first letter."""
    for each in who:
        places.take(each, each[0], lambda each=each: ended.append(each))


def test_who_has_been_there_longest_gives_way_within_its_address_first():
    places, ended = Places(5, 3), []
    taken(places, ended, "a1", "b1", "a2", "a3")
    assert not ended
    taken(places, ended, "a4")
    assert ended == ["a1"], "a has three at most"
    taken(places, ended, "b2", "c1")
    assert ended == ["a1", "a2"], "all five are taken, and a has the most"
    taken(places, ended, "c1")
    assert ended == ["a1", "a2"], "it has a place"


def test_a_place_that_is_left_is_free():
    places, ended = Places(2, 1), []
    for _ in range(5):
        taken(places, ended, "a", "b")
        places.leave("a")
        places.leave("a")
        places.leave("b")
        places.leave("nobody")
    assert not ended


@pytest.mark.parametrize(
    ("client", "address"),
    [
        (("192.0.2.7", 80), "192.0.2.7"),
        (("::ffff:192.0.2.7", 80), "192.0.2.7"),
        (("2001:db8:1:2:3:4:5:6", 80), "2001:db8:1:2::/64"),
        (("somebody", 80), "somebody"),
        (None, ""),
    ],
)
def test_what_counts_as_one_client(client: tuple[str, int] | None, address: str):
    assert address_of(client) == address
