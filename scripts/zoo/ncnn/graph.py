"""An ncnn model in memory: read from a `.param`/`.bin` pair, edited layer by layer, written back.

An untouched graph is written byte for byte as it was read. Graphs are immutable: every edit returns a
new one that shares the arrays.
"""

import hashlib
from collections import Counter
from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

from zoo.errors import ZooError
from zoo.jobs.files import replacing
from zoo.ncnn.bin import Array, BinReader, Storage, write_arrays
from zoo.ncnn.layer import Layer, is_scale
from zoo.ncnn.layouts import ArraySpec, foreign, layout
from zoo.ncnn.param import ParamText, format_param, parse_param


@dataclass(frozen=True, eq=False)
class Graph:
    """Layers in the order ncnn runs and stores them."""

    layers: tuple[Layer, ...]

    @cached_property
    def _producers(self) -> dict[str, Layer]:
        return {blob: layer for layer in self.layers for blob in layer.outputs}

    @cached_property
    def _consumers(self) -> dict[str, tuple[Layer, ...]]:
        readers: dict[str, tuple[Layer, ...]] = {}
        for layer in self.layers:
            for blob in dict.fromkeys(layer.inputs):
                readers[blob] = (*readers.get(blob, ()), layer)
        return readers

    @cached_property
    def _names(self) -> dict[str, Layer]:
        return {layer.name: layer for layer in reversed(self.layers)}

    @property
    def inputs(self) -> tuple[str, ...]:
        """Blobs that the caller sets: those of the Input layers."""
        return tuple(blob for layer in self.layers if layer.type == "Input" for blob in layer.outputs)

    @property
    def outputs(self) -> tuple[str, ...]:
        """Blobs that no layer reads."""
        return tuple(blob for blob in self._producers if blob not in self._consumers)

    @property
    def blobs(self) -> tuple[str, ...]:
        """Every blob, in the order of appearance."""
        return tuple(dict.fromkeys(b for layer in self.layers for b in (*layer.inputs, *layer.outputs)))

    @property
    def parameters(self) -> int:
        """The number of stored numbers, int8 scales not counted."""
        return sum(
            array.values.size
            for layer in self.layers
            for role, array in layer.weights.items()
            if not is_scale(role)
        )

    def __contains__(self, name: str) -> bool:
        return name in self._names

    def __getitem__(self, name: str) -> Layer:
        """The (first) layer of that name; ZooError if there is none."""
        if name not in self._names:
            raise ZooError(f"the graph has no layer {name}")
        return self._names[name]

    def of_type(self, *types: str) -> tuple[Layer, ...]:
        """The layers of these types, in order."""
        return tuple(layer for layer in self.layers if layer.type in types)

    def producer(self, blob: str) -> Layer | None:
        """The layer that makes the blob."""
        return self._producers.get(blob)

    def consumers(self, blob: str) -> tuple[Layer, ...]:
        """The layers that read the blob; in a sound graph at most one."""
        return self._consumers.get(blob, ())

    def replace(self, *layers: Layer) -> "Graph":
        """The graph with these layers in the place of those of the same names.

        Raises ZooError if a name is not in the graph, or not unique in it.
        """
        new = {layer.name: layer for layer in layers}
        counts = Counter(layer.name for layer in self.layers)
        for name in new:
            if counts[name] != 1:
                raise ZooError(
                    f"the graph has {counts[name]} layers called {name}, not one, so none can be replaced"
                )
        return Graph(tuple(new.get(layer.name, layer) for layer in self.layers))

    def insert(self, blob: str, layer: Layer) -> "Graph":
        """The graph with a one-to-one `layer` put on `blob`, in front of the one that reads it.

        The layer's own inputs and outputs are ignored: it reads `blob`, and its output blob, which gets
        the name of the layer, is what the reader of `blob` reads from then on. Raises ZooError if no
        layer reads `blob` or the name is taken.
        """
        readers = self.consumers(blob)
        if len(readers) != 1:
            raise ZooError(f"cannot insert {layer}: blob {blob} is read by {len(readers)} layers, not by one")
        if layer.name in self or layer.name in self.blobs:
            raise ZooError(f"cannot insert {layer}: its name is taken")
        (reader,) = readers
        rewired = tuple(layer.name if name == blob else name for name in reader.inputs)
        inserted = replace(layer, inputs=(blob,), outputs=(layer.name,))
        layers: list[Layer] = []
        for old in self.layers:
            layers += [inserted, replace(reader, inputs=rewired)] if old is reader else [old]
        return Graph(tuple(layers))

    def fingerprint(self) -> str:
        """A hash, in hex, of the `.param` and all arrays."""
        digest = hashlib.sha256(format_param(self.layers, len(self.blobs)).encode())
        for layer in self.layers:
            for array in layer.weights.values():
                digest.update(array.values.tobytes())
        return digest.hexdigest()


def unique_names(graph: Graph) -> Graph:
    """The graph with every layer name used once; pnnx may give several layers the same name.

    The first keeps it, later ones get `_2`, `_3`, … (the next that is free). Blobs keep their names.
    """
    taken = {layer.name for layer in graph.layers}
    seen: set[str] = set()
    layers = []
    for layer in graph.layers:
        name = layer.name
        number = 2
        while name in seen or (name != layer.name and name in taken):
            name = f"{layer.name}_{number}"
            number += 1
        seen.add(name)
        layers.append(layer if name == layer.name else replace(layer, name=name))
    return Graph(tuple(layers))


