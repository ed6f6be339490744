import pytest

from zoo.config.shared_cache import SharedCache
from zoo.errors import ZooError


def test_a_limit_is_told_in_bytes():
    assert SharedCache.of({"folder": "~/cache", "max_gb": 1.5}).max_bytes == 1_500_000_000
    assert SharedCache.of({"folder": "~/cache"}).max_bytes is None
    assert SharedCache.of({}) == SharedCache()


@pytest.mark.parametrize(("entry", "said"), [({"max_gb": 5}, "said of no folder"), ({"foldr": "x"}, "foldr")])
def test_a_slip_is_told(entry: dict[str, object], said: str):
    with pytest.raises(ZooError, match=said):
        SharedCache.of(entry)
