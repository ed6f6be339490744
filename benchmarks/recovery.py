"""What tuning an int8 file against the float model as teacher would bring, on images that it never saw.

    python benchmarks/recovery.py PARAM BIN CARD STATISTICS IMAGES JUDGED [--float NAMES] [--steps 300] ...

PARAM and BIN are ncnn's fp32 files of a convolutional network (lite0, ConvNeXt), CARD its model card,
`results/weights/<model>.json`, STATISTICS its `calibration.npz`; IMAGES a folder to tune on, without labels,
and JUDGED one to judge on. The file that is tuned has every layer planned by its local error, but for those
of `--float`. A replica of it in torch computes as ncnn's int8 layers do: each layer is compared with ncnn's
own for ncnn's own input. Printed is the SQNR in dB, by ncnn, on JUDGED: before; after a closed-form
correction per output channel, layer after layer (a shift, or a scale and a shift by least squares); and after
tuning scales, biases, thresholds, float weights and, straight through, rounding end to end by the squared
error of the outputs.
"""

import argparse
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

PROJECT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(PROJECT / "scripts"))

from zoo.array_types import Arrays
from zoo.calibration.statistics import CalibrationStatistics
from zoo.config.records.card import ModelCard
from zoo.images.decode import load
from zoo.images.sets import Crops, ImageSet, samples
from zoo.measure.metrics import sqnr_db
from zoo.ncnn.bin import Storage, array
from zoo.ncnn.graph import Graph, write_files
from zoo.ncnn.layer import Layer
from zoo.ncnn.pair import Pair
from zoo.ncnn.param_ids import (
    GELU,
    BinaryOp,
    Convolution,
    ConvolutionDepthWise,
    FusedActivation,
    InnerProduct,
    LayerNorm,
    Operation,
    Permute,
    PermuteOrder,
    Pooling,
    Quantizable,
)
from zoo.quantize.apply import apply
from zoo.quantize.scales import weight_rows
from zoo.runners.inference import stacked
from zoo.runners.ncnn_runner import NcnnRunner
from zoo.search.planning import local_recipe

LEVELS, HOLD, BATCH, CORRECTED = 127, 0.49, 8, 32
Watch = Callable[[Layer, Tensor], None]


class _Away(torch.autograd.Function):
    """Rounding to whole numbers, halves away from zero; the gradient passes straight through."""

    @staticmethod
    def forward(ctx, x: Tensor) -> Tensor:
        return torch.sign(x) * torch.floor(torch.abs(x) + 0.5)

    @staticmethod
    def backward(ctx, *gradients: Tensor) -> Tensor:
        return gradients[0]


def rounded(x: Tensor) -> Tensor:
    """As ncnn rounds to int8."""
    return _Away.apply(x).clamp(-LEVELS, LEVELS)


def tensor(values: np.ndarray) -> Tensor:
    return torch.from_numpy(np.array(values, np.float32))


