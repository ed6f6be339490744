"""What an artifact's name says to a reader: its precision and format, and its place in tables."""

from zoo.config.artifacts import ARTIFACTS, DEVICES, FORMATS, PRECISIONS


def precision_and_format(artifact: str) -> tuple[str, str]:
    """`int8` -> int8, ncnn; `int8_static.onnx` -> int8 static, ONNX; `torchscript` -> fp32, TorchScript.

    An artifact that this version does not know is shown by its name.
    """
    kind = ARTIFACTS.get(artifact)
    return (kind.variant, kind.format) if kind else (artifact, "")


def sort_key(device: str, artifact: str) -> tuple[object, ...]:
    """cpu before gpu, ncnn before the other formats, precisions as in PRECISIONS, then by name."""
    precision, form = precision_and_format(artifact)
    formats = tuple(FORMATS.values())
    base = precision.split(" ")[0]
    return (
        DEVICES.index(device) if device in DEVICES else len(DEVICES),
        device,
        formats.index(form) if form in formats else len(formats),
        PRECISIONS.index(base) if base in PRECISIONS else len(PRECISIONS),
        artifact,
    )