def store_floats(
    graph: Graph, store: Callable[[Array, Layer, str], Array], layers: Collection[str] | None = None
) -> Graph:
    """The graph with every tagged fp32 array in another storage; raw arrays and params stay as they are.

    store: makes the new array of the old one, its layer and its role.
    layers: the names of those to convert; None for all.
    """

    def converted(layer: Layer) -> Layer:
        new = {
            role: store(array, layer, role)
            for role, array in layer.weights.items()
            if array.storage in (Storage.FP32, Storage.FP32_SCALED)
        }
        return replace(layer, weights={**layer.weights, **new}) if new else layer

    return Graph(
        tuple(converted(layer) if layers is None or layer.name in layers else layer for layer in graph.layers)
    )


def read_graph(param: str | Path, weights: str | Path) -> Graph:
    """Read a `.param`/`.bin` pair.

    Raises ZooError, naming file and layer, if the text is not a `.param`, a layer type is not ncnn's, or
    the `.bin` is shorter or longer than the layers need. How the layers are wired and what the numbers
    are is left to `check`.
    """
    return attach_weights(read_param(param).layers, weights, param)


def read_param(param: str | Path) -> ParamText:
    """Read the text file alone; the layers have no arrays."""
    try:
        return parse_param(Path(param).read_bytes().decode())
    except FileNotFoundError:
        raise ZooError(f"{param}: no such file") from None
    except UnicodeDecodeError:
        raise ZooError(f"{param}: not an ncnn .param text file") from None
    except ZooError as error:
        raise ZooError(f"{param}: {error}") from None


def attach_weights(layers: Iterable[Layer], weights: str | Path, param: str | Path) -> Graph:
    """The graph of these layers with the arrays of a `.bin`; `param` is only named in errors."""
    layers = tuple(layers)
    if strangers := foreign(layers):
        listed = ", ".join(f"{kind} ({count})" for kind, count in sorted(strangers.items()))
        raise ZooError(
            f"{param}: holds operators that ncnn does not have: {listed}; "
            "rewrite them in the model before export"
        )
    if not Path(weights).is_file():
        raise ZooError(f"{weights}: no such file")
    reader = BinReader(Path(weights).read_bytes())
    loaded = []
    last = "no layer has any"
    for layer in layers:
        arrays: dict[str, Array] = {}
        try:
            for spec in layout(layer):
                arrays[spec.role] = _read(reader, spec, layer)
                last = f"the last is {spec.role} of {layer}"
        except ZooError as error:
            raise ZooError(f"{weights}: {error}") from None
        loaded.append(replace(layer, weights=arrays) if arrays else layer)
    if reader.left:
        raise ZooError(
            f"{weights}: {reader.left} bytes follow the arrays of the .param ({last}, ending at byte "
            f"{reader.position}): the .bin belongs to another .param or is damaged; delete both to have them "
            "made again"
        )
    return Graph(tuple(loaded))


def _read(reader: BinReader, spec: ArraySpec, layer: Layer) -> Array:
    try:
        return reader.read(spec.size, spec.tagged, spec.untagged, spec.width)
    except ZooError as error:
        raise ZooError(f"{spec.role} of {layer}: {error}") from None


def write_graph(graph: Graph, param: str | Path, weights: str | Path) -> None:
    """Write the pair; both files appear together or not at all.

    Raises ZooError if the arrays of a layer are not those that its parameters call for.
    """
    with replacing(param, weights) as (param_file, weights_file):
        write_files(graph, param_file, weights_file)


def write_files(graph: Graph, param: Path, weights: Path) -> None:
    """The same for files that are thrown away at once: written in their place, and not waited for."""
    arrays = [array for layer in graph.layers for array in ordered_arrays(layer)]
    param.write_text(format_param(graph.layers, len(graph.blobs)), newline="\n")
    with weights.open("wb") as handle:
        write_arrays(arrays, handle)


def write_param(graph: Graph, param: str | Path) -> None:
    """Write the text file alone, for a `.bin` that holds the graph's arrays already."""
    with replacing(param) as (temporary,):
        temporary.write_text(format_param(graph.layers, len(graph.blobs)), newline="\n")


def ordered_arrays(layer: Layer) -> list[Array]:
    """The layer's arrays in the order of the `.bin`.

    Raises ZooError if one is missing, superfluous, of another size, or tagged where ncnn reads none.
    """
    specs = layout(layer)
    expected = {spec.role for spec in specs}
    if expected != set(layer.weights):
        raise ZooError(
            f"{layer}: its parameters call for the arrays {sorted(expected)}, it has {sorted(layer.weights)}"
        )
    arrays = [layer.weights[spec.role] for spec in specs]
    for spec, array in zip(specs, arrays, strict=True):
        if array.values.size != spec.size:
            raise ZooError(f"{layer}: {spec.role} has {array.values.size} numbers, not {spec.size}")
        if spec.tagged != bool(array.storage.tag) or not (spec.tagged or array.storage is spec.untagged):
            wanted = "with a tag" if spec.tagged else spec.untagged.name
            raise ZooError(f"{layer}: {spec.role} is stored {array.storage.name}, ncnn reads it {wanted}")
        if spec.width != array.width:
            raise ZooError(f"{layer}: {spec.role} has rows of {array.width} numbers, not of {spec.width}")
    return arrays


def source_blob(graph: Graph, blob: str) -> str:
    """The blob that `blob` is a copy of: Split layers only copy."""
    producer = graph.producer(blob)
    while producer is not None and producer.type == "Split":
        blob = producer.inputs[0]
        producer = graph.producer(blob)
    return blob
