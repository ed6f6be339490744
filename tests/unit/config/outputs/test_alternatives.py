"""The expression admits what the alternatives do, and nothing else, and has what they share once."""

import re
from itertools import product

from zoo.config.outputs.alternatives import alternatives

NAMES = ("m", "m1", "m10", "mobile.net", "n", "net", "m1x")


def expression(names) -> re.Pattern[str]:
    return re.compile(alternatives(map(re.escape, name) for name in names))


def test_each_name_is_admitted_and_no_other_text_of_their_letters():
    of_names = expression(NAMES)
    texts = {"".join(letters) for length in range(5) for letters in product("m10nxt.", repeat=length)}
    assert {text for text in {*texts, *NAMES} if of_names.fullmatch(text)} == set(NAMES)


def test_a_name_that_another_begins_with_is_found_where_more_follows():
    assert re.fullmatch(f"(?:{expression(NAMES).pattern})/x", "m/x")
    assert re.fullmatch(f"(?:{expression(NAMES).pattern})0", "m10")  # m1, and then the 0


def test_pieces_that_are_groups_are_kept_whole():
    both = alternatives([["(?:a|b)", "1"], ["(?:a|b)", "2"], ["(?:a|b)"]])
    assert [bool(re.fullmatch(both, text)) for text in ("a1", "b2", "b", "a3", "1")] == [1, 1, 1, 0, 0]


def test_the_empty_name_is_a_name_and_no_name_admits_nothing():
    assert re.fullmatch(alternatives([[], ["a"]]), "")
    assert not re.fullmatch(alternatives([]), "")


def test_the_beginning_of_many_names_is_written_once():
    names = [f"convnext_{index:04d}" for index in range(1000)]
    pattern = expression(names).pattern
    assert pattern.count("convnext") == 1
    assert all(re.fullmatch(pattern, name) for name in names)
    assert not re.fullmatch(pattern, "convnext_1000")
