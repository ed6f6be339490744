"""What an ONNX model takes: dimensions that are no number, and images whose channels are last."""

from collections.abc import Collection

from onnx import ModelProto, TensorProto, ValueInfoProto, helper

CHANNELS = (1, 3, 4)
"""How many an image has."""
TO_NHWC = (0, 2, 3, 1)


def inputs_of(model: ModelProto) -> list[ValueInfoProto]:
    """What the graph is fed; old files list their weights among the inputs."""
    weights = {each.name for each in model.graph.initializer}
    return [each for each in model.graph.input if each.name not in weights]


def without_negative_dims(model: ModelProto) -> list[str]:
    """Make dimensions of -1 or 0 dynamic, as Paddle and others mean them, in place."""
    graph = model.graph
    ends = [each for group in (graph.input, graph.output) for each in group]
    given = [dim for each in ends for dim in each.type.tensor_type.shape.dim]
    negative = [dim for dim in given if dim.HasField("dim_value") and dim.dim_value < 1]
    if not negative:
        return []
    for dim in negative:
        dim.Clear()
    del graph.value_info[:]  # which say the same of what is inside
    return ["its dimensions of -1 or 0 are taken for dynamic ones"]


def to_nchw(model: ModelProto, layout: str | None, others: Collection[str]) -> tuple[list[str], list[str]]:
    """Make images NCHW by a Transpose behind them, in place: the names of those that were not, and a sentence
    for each.

    layout: nchw or nhwc, of all of them; None: the last dimension tells, where it alone is 1, 3 or 4.
    others: inputs that are no images.
    """
    found = [each for each in inputs_of(model) if each.name not in others and _is_nhwc(each, layout or "")]
    graph = model.graph
    for each in found:
        dims = each.type.tensor_type.shape.dim
        inside = f"{each.name}/nhwc"
        for node in graph.node:
            node.input[:] = [inside if name == each.name else name for name in node.input]
        graph.node.insert(
            0, helper.make_node("Transpose", [each.name], [inside], f"{each.name}/to_nhwc", perm=TO_NHWC)
        )
        last = type(dims[3])()
        last.CopyFrom(dims[3])
        del dims[3]
        dims.insert(1, last)
    return [each.name for each in found], [
        f"its input {each.name} is NHWC; it is given as NCHW, and transposed inside (layout: nchw says "
        "otherwise)"
        for each in found
    ]


def _is_nhwc(given: ValueInfoProto, layout: str) -> bool:
    tensor = given.type.tensor_type
    dims = [dim.dim_value if dim.HasField("dim_value") else None for dim in tensor.shape.dim]
    if len(dims) != 4 or tensor.elem_type != TensorProto.FLOAT or layout == "nchw":
        return False
    return layout == "nhwc" or (dims[3] in CHANNELS and dims[1] not in CHANNELS)
