"""Times in words."""

from zoo.terminal.words import about, duration, some


def test_durations():
    assert [duration(each) for each in (0.4, 59.4, 59.6, 192, 3900)] == [
        "0 s",
        "59 s",
        "1 min 00 s",
        "3 min 12 s",
        "1 h 05 min",
    ]


def test_estimates_are_round():
    assert [about(each) for each in (2, 44, 55, 240, 9000)] == [
        "about 10 s",
        "about 40 s",
        "about 1 min",
        "about 4 min",
        "about 2.5 h",
    ]


def test_one_is_no_plural():
    assert [some(1, "job"), some(0, "job")] == ["1 job", "0 jobs"]
