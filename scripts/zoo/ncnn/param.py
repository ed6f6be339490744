"""The text of an ncnn `.param`: layers and how they are wired.

Format: ncnn `src/net.cpp` (Net::load_param) and `src/paramdict.cpp`. First the magic number, then the
numbers of layers and blobs, then a line a layer:

    type name inputs outputs [input blobs] [output blobs] [id=value]…

A value is an integer, a float (it has a point or an exponent) or a string; arrays are written
`-233id=count,value,value` (or, newer, `id=value,value`).
"""

import math
import re
from collections.abc import Iterable
from typing import NamedTuple

import numpy as np

from zoo.errors import ZooError
from zoo.ncnn.layer import Layer, Param

MAGIC = "7767517"
_PARAM = re.compile(r'\s*(-?[0-9]{1,15})=("[^"]*"|\S+)')
_ARRAY_BASE = -23300  # ids of old-style arrays count down from here
_MAX_PARAMS = 32  # NCNN_MAX_PARAM_COUNT
_MAX_NUMBER = 15  # characters ncnn reads of a number, and it ignores the rest
_MAX_NAME = 255


class ParamText(NamedTuple):
    """A parsed `.param`: the layers (without arrays) and the counts that its header promises."""

    layers: tuple[Layer, ...]
    layer_count: int
    blob_count: int


def parse_param(text: str) -> ParamText:
    """Parse the text of a `.param`. Raises ZooError, naming the line, if it is not one."""
    lines = text.split("\n")
    if lines[0].strip() != MAGIC:
        raise ZooError(f"does not start with {MAGIC}: not an ncnn .param file (or an older or binary one)")
    counts = lines[1].split() if len(lines) > 1 else []
    if len(counts) != 2 or not all(map(_is_count, counts)):
        raise ZooError("line 2 must hold the numbers of layers and blobs")
    layers = []
    for number, line in enumerate(lines[2:], start=3):
        if line.strip():
            try:
                layers.append(parse_line(line))
            except ZooError as error:
                raise ZooError(f"line {number}: {error}") from None
    return ParamText(tuple(layers), int(counts[0]), int(counts[1]))


def parse_line(line: str) -> Layer:
    """Parse one layer. Raises ZooError if ncnn would not read it as written."""
    head = line.split(maxsplit=4)
    if len(head) < 4 or not (_is_count(head[2]) and _is_count(head[3])):
        raise ZooError(f"{line.strip()[:60]!r} is not 'type name inputs outputs blobs…'")
    inputs, outputs = int(head[2]), int(head[3])
    rest = head[4].split(maxsplit=inputs + outputs) if len(head) > 4 else []
    blobs, tail = rest[: inputs + outputs], rest[inputs + outputs :]
    if len(blobs) < inputs + outputs or any(_PARAM.fullmatch(blob) for blob in blobs):
        raise ZooError(f"layer {head[1]} ({head[0]}) names fewer blobs than the {inputs + outputs} it counts")
    params = _parse_params(tail[0].rstrip() if tail else "", f"layer {head[1]} ({head[0]})")
    return Layer(head[0], head[1], tuple(blobs[:inputs]), tuple(blobs[inputs:]), params, line=line)


def _is_count(text: str) -> bool:
    return text.isascii() and text.isdecimal() and len(text) <= _MAX_NUMBER


def _parse_params(text: str, who: str) -> dict[int, Param]:
    params: dict[int, Param] = {}
    position = 0
    while position < len(text):
        match = _PARAM.match(text, position)
        if not match:
            raise ZooError(f"{who}: {text[position:].strip()[:40]!r} is not 'id=value'")
        position = match.end()
        key, value = int(match[1]), match[2]
        old_array = key <= _ARRAY_BASE
        key = _ARRAY_BASE - key if old_array else key
        if not 0 <= key < _MAX_PARAMS:
            raise ZooError(f"{who}: parameter id {match[1]} is outside 0 to {_MAX_PARAMS - 1}")
        try:
            params[key] = _parse_array(value) if old_array else _parse_value(value)
        except ValueError:
            raise ZooError(f"{who}: {match[1]}={value[:40]} is not a value ncnn reads") from None
    return params


def _parse_array(text: str) -> Param:
    count, *items = text.split(",")
    if int(count) != len(items):
        raise ValueError
    return _numbers(items)


def _parse_value(text: str) -> Param:
    if text[0] == '"':
        return text.strip('"')
    if text[0].isalpha():
        return text
    if "," in text:
        return _numbers([item for item in text.split(",") if item])
    return _number(text)


def _numbers(items: list[str]) -> tuple[int, ...] | tuple[float, ...]:
    numbers = [_number(item) for item in items]
    if any(isinstance(number, float) for number in numbers):
        return tuple(float(number) for number in numbers)
    return tuple(int(number) for number in numbers)


def _number(text: str) -> int | float:
    if len(text) > _MAX_NUMBER:
        raise ValueError
    return float(text) if "." in text or "e" in text.lower() else int(text)


def format_param(layers: Iterable[Layer], blob_count: int) -> str:
    """The text of a `.param`; layers that still say what their line says keep it."""
    lines = [format_line(layer) for layer in layers]
    return "\n".join([MAGIC, f"{len(lines)} {blob_count}", *lines, ""])


def format_line(layer: Layer) -> str:
    """One line, in pnnx's columns. Raises ZooError for names and numbers that ncnn cannot read."""
    if layer.line is not None and _says(layer.line, layer):
        return layer.line
    for name in (layer.type, layer.name, *layer.inputs, *layer.outputs):
        if not name or len(name) > _MAX_NAME or name.split() != [name]:
            raise ZooError(f"{layer}: ncnn cannot read the name {name!r}; use 1 to 255 characters, no spaces")
    head = f"{layer.type:<24} {layer.name:<24} {len(layer.inputs)} {len(layer.outputs)}"
    params = [_format_param(key, value, layer) for key, value in layer.params.items()]
    return " ".join([head, *layer.inputs, *layer.outputs, *params])


def _says(line: str, layer: Layer) -> bool:
    read = parse_line(line)
    return (read.type, read.name, read.inputs, read.outputs) == (
        layer.type,
        layer.name,
        layer.inputs,
        layer.outputs,
    ) and _typed(read) == _typed(layer)


def _typed(layer: Layer) -> dict[int, str]:
    return {key: repr(value) for key, value in layer.params.items()}  # 1 and 1.0 differ to ncnn


def _format_param(key: int, value: Param, layer: Layer) -> str:
    if not 0 <= key < _MAX_PARAMS:
        raise ZooError(f"{layer}: parameter id {key} is outside 0 to {_MAX_PARAMS - 1}")
    if isinstance(value, str):
        return f"{key}={value}" if re.fullmatch(r"[A-Za-z]\w*", value) else f'{key}="{value}"'
    if isinstance(value, tuple):
        items = [_format_number(number, key, layer) for number in value]
        return f"{_ARRAY_BASE - key}={','.join([str(len(items)), *items])}"
    return f"{key}={_format_number(value, key, layer)}"


def _format_number(value: int | float, key: int, layer: Layer) -> str:
    """An int, or a float with the fewest digits (seven at least) that give the same float32."""
    if isinstance(value, int):
        return str(value)
    if not math.isfinite(value):
        raise ZooError(f"{layer}: parameter {key} is {value}, which ncnn cannot read")
    texts = (f"{value:.{digits}e}" for digits in (6, 7))
    # nine significant digits always do, and with sign and exponent fill the 15 characters exactly
    return next((text for text in texts if np.float32(float(text)) == np.float32(value)), f"{value:.8e}")