class Product(nn.Module):
    """A float convolution or inner product, or an int8 one, whose parts are tuned.

    Of an int8 layer the input has steps `exp(step)`, one or one a channel, and the output `exp(scale)` for
    each product of whole numbers. The weights are whole numbers near `latent`, which is the exact weight in
    steps, moved to where it rounds as it does in the file.
    """

    def __init__(self, layer: Layer, exact: Layer, quantize: np.ndarray | None) -> None:
        super().__init__()
        self.flat, outputs = layer.type == "InnerProduct", layer.param(Quantizable.NUM_OUTPUT)
        groups = layer.param(ConvolutionDepthWise.GROUP, 1) if layer.type == "ConvolutionDepthWise" else 1
        width = layer.param(Convolution.KERNEL_W)
        sides = () if self.flat else (layer.param(Convolution.KERNEL_H, width), width)
        left = layer.param(Convolution.PAD_LEFT)
        top = layer.param(Convolution.PAD_TOP, left)
        right, bottom = layer.param(Convolution.PAD_RIGHT, left), layer.param(Convolution.PAD_BOTTOM, top)
        self.pad = None if self.flat or not any((left, top, right, bottom)) else (left, right, top, bottom)
        self.stride, self.groups = layer.param(Convolution.STRIDE_W, 1), groups
        self.int8 = bool(layer.param(Quantizable.INT8_SCALE_TERM))
        bias = layer.weights["bias"].floats() if "bias" in layer.weights else np.zeros(outputs)
        self.bias = nn.Parameter(tensor(bias))
        values = layer.weights["weight"].floats().reshape(outputs, -1)
        self.shape = (outputs, values.shape[1] // int(np.prod(sides)) if sides else values.shape[1], *sides)
        if not self.int8:
            self.weight = nn.Parameter(tensor(values).reshape(self.shape))
            return
        activation = float(layer.weights["activation_scale"].values[0])
        steps = 1 / np.asarray([activation] if quantize is None else quantize, np.float64)
        scales = 1 / (layer.weights["weight_scales"].values.astype(np.float64) * activation)
        self.taps = int(np.prod(sides)) if sides else 1
        wide = np.repeat(steps, self.taps) if steps.size > 1 else steps
        moved = np.clip(weight_rows(exact) * wide / scales[:, None] - values, -HOLD, HOLD)
        self.latent = nn.Parameter(tensor(values + moved))
        self.step, self.scale = nn.Parameter(tensor(np.log(steps))), nn.Parameter(tensor(np.log(scales)))
        self.register_buffer("first_step", self.step.detach().clone())
        self.register_buffer("first_scale", self.scale.detach().clone())

    def settle(self) -> None:
        """Let scales that were corrected stand without the weights being rounded anew."""
        self.first_scale.copy_(self.scale.detach())

    def levels(self) -> Tensor:
        wide = torch.exp(self.step - self.first_step)
        wide = wide.repeat_interleave(self.taps) if len(wide) > 1 else wide
        return rounded(self.latent * wide / torch.exp(self.scale - self.first_scale)[:, None])

    def forward(self, x: Tensor) -> Tensor:
        by = torch.exp(self.scale) if self.int8 else torch.ones(1)
        weight = self.levels().reshape(self.shape) if self.int8 else self.weight
        if self.flat:
            x = x.flatten(1)
            return functional.linear(rounded(x * torch.exp(-self.step)) if self.int8 else x, weight) * by + (
                self.bias
            )
        if self.int8:
            x = rounded(x * torch.exp(-self.step)[None, :, None, None])
        x = x if self.pad is None else functional.pad(x, self.pad)
        made = functional.conv2d(x, weight, stride=self.stride, groups=self.groups)
        return made * by[:, None, None] + self.bias[:, None, None]

    def stored(self, layer: Layer) -> tuple[Layer, np.ndarray | None]:
        """The layer with what was tuned, and the scales of the Quantize before it, if there is one."""
        weights, steps = dict(layer.weights), None
        weights["bias"] = array(self.bias.detach().numpy(), Storage.RAW)
        if self.int8:
            with torch.no_grad():
                levels = self.levels().numpy().astype(np.int8)
            steps, scales = (
                np.exp(each.detach().numpy().astype(np.float64)) for each in (self.step, self.scale)
            )
            largest = steps.max()
            weights["weight"] = array(levels, Storage.INT8)
            weights["weight_scales"] = array(largest / scales, Storage.RAW)
            weights["activation_scale"] = array(np.array([1 / largest]), Storage.RAW)
            steps = 1 / steps
        else:
            kept = layer.weights["weight"].storage
            weights["weight"] = array(self.weight.detach().numpy(), kept)
        term = InnerProduct.BIAS_TERM if self.flat else Convolution.BIAS_TERM
        return replace(layer, weights=weights, params={**layer.params, term: 1}), steps


class Replica(nn.Module):
    """An ncnn graph in torch: (N, C, H, W) -> (N, outputs). exact: the float graph that it was made of."""

    def __init__(self, graph: Graph, exact: Graph) -> None:
        super().__init__()
        self.graph, self.products = graph, nn.ModuleDict()
        quantize: dict[str, np.ndarray] = {}
        for layer in graph.layers:
            if layer.type == "Quantize":
                quantize[layer.outputs[0]] = layer.weights["scales"].values
            elif layer.type == "Split" and layer.inputs[0] in quantize:
                quantize |= dict.fromkeys(layer.outputs, quantize[layer.inputs[0]])
            elif layer.type in ("Convolution", "ConvolutionDepthWise", "InnerProduct"):
                by = quantize.get(layer.inputs[0])
                self.products[layer.name] = Product(layer, exact[layer.name], by)

    def steps(self, x: Tensor, before: Watch | None = None) -> Iterator[tuple[Layer, list[Tensor]]]:
        """Each layer and what it makes; before: what is told a layer with weights and its input."""
        blobs: dict[str, Tensor] = {}
        left = {blob: len(self.graph.consumers(blob)) for blob in self.graph.blobs}
        for layer in self.graph.layers:
            inputs = [blobs[blob] for blob in layer.inputs]
            if before is not None and layer.name in self.products:
                before(layer, inputs[0])
            made = [x] if layer.type == "Input" else self.computed(layer, inputs)
            blobs |= dict(zip(layer.outputs, made, strict=True))
            for blob in layer.inputs:
                left[blob] -= 1
                if not left[blob]:
                    del blobs[blob]
            yield layer, made

    def forward(self, x: Tensor) -> Tensor:
        *_, (_, made) = self.steps(x)
        return made[0].flatten(1)

    def computed(self, layer: Layer, inputs: list[Tensor]) -> list[Tensor]:
        x = inputs[0]
        if layer.name in self.products:
            return [activated(layer, self.products[layer.name](x))]
        if layer.type in ("Split", "Quantize"):
            return [x] * len(layer.outputs)
        if layer.type == "BinaryOp":
            other = inputs[1] if len(inputs) > 1 else float(layer.params[BinaryOp.B])  # type: ignore[arg-type]
            operation = layer.param(BinaryOp.OP_TYPE)
            return [{Operation.ADD: x + other, Operation.SUB: x - other, Operation.MUL: x * other}[operation]]
        if layer.type == "Pooling" and layer.param(Pooling.GLOBAL_POOLING):
            return [x.mean((2, 3))]
        if layer.type == "GELU":
            return [functional.gelu(x, approximate="tanh" if layer.param(GELU.FAST_GELU) else "none")]
        if layer.type == "Permute":
            to_last = layer.param(Permute.ORDER_TYPE) == PermuteOrder.C_W_H
            return [x.permute(0, 2, 3, 1) if to_last else x.permute(0, 3, 1, 2)]
        if layer.type == "LayerNorm":
            gamma, beta = (tensor(layer.weights[role].floats()) for role in ("gamma", "beta"))
            epsilon = float(layer.params.get(LayerNorm.EPS, 1e-5))  # type: ignore[arg-type]
            return [functional.layer_norm(x, gamma.shape, gamma, beta, epsilon)]
        sys.exit(f"{layer}: not in this replica")

    def stored(self) -> Graph:
        """The graph with what was tuned."""
        layers, scales = [], {}
        for layer in self.graph.layers:
            if layer.name in self.products:
                layer, scales[layer.inputs[0]] = self.products[layer.name].stored(layer)
            layers.append(layer)
        for layer in self.graph.of_type("Split"):
            scales[layer.inputs[0]] = scales.get(layer.outputs[0])
        return Graph(
            tuple(
                replace(each, weights={"scales": array(scales[each.outputs[0]], Storage.RAW)})
                if each.type == "Quantize"
                else each
                for each in layers
            )
        )


def limits(layer: Layer) -> tuple[float, float] | None:
    """The range of the activation that is fused into a layer."""
    kind = layer.param(Quantizable.ACTIVATION_TYPE)
    if kind == FusedActivation.CLIP:
        low, high = layer.params[Quantizable.ACTIVATION_PARAMS]  # type: ignore[misc]
        return float(low), float(high)
    return (0.0, np.inf) if kind == FusedActivation.RELU else None


def activated(layer: Layer, x: Tensor) -> Tensor:
    found = limits(layer)
    return x if found is None else x.clamp(*found)


def check_layers(replica: Replica, runner: NcnnRunner, image: np.ndarray) -> float:
    """The largest difference of a layer from ncnn's, for ncnn's own input, over the largest output."""
    graph, worst = replica.graph, 0.0
    quantized = {blob for each in graph.of_type("Quantize") for blob in each.outputs}
    layers = [graph[name] for name in replica.products]
    wanted = {blob for each in layers for blob in (each.inputs[0], each.outputs[0])}
    wanted |= {each.inputs[0] for each in graph.of_type("Quantize")}
    order = [blob for blob in graph.blobs if blob in wanted - quantized]
    seen = {blob: values.copy() for blob, values in runner.blobs((image,), order)}
    for layer in layers:
        source = layer.inputs[0]
        while source not in seen:
            maker = graph.producer(source)
            assert maker is not None
            source = maker.inputs[0]
        with torch.no_grad():
            (found,) = replica.computed(layer, [tensor(seen[source])[None]])
        truth = seen[layer.outputs[0]]
        worst = max(worst, float(np.abs(found[0].numpy() - truth).max() / np.abs(truth).max()))
    return worst


def rows(x: Tensor) -> Tensor:
    """(N, C, …) as (C, n), float64."""
    return x.transpose(0, 1).flatten(1).double()


def correct(replica: Replica, teacher: Replica, images: Tensor, scale: bool) -> None:
    """Give each output channel of each int8 layer, in order, the shift, and if `scale` the scale too, of
    least squares towards the float model's own output, its input being that of the int8 model."""
    made: dict[str, Tensor] = {}
    steps = teacher.steps(images, lambda layer, x: made.update({layer.name: teacher.products[layer.name](x)}))

    def watch(layer: Layer, x: Tensor) -> None:
        while layer.name not in made:
            next(steps)
        product, truth = replica.products[layer.name], rows(made.pop(layer.name))
        if not product.int8:
            return
        found = rows(product(x))
        mean, aim = found.mean(1), truth.mean(1)
        spread = ((found - mean[:, None]) ** 2).sum(1).clamp_min(1e-12)
        factor = ((truth - aim[:, None]) * (found - mean[:, None])).sum(1) / spread
        factor = factor.clamp(0.5, 2) if scale else torch.ones_like(factor)
        ours, theirs = limits(layer), limits(teacher.graph[layer.name])
        offset = ours[0] - theirs[0] if ours and theirs else 0.0  # of an output that is centred
        product.scale += factor.log().float()
        product.bias.copy_((factor * (product.bias.double() - mean) + aim + offset).float())
        product.settle()

    with torch.no_grad():
        for _ in replica.steps(images, watch):
            pass


def tune(replica: Replica, teacher: Replica, images: np.ndarray, steps: int, rate: float) -> None:
    """Adam on everything that the file holds. rate: of a step, in weights' levels, and in shares of the
    rest."""
    products = list(replica.products.values())
    int8, floats = [each for each in products if each.int8], [each for each in products if not each.int8]
    groups = (
        ([each.latent for each in int8], 1.0),
        ([each.scale for each in int8], 0.1),
        ([each.step for each in int8] + [each.bias for each in int8], 0.3),
        ([value for each in floats for value in (each.weight, each.bias)], 0.03),
    )
    optimizer = torch.optim.Adam(
        [{"params": values, "lr": rate * share} for values, share in groups if values], betas=(0.9, 0.99)
    )
    annealed = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, steps)
    draw, started = np.random.default_rng(0), time.monotonic()
    for step in range(steps):
        batch = tensor(images[draw.integers(0, len(images), BATCH)])
        batch = torch.where(
            torch.from_numpy(draw.random(len(batch)) < 0.5)[:, None, None, None], batch.flip(3), batch
        )
        with torch.no_grad():
            truth = teacher(batch)
        loss = ((replica(batch) - truth) ** 2).sum() / (truth**2).sum()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        annealed.step()
        if step % 50 == 49:
            seconds = time.monotonic() - started
            print(f"    {step + 1} steps, {seconds:.0f} s: {-10 * np.log10(loss.item()):.1f} dB", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser()
    for name in ("param", "bin", "card", "statistics", "images", "judged"):
        parser.add_argument(name, type=Path)
    parser.add_argument("--float", nargs="*", default=[], help="layers that stay float")
    parser.add_argument("--steps", type=int, default=300)
    parser.add_argument("--rates", type=float, nargs="+", default=[1e-4])
    parser.add_argument("--tune", type=int, default=200, help="images to tune on, at most")
    parser.add_argument(
        "--crops", action="store_const", const=Crops(), help="tune on random crops of the images"
    )
    parser.add_argument("--judge", type=int, default=250, help="images to judge on, at most")
    parser.add_argument("--threads", type=int, default=2)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    torch.manual_seed(0)
    fp32, feed = Pair.load(options.param, options.bin), ModelCard.read(options.card).feed
    graph = fp32.graph

    def read(folder: Path, count: int, crops: Crops | None = None) -> list[Arrays]:
        chosen = samples(ImageSet("images", folder, images=count, fewer=crops is None, crops=crops))
        return [inputs for _, inputs in load(chosen, feed, 1)]

    judged, seen = read(options.judged, options.judge), read(options.images, options.tune, options.crops)
    images = stacked(seen)[0]
    exact = stacked([NcnnRunner(*fp32.files, "cpu", 1, precision="fp32").run(each) for each in judged])[0]
    statistics = CalibrationStatistics.load(options.statistics)
    int8 = apply(graph, statistics, local_recipe(graph, statistics).floating(options.float))
    teacher = Replica(graph, graph).requires_grad_(False)
    with tempfile.TemporaryDirectory() as folder:
        files = Path(folder) / "run.param", Path(folder) / "run.bin"

        def show(what: str, made: Graph) -> NcnnRunner:
            write_files(made, *files)
            runner = NcnnRunner(*files, "cpu", 1, precision="int8")
            found = stacked([runner.run(each) for each in judged])[0]
            agreed = 100 * np.mean(found.argmax(1) == exact.argmax(1))
            print(f"{what:44} {sqnr_db(exact, found):.2f} dB, {agreed:.1f} %", flush=True)
            return runner

        runner = show("as planned", int8)
        worst = check_layers(Replica(int8, graph), runner, judged[0][0])
        print(f"    a layer of the replica is off by {worst:.1e} of its largest output at most", flush=True)
        for scale, what in ((False, "a shift by channel"), (True, "a scale and a shift by channel")):
            corrected = Replica(int8, graph)
            correct(corrected, teacher, tensor(images[:CORRECTED]), scale)
            show(f"after {what}", corrected.stored())
        for rate in options.rates:
            tuned = Replica(int8, graph)
            tune(tuned, teacher, images, options.steps, rate)
            show(f"after {options.steps} steps of tuning at {rate:g}", tuned.stored())


if __name__ == "__main__":
    main()
