"""Where architectures come from: one module a library, all with the same functions.

    build(spec, seed, **options) -> nn.Module      the model, weights initialized from the seed
    preprocess(spec) -> Preprocess                 the library's own record
    pretrained(spec) -> WeightsSource              where the library keeps the weights of the tag, as a source
                                                   of kind hub or url with a location
    licence(spec) -> str | None                    of those weights
    labels(spec) -> list[str] | None               class names of those weights

Each raises ZooError, without naming the model, for an architecture or a tag that the library does not have.
"""

import importlib
from types import ModuleType

from zoo.config.model_spec import ModelSpec


def library(spec: ModelSpec) -> ModuleType:
    """The module of a specification's library."""
    return importlib.import_module(f"zoo.models.libraries.{spec.library}_models")
