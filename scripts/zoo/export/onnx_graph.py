"""Exact rewrites of an ONNX graph that let pnnx convert it to what ncnn has."""

from collections import defaultdict
from dataclasses import dataclass

import numpy as np
import onnx
from onnx import ModelProto, NodeProto, helper, numpy_helper


def rewritten(model: ModelProto) -> tuple[ModelProto, int]:
    """The model without values of five dimensions that attention makes of its queries, keys and values, and
    how many there were.

    Such a value is the reshape of a projection (…, 3 * heads * channels) to (…, 3, heads, channels), perhaps
    transposed, of which each reader takes one of the three: a Slice and a Squeeze, a Gather of one index, or
    a Split. Each reader gets its part of the projection itself, reshaped and transposed in four dimensions.
    ncnn has no five beside the batch.
    """
    result = ModelProto()
    result.CopyFrom(model)
    graph = _Graph(onnx.shape_inference.infer_shapes(result))
    found = 0
    for node in list(result.graph.node):
        if node.op_type == "Reshape" and graph.unbind(node):
            found += 1
    if found:
        graph.write(result)
    return result, found


@dataclass
class _Part:
    """A value that is one index of a dimension of another, without that dimension."""

    index: int
    output: str
    nodes: list[NodeProto]


class _Graph:
    """A graph that is rewritten."""

    def __init__(self, model: ModelProto) -> None:
        graph = model.graph
        self._constants = {each.name: numpy_helper.to_array(each) for each in graph.initializer}
        self._shapes = {
            each.name: [dim.dim_value for dim in each.type.tensor_type.shape.dim]
            for each in (*graph.value_info, *graph.input, *graph.output)
        }
        self._returned = {each.name for each in graph.output}
        self._readers: dict[str, list[NodeProto]] = defaultdict(list)
        for node in graph.node:
            for name in node.input:
                self._readers[name].append(node)
        self._dropped: set[str] = set()  # nodes, by their first output
        self._before: dict[str, list[NodeProto]] = {}  # what comes in the place of such a node
        self._new: dict[str, np.ndarray] = {}

    def unbind(self, reshape: NodeProto) -> bool:
        """Rewrite what reads a reshape to five dimensions; whether it could be done."""
        source, last = reshape.input[0], reshape.output[0]
        given, shape = self._shapes.get(source, []), self._shapes.get(last, [])
        if len(shape) != 5 or 0 in (*shape, *given) or last in self._returned:
            return False
        order = list(range(5))
        chain = [reshape]
        readers = self._readers[last]
        if len(readers) == 1 and readers[0].op_type == "Transpose":
            order = list(helper.get_node_attr_value(readers[0], "perm"))
            chain.append(readers[0])
            last = readers[0].output[0]
        found = self._parts(last)
        if found is None or last in self._returned:
            return False
        axis, parts = found
        split = order[axis]
        if int(np.prod(shape[split:])) != given[-1]:
            return False  # the dimension that is taken apart is not a part of the last one
        rest = [size for place, size in enumerate(shape) if place != split]
        kept = [place - (place > split) for place in order if place != split]
        for part in parts:
            self._write_part(part, source, (len(given) - 1, int(np.prod(shape[split + 1 :]))), rest, kept)
        self._dropped |= {node.output[0] for node in chain}
        return True

    def _parts(self, name: str) -> tuple[int, list[_Part]] | None:
        """The dimension that all readers of a value take one index of, and what each takes."""
        found: list[tuple[int, _Part]] = []
        for node in self._readers[name]:
            taken = {"Slice": self._slice, "Gather": self._gather, "Split": self._split}.get(node.op_type)
            own = taken(node) if taken and node.input[0] == name else []
            if not own:
                return None
            found += own
        axes = {axis for axis, _ in found}
        return (axes.pop(), [part for _, part in found]) if len(axes) == 1 else None

    def _slice(self, node: NodeProto) -> list[tuple[int, _Part]]:
        values = [self._constants.get(name) for name in node.input[1:] if name]
        if len(values) < 3 or any(each is None or each.size != 1 for each in values):
            return []
        start, end, axis, step = (int(each.reshape(())) for each in (*values, np.ones(1))[:4])  # type: ignore[union-attr]
        size = self._shapes[node.input[0]][axis]
        start, end = start % size if start < 0 else start, min(end % size if end < 0 else end, size)
        return self._squeezed(node, node.output[0], start, axis) if (end - start, step) == (1, 1) else []

    def _split(self, node: NodeProto) -> list[tuple[int, _Part]]:
        axis = next((each.i for each in node.attribute if each.name == "axis"), 0)
        if self._shapes[node.input[0]][axis] != len(node.output):
            return []
        found = [self._squeezed(node, name, index, axis) for index, name in enumerate(node.output)]
        return [part for each in found for part in each] if all(found) else []

    def _gather(self, node: NodeProto) -> list[tuple[int, _Part]]:
        index = self._constants.get(node.input[1])
        axis = next((each.i for each in node.attribute if each.name == "axis"), 0)
        if index is None or index.ndim:
            return []
        size = self._shapes[node.input[0]][axis]
        return [(axis % 5, _Part(int(index) % size, node.output[0], [node]))]

    def _squeezed(self, node: NodeProto, name: str, index: int, axis: int) -> list[tuple[int, _Part]]:
        """The part if a Squeeze of the axis is all that reads it."""
        readers = self._readers[name]
        if name in self._returned or len(readers) != 1 or readers[0].op_type != "Squeeze":
            return []
        squeeze, size = readers[0], len(self._shapes[name])
        if len(squeeze.input) > 1:
            axes = self._constants.get(squeeze.input[1], np.zeros(0)).ravel().tolist()
        else:
            axes = next((list(each.ints) for each in squeeze.attribute if each.name == "axes"), [])
        if [each % size for each in axes] != [axis % size]:
            return []
        return [(axis % size, _Part(index, squeeze.output[0], [node, squeeze]))]

    def _write_part(
        self, part: _Part, source: str, cut: tuple[int, int], shape: list[int], order: list[int]
    ) -> None:
        name, (axis, size) = part.output, cut
        limits = {"starts": part.index * size, "ends": (part.index + 1) * size, "axes": axis}
        inputs = [source, *(f"{name}/{each}" for each in limits)]
        self._new |= {f"{name}/{each}": np.array([value], np.int64) for each, value in limits.items()}
        self._new[f"{name}/shape"] = np.array(shape, np.int64)
        made = [
            helper.make_node("Slice", inputs, [f"{name}/part"], f"{name}/part"),
            helper.make_node(
                "Reshape", [f"{name}/part", f"{name}/shape"], [f"{name}/heads"], f"{name}/heads"
            ),
            helper.make_node("Transpose", [f"{name}/heads"], [name], f"{name}/order", perm=order),
        ]
        self._dropped |= {node.output[0] for node in part.nodes}
        self._before[part.nodes[-1].output[0]] = made

    def write(self, model: ModelProto) -> None:
        """Put what was found into a model."""
        nodes = []
        for node in model.graph.node:
            if node.output[0] in self._before:
                nodes += self._before[node.output[0]]
            elif node.output[0] not in self._dropped:
                nodes.append(node)
        del model.graph.node[:]
        model.graph.node.extend(nodes)
        model.graph.initializer.extend(
            numpy_helper.from_array(each, name) for name, each in self._new.items()
        )
