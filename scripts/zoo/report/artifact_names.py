"""What an artifact's name says to a reader: its precision and format, and its place in tables."""

DEVICES = ("cpu", "gpu")
PRECISIONS = ("fp32", "fp16", "bf16", "w8", "int8")
FORMATS = {"": "ncnn", "onnx": "ONNX"}
"""Suffix of an artifact's name -> the format's name; an unknown suffix is shown as it is."""


def precision_and_format(artifact: str) -> tuple[str, str]:
    """`int8` -> int8, ncnn; `int8_static.onnx` -> int8 static, ONNX; `torchscript` -> fp32, TorchScript."""
    if artifact == "torchscript":
        return "fp32", "TorchScript"
    stem, _, suffix = artifact.partition(".")
    return stem.replace("_", " "), FORMATS.get(suffix, suffix)


def sort_key(device: str, artifact: str) -> tuple[object, ...]:
    """cpu before gpu, ncnn before the other formats, precisions as in PRECISIONS, then by name."""
    precision, form = precision_and_format(artifact)
    known = (*FORMATS.values(), "TorchScript")
    base = precision.split(" ")[0]
    return (
        DEVICES.index(device) if device in DEVICES else len(DEVICES),
        device,
        known.index(form) if form in known else len(known),
        PRECISIONS.index(base) if base in PRECISIONS else len(PRECISIONS),
        artifact,
    )
