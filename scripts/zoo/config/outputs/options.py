"""Where ncnn's options for an artifact are recorded, and what is asked of them."""

from typing import Any

from zoo.config.artifacts import ARTIFACTS, DEVICES
from zoo.config.outputs.devices import is_timed
from zoo.config.outputs.paths import model_folder
from zoo.config.zoo import Zoo
from zoo.errors import ZooError


def records(zoo: Zoo, device: str, model: str, artifact: str) -> list[str]:
    """The record of what is set of ncnn's options for an artifact on a device; none if nothing is said of
    them, by hand or by asking for a search."""
    said = artifact in zoo.models[model].settings.runtime.by_hand
    has_some = said or (ARTIFACTS[artifact].deployable and searched(zoo, device, model))
    return [f"{model_folder(device, model)}/{artifact}.options.json"] * has_some


def asked(zoo: Zoo, device: str, model: str, artifact: str) -> dict[str, Any]:
    """What is asked of an artifact's options on a device, as plain values: `search`, `search_threads`,
    `by_hand`, the last as config.yaml has it.

    Raises ZooError if nothing is.
    """
    if not records(zoo, device, model, artifact):
        raise ZooError(
            f"{model}: nothing is said of the options of {artifact} on {device}; say some by hand (runtime: "
            f"{{{artifact}: {{use_winograd_convolution: false}}}}), or have them searched, on a device that "
            "can be timed (runtime: {search: true})"
        )
    runtime, is_searched = zoo.models[model].settings.runtime, searched(zoo, device, model)
    return {
        "search": runtime.search and is_searched,
        "search_threads": runtime.search_threads and is_searched,
        "by_hand": runtime.by_hand[artifact].to_dict() if artifact in runtime.by_hand else {},
    }


def searched(zoo: Zoo, device: str, model: str) -> bool:
    """Whether options are searched for a model on a device, which takes one that can be timed."""
    return is_timed(zoo, device) and zoo.models[model].settings.runtime.searches


def judgement(zoo: Zoo, device: str, model: str) -> list[str]:
    """The answers of fp32 that searched options are judged by, for a target those on the CPU here; none where
    nothing is searched."""
    judged, here = searched(zoo, device, model), device if device in DEVICES else "cpu"
    return [f"{model_folder(here, model)}/search/reference.npz"] * judged
