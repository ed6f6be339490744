"""The record of a search."""

from dataclasses import replace

import pytest

from samples.report import search
from zoo.errors import ZooError
from zoo.search.outcome import SearchOutcome


def test_the_record_comes_back_from_its_file(tmp_path):
    outcome = search("net", target={"min_sqnr_db": 40})
    outcome.write(tmp_path / "int8.search.json")
    assert SearchOutcome.read(tmp_path / "int8.search.json") == outcome
    assert set(outcome.to_dict()) == {
        *("version", "model", "device", "artifact", "images", "target", "chosen", "failures"),
        *("candidates", "references", "objective", "reason"),
    }


def test_a_record_of_before_has_the_objective_that_there_was():
    values = search("net").to_dict()
    del values["objective"], values["reason"]
    outcome = SearchOutcome.from_dict(values)
    assert (outcome.objective, outcome.reason) == ("balanced", "")


def test_what_was_chosen_is_found_by_its_name():
    outcome = search("net")
    assert outcome.taken is not None and outcome.taken.name == "local"
    assert replace(outcome, chosen=None).taken is None


def test_a_candidate_that_lacks_a_figure_is_named_by_place_and_field():
    values = search("net").to_dict()
    del values["candidates"][1]["speedup"]
    with pytest.raises(ZooError, match=r"^a\.json: a broken search .*`speedup` - at `\$\.candidates\[1\]`"):
        SearchOutcome.from_dict(values, "a.json")


@pytest.mark.parametrize("speedup", [0, -1.0, float("inf"), float("nan")])
def test_a_speedup_that_nothing_can_have_is_refused(speedup: float):
    values = search("net").to_dict()
    values["candidates"] = [*values["candidates"]]
    values["candidates"][1] = values["candidates"][1] | {"speedup": speedup}
    with pytest.raises(ZooError, match=r"a broken search .*is no speedup of "):
        SearchOutcome.from_dict(values, "a.json")
