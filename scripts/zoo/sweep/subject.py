"""A model that is examined: its untouched form and its answers, and the artifacts that are made of it."""

import logging
import math
import shutil
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

import onnx
import torch
from torch import nn

from zoo.array_types import Arrays
from zoo.calibration.collect import collect_parallel
from zoo.config.model_spec import ModelSpec
from zoo.config.opset import DEFAULT_OPSET
from zoo.config.records.card import ModelCard
from zoo.config.records.verification import Closeness
from zoo.errors import ZooError
from zoo.export.ncnn import Target, answers, convert, pictures_for
from zoo.export.onnx import export_onnx
from zoo.export.rewrites import rewrite
from zoo.export.torchscript import export_torchscript
from zoo.images.decode import read_inputs
from zoo.images.inputs import random_inputs
from zoo.images.sets import Sample
from zoo.measure.closeness import closeness
from zoo.models.architecture import create, naming
from zoo.models.card import card_of, describe
from zoo.models.import_file import import_file, keep
from zoo.models.libraries.onnx_file import read
from zoo.ncnn.fp16 import to_fp16
from zoo.ncnn.graph import write_graph
from zoo.ncnn.pair import Pair
from zoo.onnx.normalize import normalized
from zoo.quantize.apply import apply, left_float
from zoo.runners.artifact import Artifact
from zoo.runners.confined import confined
from zoo.runners.inference import stacked
from zoo.runners.reference import shaped_like
from zoo.runners.torch_outputs import tensors_of, without_fast_path, zeros
from zoo.search import subject as search
from zoo.sweep.int8 import recipes
from zoo.sweep.lively import is_steady, randomize
from zoo.sweep.row import EXACT, EXACT_DB, FAITHFUL_DB, FP16, FP32, INT8, LEAST_FP16, ONNX, Outcome, Row

PROBES = 4
"""Pictures that the cost of a layer's int8 form is measured on."""
LEAST_SIGNAL = 1e-5
"""The share of an output's energy that must be due to what goes in."""


@dataclass(frozen=True)
class Pictures:
    """On which an artifact is compared, and those that int8 is calibrated with."""

    compared: Sequence[Sample]
    calibration: Sequence[Sample]


@dataclass(frozen=True)
class Subject:
    """A model, described, with its answers. module: untouched until `rewritten` is asked for; None for an
    ONNX file. truth: its outputs, each (1, …), for a random input and for the pictures. folder: for files.
    """

    spec: ModelSpec
    card: ModelCard
    module: nn.Module | None
    truth: list[Arrays]
    pictures: Pictures
    folder: Path

    @classmethod
    def of(cls, spec: ModelSpec, pictures: Pictures, folder: Path) -> "Subject":
        """From random weights, none of them trivial, unless the model is a file. Raises ZooError for what
        cannot be built, or does not take such inputs, and what libraries raise."""
        weights = folder / f"weights{spec.kind.suffix}"
        if spec.kind.is_file:
            with naming(spec):
                traits, source = confined(f"the model of {spec.architecture}", import_file, spec)
                keep(spec, weights, changed=bool(traits.changes))
                card = card_of(spec, traits, source, source["sha256"])
            spec = replace(spec, architecture=str(weights))
        module = None if spec.library == "onnx" else create(spec)
        if not spec.kind.is_file:
            assert module is not None
            card = describe(spec, module, {"kind": spec.weights.kind, "location": None, "seed": 0}, "")
        if module is not None and spec.weights.kind == "random" and not spec.kind.is_file:
            module = _lively(spec, module, card)
        feed = card.feed
        pictures = Pictures(pictures_for(feed, pictures.compared), pictures_for(feed, pictures.calibration))
        if module is None:
            original = Artifact(spec.name, "cpu", "the ONNX file", "onnxruntime", "fp32", (weights,))
            truth = answers(original, feed, pictures.compared)
        else:
            inputs = [random_inputs(feed.shapes), *(read_inputs(each, feed) for each in pictures.compared)]
            truth = _run(module, inputs)
        if len(truth) > 1:
            _check_signal(truth)
        return cls(spec, card, module, truth, pictures, folder)

    @cached_property
    def rewritten(self) -> nn.Module:
        """The module after the exact rewrites."""
        assert self.module is not None
        if not self.spec.kind.is_file:
            logging.info("rewrites: %s", rewrite(self.module, self._example, self.card.feed.dynamic))
        return self.module

    def onnx(self, row: Row) -> tuple[Row, Outcome]:
        """fp32.onnx."""
        card, made = self.card, self.folder / ONNX
        if self.module is None:
            file = Path(self.spec.architecture)
            onnx.save(normalized(read(file), card.feed, card.onnx_names, DEFAULT_OPSET), made)
        else:
            export_onnx(self.rewritten, self._example, made, names=card.onnx_names, second=self._second)
        return row, self._judged(ONNX, "onnxruntime", "fp32", (made,), EXACT)

    def fp32(self, row: Row) -> tuple[Row, Outcome]:
        """ncnn's fp32 pair, by the first way that agrees."""
        target = Target(self.spec.name, self.card.feed, len(self.card.outputs), *self._pair(FP32))
        if self.module is None:
            source = self.folder / ONNX
        else:
            source = self.folder / "torchscript.pt"
            if self.spec.kind.is_file:
                shutil.copyfile(self.spec.architecture, source)
            else:
                export_torchscript(self.rewritten, self._example, source, self._second)
        conversion = convert(source, target, self.pictures.compared[:2])
        row = replace(row, way=conversion.way, failed=conversion.failed)
        return row, self._judged(FP32, "ncnn", "fp32", self._pair(FP32), EXACT)

    def fp16(self, row: Row) -> tuple[Row, Outcome]:
        """fp16 of the pair."""
        write_graph(to_fp16(self._fp32.graph), *self._pair(FP16))
        return row, self._judged(FP16, "ncnn", "fp16", self._pair(FP16), LEAST_FP16)

    def int8(self, row: Row) -> tuple[Row, Outcome]:
        """int8 by the local recipe, calibrated on a few pictures, or by what leaves more layers float."""
        fp32, feed = self._fp32, self.card.feed
        if not self.pictures.calibration:
            raise ZooError("its inputs are read from files; only a build with such files calibrates it")
        statistics = collect_parallel(fp32, self.pictures.calibration, feed, 1)
        searched = search.Subject(self.spec.name, "cpu", fp32, statistics)
        probes = [read_inputs(each, feed) for each in self.pictures.compared[:PROBES]]
        best = Outcome(sqnr_db=-math.inf)
        for recipe in recipes(searched, probes, feed.shapes, self.folder):
            write_graph(apply(fp32.graph, statistics, recipe), *self._pair(INT8))
            left = left_float(fp32.graph, recipe)
            found = replace(self._judged(INT8, "ncnn", "int8", self._pair(INT8)), recipe=recipe.name)
            found = _remarked(found, len(self.pictures.calibration), left)
            best = max(best, found, key=lambda each: -math.inf if each.sqnr_db is None else each.sqnr_db)
            if not best.reason:
                break
        return row, best

    @property
    def _example(self) -> tuple[torch.Tensor, ...]:
        return zeros(self.card.feed.shapes)

    @property
    def _second(self) -> tuple[torch.Tensor, ...] | None:
        """An example of the second shapes of a dynamic model."""
        second = self.card.feed.second()
        return zeros(second.shapes) if second else None

    @cached_property
    def _fp32(self) -> Pair:
        if not self._pair(FP32)[0].exists():
            raise ZooError("it is made of ncnn's fp32 files, which there are not")
        return Pair.load(*self._pair(FP32))

    def _pair(self, name: str) -> tuple[Path, Path]:
        return self.folder / f"{name}.param", self.folder / f"{name}.bin"

    def _judged(
        self, name: str, runtime: str, precision: str, files: tuple[Path, ...], least: float = 0.0
    ) -> Outcome:
        """An artifact's answers beside those of the untouched model."""
        artifact = Artifact(self.spec.name, "cpu", name, runtime, precision, files)
        expected = stacked([tuple(each[0] for each in outputs) for outputs in self.truth])
        found = answers(artifact, self.card.feed, self.pictures.compared)[: len(self.truth)]  # at first sizes
        alike = shaped_like(
            artifact, stacked([tuple(each[0] for each in outputs) for outputs in found]), expected
        )
        close = closeness(expected, alike, ["random", *(each.name for each in self.pictures.compared)], False)
        size = sum(file.stat().st_size for file in files)
        return Outcome(close.cosine.min, close.sqnr_db, _fault(close, least), size)


