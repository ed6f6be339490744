"""The files beside an ONNX file that hold its weights, as torch writes them: found, and put into one."""

import shutil
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

import onnx
from onnx import GraphProto, ModelProto, NodeProto, TensorProto

from zoo.errors import ZooError
from zoo.jobs.files import regular

MAX_BYTES = 2_000_000_000
"""Of a model in one file, a protobuf message being limited to 2 GiB."""
DOMAINS = ("", "ai.onnx", "ai.onnx.ml", "com.microsoft")
"""Of operators that onnxruntime brings along."""


def data_files(path: Path) -> list[Path]:
    """The files that an ONNX file has its weights in, in the order of their names.

    Raises ZooError if it is no ONNX file, if one of them is missing or lies outside of its folder, links
    followed, and for operators of somebody's own, which are programs that it does not hold.
    """
    if not regular(path).exists():
        raise ZooError(f"{path} does not exist")
    try:
        model = onnx.load(path, load_external_data=False)
    except Exception as error:  # protobuf raises unrelated classes
        raise ZooError(f"{path} is not a valid ONNX model: {error}") from error
    own = {function.domain for function in model.functions}
    nodes = [*_nodes(model.graph), *(node for each in model.functions for node in each.node)]
    for node in nodes:
        if node.op_type == "EPContext" or node.domain not in (*DOMAINS, *own):
            raise ZooError(
                f"{path} has the operator {node.domain}.{node.op_type}, which is none of ONNX; export it "
                "without"
            )
    names = {name for tensor in _tensors(model.graph, nodes) for name in _locations(tensor)}
    return [_beside(path, name) for name in sorted(names)]


def write_whole(path: Path, target: Path) -> None:
    """Write the model of an ONNX file as one file, data and all. Raises ZooError if that is too large."""
    parts = [path, *data_files(path)]
    if len(parts) == 1:
        shutil.copyfile(path, target)
        return
    if sum(part.stat().st_size for part in parts) > MAX_BYTES:
        raise ZooError(
            f"{path} and its data have more than 2 GB, and an ONNX file cannot hold more; make it smaller"
        )
    onnx.save(onnx.load(path), target)


def write_model(model: ModelProto, target: Path) -> None:
    """Write a model as one file. Raises ZooError if that is too large."""
    if model.ByteSize() > MAX_BYTES:
        raise ZooError("the model has more than 2 GB in float32, and an ONNX file cannot hold more")
    onnx.save(model, target)


def _beside(path: Path, name: str) -> Path:
    folder, file = path.parent.resolve(), (path.parent / name).resolve()
    if PurePosixPath(name).is_absolute() or not file.is_relative_to(folder) or not name:
        raise ZooError(f"{path} wants to read {name!r}, which lies outside of its folder, and is refused")
    if not file.is_file():
        raise ZooError(f"{path} has its weights in {name}, which does not lie beside it; copy both")
    return file


def _locations(tensor: TensorProto) -> Iterator[str]:
    if tensor.data_location == TensorProto.EXTERNAL:
        yield next((entry.value for entry in tensor.external_data if entry.key == "location"), "")


def _nodes(graph: GraphProto) -> Iterator[NodeProto]:
    """Its nodes, and those of the graphs within them."""
    for node in graph.node:
        yield node
        for inner in _graphs(node):
            yield from _nodes(inner)


def _graphs(node: NodeProto) -> Iterator[GraphProto]:
    for attribute in node.attribute:
        yield from ([attribute.g] if attribute.HasField("g") else [])
        yield from attribute.graphs


def _tensors(graph: GraphProto, nodes: list[NodeProto]) -> Iterator[TensorProto]:
    """The tensors of a graph and the graphs within it, and those that nodes hold themselves."""
    for each in (graph, *(inner for node in nodes for inner in _graphs(node))):
        yield from each.initializer
        for sparse in each.sparse_initializer:
            yield from (sparse.values, sparse.indices)
    for attribute in (attribute for node in nodes for attribute in node.attribute):
        yield from (attribute.t, *attribute.tensors)
        for sparse in (attribute.sparse_tensor, *attribute.sparse_tensors):
            yield from (sparse.values, sparse.indices)
