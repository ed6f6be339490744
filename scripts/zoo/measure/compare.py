"""Two artifacts of one model side by side, on one sample: the difference of every layer, and of the outputs.

Layers are told by the names of what they compute. Two ncnn files of one model share these, and so do two
ONNX files; files of different formats name and fuse layers in their own ways, so of them outputs are
compared alone.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory

from zoo.array_types import Arrays
from zoo.config.records.card import ModelCard
from zoo.config.records.verification import LayerDifference
from zoo.errors import ArtifactError, ZooError
from zoo.jobs.isolation import isolated
from zoo.measure.layer_difference import compared_layers, layer_difference
from zoo.ncnn.graph import Graph, read_param
from zoo.ncnn.layer import Layer
from zoo.runners.artifact import Artifact
from zoo.runners.inference import stacked
from zoo.runners.ncnn_runner import load as load_ncnn
from zoo.runners.ncnn_runner import model_outputs
from zoo.runners.reference import shaped_like


def compare(first: Artifact, second: Artifact, inputs: Arrays, threads: int = 1) -> list[LayerDifference]:
    """The differences of `second` to `first`, layer by layer in the first's order, then of each output.

    Raises ArtifactError if one cannot be loaded or run, or they have different outputs.
    """
    with TemporaryDirectory() as folder:
        return isolated(f"{first} or {second}", _compare, first, second, inputs, threads, Path(folder))


def _compare(
    first: Artifact, second: Artifact, inputs: Arrays, threads: int, folder: Path
) -> list[LayerDifference]:
    inner = None
    if comparable(first, second) and first.runtime == "onnxruntime":
        inner = _Inner.of(first, second, folder)  # a process that opened an artifact writes no more
    expected, got = (stacked([artifact.open(threads).run(inputs)]) for artifact in (first, second))
    outputs = zip(expected, shaped_like(second, got, expected), strict=True)
    found: list[LayerDifference] = []
    if comparable(first, second):
        found += inner.layers(inputs, threads) if inner else _ncnn_layers(first, second, inputs, threads)
    found += [layer_difference(f"output {n}", "", f"output {n}", *pair) for n, pair in enumerate(outputs)]
    return found


def comparable(first: Artifact, second: Artifact) -> bool:
    """Whether layers can be told, not outputs alone."""
    return first.runtime == second.runtime and first.runtime in ("ncnn", "onnxruntime")


def _ncnn_layers(
    first: Artifact, second: Artifact, inputs: Arrays, threads: int
) -> Iterator[LayerDifference]:
    graph, other = (Graph(read_param(each.files[0]).layers) for each in (first, second))
    own, others = (_inner_layers(each) for each in (graph, other))
    names = _in_both_orders(list(own), list(others))
    runs = [
        load_ncnn(each.files, each.device, threads, each.precision).blobs(inputs, names)
        for each in (first, second)
    ]
    for (name, expected), (_, got) in zip(*runs, strict=True):
        if expected.shape == got.shape:
            yield layer_difference(own[name].name, own[name].type, name, expected, got)


def _inner_layers(graph: Graph) -> dict[str, Layer]:
    """The layers that can be compared, by blob, but for those that make the model's outputs."""
    ends = model_outputs(graph)
    return {blob: layer for blob, layer in compared_layers(graph).items() if blob not in ends}


def _in_both_orders(first: Sequence[str], second: Sequence[str]) -> list[str]:
    """The names in both, in the first's order, but for those that the second has earlier than one before."""
    places = {name: place for place, name in enumerate(second)}
    kept: list[str] = []
    for name in first:
        if name in places and (not kept or places[name] > places[kept[-1]]):
            kept.append(name)
    return kept


@dataclass(frozen=True)
class _Inner:
    """Two ONNX artifacts with the intermediate results that both have as further outputs.

    tensors: name and type of the first's node by the name of each. pair: behind how many outputs of its own
    each has them.
    """

    tensors: Mapping[str, tuple[str, str]]
    pair: tuple[tuple[Artifact, int], ...]

    @classmethod
    def of(cls, first: Artifact, second: Artifact, folder: Path) -> "_Inner":
        own, others = (_float_tensors(each.files[0]) for each in (first, second))
        tensors = {name: node for name, node in own.items() if name in others}
        pair = (_with_outputs(each, tensors, folder / str(n)) for n, each in enumerate((first, second)))
        return cls(tensors, tuple(pair))

    def layers(self, inputs: Arrays, threads: int) -> Iterator[LayerDifference]:
        expected, got = (each.open(threads).run(inputs)[count:] for each, count in self.pair)
        for (name, node), one, other in zip(self.tensors.items(), expected, got, strict=True):
            if one.shape == other.shape:
                yield layer_difference(*node, name, one, other)


def _float_tensors(path: Path) -> dict[str, tuple[str, str]]:
    """Name and type of the node by the name of its first output, for those of float that are no output."""
    import onnx

    model = onnx.shape_inference.infer_shapes(onnx.load(path))
    floats = {
        value.name
        for value in model.graph.value_info
        if value.type.tensor_type.elem_type in (onnx.TensorProto.FLOAT, onnx.TensorProto.FLOAT16)
    }
    return {
        node.output[0]: (node.name or node.output[0], node.op_type)
        for node in model.graph.node
        if node.output[0] in floats and node.op_type != "Constant"
    }


def _with_outputs(artifact: Artifact, names: Iterable[str], folder: Path) -> tuple[Artifact, int]:
    """The artifact with these outputs more, in a file in a folder, and how many it has before them."""
    import onnx

    model = onnx.load(artifact.files[0])
    count = len(model.graph.output)
    model.graph.output.extend(onnx.ValueInfoProto(name=name) for name in names)
    folder.mkdir()
    path = folder / artifact.files[0].name
    try:
        onnx.save(model, path)
    except ValueError as error:
        raise ArtifactError(f"{artifact.files[0]}: too large to look into: {error}") from error
    return replace(artifact, files=(path,)), count


def check_same_model(first: ModelCard, second: ModelCard) -> None:
    """Raises ZooError unless two model cards say that the same inputs go in."""
    for field in ("inputs", "preprocess"):
        if getattr(first, field) != getattr(second, field):
            raise ZooError(
                f"{first.name} and {second.name} take different {field}, so they cannot be compared; give "
                "two artifacts of one model"
            )
