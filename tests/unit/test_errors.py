"""What is refused is named, with what would be taken."""

import pytest

from zoo.errors import ArtifactError, ZooError, instead, meant, of_runtime, refuse_unknown, require_extra


def test_keys_that_are_known_pass():
    refuse_unknown("models: one", {"size": 1}, ("size", "mean"))
    refuse_unknown("models: one", {}, ())


@pytest.mark.parametrize(
    ("known", "sentence"),
    [
        (("size", "mean"), "models: one: unknown crop, seed; it takes size, mean"),
        (("seeds", "crops"), "models: one: unknown crop, seed; did you mean crops, seeds?"),
        (("seeds", "size"), "models: one: unknown crop, seed; it takes seeds, size"),
        ((), "models: one: unknown crop, seed; it takes no other key"),
    ],
)
def test_keys_that_are_not_are_named_in_order_with_those_that_are(known, sentence):
    with pytest.raises(ZooError) as caught:
        refuse_unknown("models: one", {"seed": 1, "crop": 2}, known)
    assert str(caught.value) == sentence


def test_of_very_many_keys_a_dozen_are_named_that_are_spelled_most_alike():
    known = [f"{letter}{number}" for letter in "abc" for number in range(10, 20)]
    said = instead(["zz9zz"], known)
    assert said.startswith("it takes, among others, ") and said.count(",") == 13 and "b19" in said


def test_upper_and_lower_case_are_alike():
    assert meant(["CPU"], ("cpu", "gpu")) == "did you mean cpu?"
    assert meant(["innerproduct"], ("Interp", "InnerProduct")) == "did you mean InnerProduct?"


def test_a_broken_artifact_is_an_error_that_a_user_can_mend():
    assert issubclass(ArtifactError, ZooError)


@pytest.mark.parametrize(
    "error",
    [
        MemoryError(),
        RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried to allocate 4 bytes"),
        RuntimeError("CUDA out of memory. Tried to allocate 2.00 GiB"),
        ValueError("[ONNXRuntimeError] : 6 : RUNTIME_EXCEPTION : std::bad_alloc"),
        ValueError("bfc_arena.cc:360 Failed to allocate memory for requested buffer of size 40"),
    ],
)
def test_a_lack_of_memory_is_no_fault_of_an_artifact(error):
    assert isinstance(of_runtime(error, "m: it cannot run"), MemoryError)


def test_any_other_failure_of_a_runtime_is():
    error = of_runtime(RuntimeError("unknown operator"), "m: it cannot run")
    assert isinstance(error, ArtifactError) and str(error) == "m: it cannot run"


def test_what_an_extra_brings_is_asked_for_by_the_first_of_it_that_is_missing():
    require_extra("serving", "serve", "json", "pathlib")
    with pytest.raises(ZooError) as caught:
        require_extra("serving", "serve", "json", "no_such_module", "nor_this")
    assert str(caught.value) == (
        "serving needs no_such_module, which is not installed here: pip install 'ncnn-zoo[serve]'"
    )
