"""What torch's ONNX exporter says when it fails, as a sentence: operator, module and way out."""

import re

from torch import nn

from zoo.export.places import listed, places_of
from zoo.export.rewrites import model_name
from zoo.export.tracing import Tensors

_ANOTHER_FORM = "write it in other operators, or leave the ONNX files out by artifacts: […]"


def explained(model: nn.Module, example: Tensors, opset: int, error: Exception) -> str:
    """A sentence for an exception of `torch.onnx.export` on a model; never torch's graph.

    Another opset is the way out only where torch says that there is one which has the operator.
    """
    said = str(error)
    heading = f"{model_name(model)}: export to ONNX opset {opset} failed"
    if missing := re.search(r"Exporting the operator '([\w:]+)' to ONNX", said):
        where = listed(places_of(missing[1], model, example))
        since = re.search(r"added in version (\d+)", said)
        advice = f"ask for opset: {since[1]} or later" if since else _ANOTHER_FORM
        return f"{heading}: this opset has no form of {missing[1]}{where}; {advice}"
    if refused := re.search(r"ONNX export of operator ([\w:]+), (.+?)\.(?: |$)", said):
        where = listed(places_of(f"aten::{refused[1].removeprefix('aten::')}", model, example))
        return f"{heading}: {refused[1]}{where} is not exported ({refused[2]}); {_ANOTHER_FORM}"
    reason = " ".join(re.split(r"\[Caused by|\n\s*\n|\bgraph\(", said)[0].split())[:200]
    return f"{heading} ({type(error).__name__}: {reason}); {_ANOTHER_FORM}"
