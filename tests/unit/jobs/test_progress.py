"""A bar shows how far the work is, and changes nothing about it."""

import pytest
import tqdm

from zoo.jobs.progress import progress


class Bar:
    """What tqdm is told."""

    def __init__(self, **options):
        self.options, self.steps, self.closed = options, [], False

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.closed = True

    update = property(lambda self: self.steps.append)


@pytest.fixture
def bars(monkeypatch):
    made = []
    monkeypatch.setattr(tqdm, "tqdm", lambda **options: made.append(Bar(**options)) or made[-1])
    return made


def test_items_pass_through_and_each_moves_the_bar(bars):
    assert list(progress(iter("abc"), "calibrate", 3, "image")) == ["a", "b", "c"]
    assert bars[0].steps == [1, 1, 1] and bars[0].closed
    expected = {"desc": "calibrate", "total": 3, "unit": "image"}
    assert expected.items() <= bars[0].options.items()


def test_an_item_may_be_several_steps(bars):
    assert list(progress(["ab", "c"], "x", 3, "image", len)) == ["ab", "c"]
    assert bars[0].steps == [2, 1]


def test_the_bar_moves_when_the_work_on_an_item_is_done_and_goes_when_it_fails(bars):
    items = progress("ab", "x", 2, "image")
    next(items)
    assert bars[0].steps == []
    items.close()
    assert bars[0].closed


def test_without_a_title_there_is_no_bar(bars):
    assert list(progress("ab", None, 2, "image")) == ["a", "b"]
    assert bars == []


def test_nothing_is_shown_where_there_is_no_terminal(capsys):
    assert list(progress(range(3), "x", 3, "image")) == [0, 1, 2]
    assert capsys.readouterr().err == ""