def _fault(close: Closeness, least: float) -> str:
    """What is wrong with an artifact that is to have at least that cosine; empty if nothing is."""
    if close.cosine.min < least:
        return f"its smallest cosine is {close.cosine.min:.6f}"
    if least == EXACT and close.sqnr_db < EXACT_DB:
        return f"its SQNR is {close.sqnr_db:.1f} dB, its smallest cosine {close.cosine.min:.6f}"
    return ""


def _remarked(found: Outcome, pictures: int, left: str) -> Outcome:
    """An int8 outcome, with the reason where it is not faithful. left: what of the model stays float."""
    if found.sqnr_db is None or found.sqnr_db >= FAITHFUL_DB:
        return found
    reason = (
        f"{found.sqnr_db:.1f} dB by the recipe {found.recipe}, calibrated on {pictures} pictures; by "
        "what its layers cost, none of the search comes further while half of the weights are int8"
    )
    return replace(found, reason=f"{reason} ({left})" if left else reason)


def _check_signal(truth: Sequence[Arrays]) -> None:
    """Raises ZooError if the outputs hardly differ from input to input: then every artifact looks right."""
    for each in stacked(truth):
        around = each - each.mean(axis=0)
        if float((around**2).sum()) <= LEAST_SIGNAL * float((each**2).sum()):
            raise ZooError(
                "its answers hardly depend on the picture, so that nothing could be told from them; with "
                "weights of its own, a build tells"
            )


def _lively(spec: ModelSpec, module: nn.Module, card: ModelCard) -> nn.Module:
    """The module with random weights of which none is trivial; as its library makes it where these would have
    it answer by chance."""
    randomize(module, 0, (1, *card.feed.shapes[0]))
    example = tuple(torch.from_numpy(each)[None] for each in random_inputs(card.feed.shapes))
    with without_fast_path():
        if is_steady(module, example):
            return module
    logging.info("%s answers by chance with these weights; it keeps those of its library", spec.architecture)
    return create(spec)


@torch.no_grad()
def _run(module: nn.Module, inputs: Sequence[Arrays]) -> list[Arrays]:
    """The module's outputs, each (1, …). Raises ZooError if one is not finite."""
    found = []
    with without_fast_path():
        for given in inputs:
            tensors = tensors_of(module(*(torch.from_numpy(each)[None] for each in given)))
            if not all(torch.isfinite(tensor).all() for tensor in tensors):
                raise ZooError(
                    "with random weights its output is NaN or infinite, and nothing can be compared"
                )
            found.append(tuple(tensor.float().numpy() for tensor in tensors))
    return found
