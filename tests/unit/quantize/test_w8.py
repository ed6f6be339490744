"""Weights in codebooks: the format as ncnn reads it, and how good the codebooks are."""

import struct
from dataclasses import replace

import numpy as np
import pytest
from sklearn.cluster import KMeans

from samples.ncnn import chain, check_graph, normal, parameters, run
from samples.statistics import statistics_of
from zoo.calibration.attention import projection_name
from zoo.errors import ZooError
from zoo.measure.metrics import sqnr_db
from zoo.ncnn.bin import Array, BinReader, Storage, array
from zoo.ncnn.fp16 import kept
from zoo.ncnn.weights import can_be_int8, row_width
from zoo.quantize.w8 import MIN_SIZE, codebook, encode, share, to_w8

SHAPES = {
    "Convolution": (
        parameters(
            "Convolution", num_output=32, kernel_w=3, pad_left=1, bias_term=1, weight_data_size=32 * 16 * 9
        ),
        (16, 6, 6),
    ),
    "Deconvolution": (
        parameters("Convolution", num_output=32, kernel_w=3, bias_term=1, weight_data_size=32 * 16 * 9),
        (16, 6, 6),
    ),
    "InnerProduct": ({0: 64, 1: 1, 2: 64 * 80}, (80,)),
    "Gemm": ({3: 1, 5: 1, 6: 1, 8: 96, 9: 64, 10: 4}, (5, 64)),
    "Gemm, not transposed": ({5: 1, 6: 1, 8: 96, 9: 64, 10: 4}, (5, 64)),
    "MultiHeadAttention": ({0: 64, 1: 2, 2: 64 * 64}, (5, 64)),
}
LINEAR = ("InnerProduct", SHAPES["InnerProduct"][0])


def statistics(graph):
    """Of a few inputs that are alike."""
    widths = {layer.name: row_width(layer) for layer in filter(can_be_int8, graph.layers)}
    return statistics_of({name: alike(width) for name, width in widths.items()})


def alike(width):
    """Columns (300, width) that a few directions make up."""
    mixed = normal(7)(300 * 8).reshape(300, 8) @ normal(8)(8 * width).reshape(8, width)
    return mixed + 0.1 * normal(9)(300 * width).reshape(300, width)


def converted(graph):
    return to_w8(graph, statistics(graph))


def decoded(graph):
    """The graph with fp32 in the place of codebooks and fp16."""
    arrays = {
        role: array(each.floats(), Storage.FP32) if each.storage.tag else each
        for role, each in graph["x"].weights.items()
    }
    return graph.replace(replace(graph["x"], weights=arrays))


@pytest.mark.parametrize("kind", SHAPES)
def test_ncnn_computes_with_the_values_of_the_codebook(kind, tmp_path):
    params, shape = SHAPES[kind]
    graph = converted(chain(kind.split(",")[0], params))
    assert check_graph(graph) == []
    assert Storage.CODEBOOK in {each.storage for each in graph["x"].weights.values()}
    image = normal(1)(int(np.prod(shape))).reshape(shape)
    np.testing.assert_array_equal(run(graph, image, tmp_path), run(decoded(graph), image, tmp_path))


def test_the_bytes_are_tag_codebook_and_places():
    book = np.arange(256, dtype=np.float32) / 4
    stored = Array(np.array([3, 0, 255, 7, 1], np.uint8), Storage.CODEBOOK, codebook=book)
    data = stored.tobytes()
    assert data == struct.pack("<I256f", 256, *book) + bytes([3, 0, 255, 7, 1, 0, 0, 0])
    np.testing.assert_array_equal(stored.floats(), np.float32([0.75, 0, 63.75, 1.75, 0.25]))
    again = BinReader(data).read(5, tagged=True)
    assert again.tobytes() == data
    for end in (2, 1000, len(data) - 1):
        with pytest.raises(ZooError, match="cut short"):
            BinReader(data[:end]).read(5, tagged=True)


def test_a_codebook_goes_with_its_storage_alone():
    with pytest.raises(ZooError, match="CODEBOOK has a codebook of shape"):
        Array(np.zeros(3, np.uint8), Storage.CODEBOOK)
    with pytest.raises(ZooError, match="INT8 has a codebook of shape"):
        Array(np.zeros(3, np.int8), Storage.INT8, codebook=np.zeros(256, np.float32))


def test_a_codebook_that_is_not_finite_is_found():
    graph = converted(chain(*LINEAR))
    weight = graph["x"].weights["weight"]
    book = weight.codebook.copy()
    book[9] = np.nan
    bad = graph.replace(
        replace(graph["x"], weights={**graph["x"].weights, "weight": replace(weight, codebook=book)})
    )
    assert check_graph(bad) == ["layer x (InnerProduct): weight holds NaN or inf (1 of 256, the first at 9)"]


@pytest.mark.parametrize("distinct", [1, 2, 255, 256])
def test_few_values_are_kept_as_they_are(distinct):
    levels = normal(distinct)(distinct)
    values = np.random.default_rng(0).choice(levels, 3000).astype(np.float32)
    values[:distinct] = levels
    np.testing.assert_array_equal(encode(values).floats(), values)


def uniform(values):
    step = np.abs(values).max() / 127
    return np.rint(values / step) * step


@pytest.mark.parametrize(
    ("draw", "gain"),
    [
        (lambda generator: generator.uniform(-1, 1, 20_000), 0),
        (lambda generator: generator.standard_normal(20_000), 3),
        (lambda generator: generator.standard_t(3, 20_000), 15),
    ],
)
def test_better_than_even_steps_by_more_the_heavier_the_tails(draw, gain):
    values = draw(np.random.default_rng(0)).astype(np.float32)
    assert sqnr_db(values, encode(values).floats()) > sqnr_db(values, uniform(values)) + gain


def test_normal_values_come_near_the_known_optimum():
    """Panter and Dite: sqrt(3) pi / 2 / levels^2 is the least error of a normal variable of variance 1."""
    values = normal()(200_000)
    least = 10 * np.log10(256**2 / (np.sqrt(3) * np.pi / 2))
    assert abs(sqnr_db(values, encode(values).floats()) - least) < 0.3


def test_within_a_decibel_of_k_means():
    values = np.random.default_rng(1).laplace(size=4000).astype(np.float32)
    means = KMeans(256, n_init=1, random_state=0).fit(values[:, None])
    error = float(np.sum((values - encode(values).floats()).astype(np.float64) ** 2))
    assert error < 1.26 * means.inertia_


def test_each_value_is_the_mean_of_what_it_stands_for():
    values = normal()(5000)
    book = codebook(values)
    assert (np.diff(book) > 0).all()
    places = encode(values).values
    used = np.unique(places)
    assert used.size > 240
    means = [values[places == place].astype(np.float64).mean() for place in used]
    np.testing.assert_allclose(means, book[used], atol=1e-6)


def test_small_arrays_untagged_ones_and_depthwise_weights_stay():
    small = parameters("Convolution", num_output=16, kernel_w=1, bias_term=1, weight_data_size=MIN_SIZE - 16)
    depthwise = parameters(
        "ConvolutionDepthWise",
        num_output=128,
        kernel_w=7,
        pad_left=3,
        bias_term=1,
        weight_data_size=128 * 49,
        group=128,
    )
    for kind, params in (("Convolution", small), ("ConvolutionDepthWise", depthwise)):
        graph = converted(chain(kind, params))
        stored = {role: each.storage for role, each in graph["x"].weights.items()}
        assert stored == {"weight": Storage.FP16, "bias": Storage.RAW}
        assert share(graph) == 0
    assert share(converted(chain(*LINEAR))) == 64 * 80 / (64 * 80 + 64)


@pytest.mark.parametrize(
    ("kind", "role"),
    [
        ("Convolution", "weight"),
        ("InnerProduct", "weight"),
        ("Gemm", "B"),
        ("MultiHeadAttention", "k_weight"),
    ],
)
def test_rounding_knows_the_input(kind, role):
    graph = chain(kind, SHAPES[kind][0])
    width = row_width(graph["x"])
    exact = graph["x"].weights[role].floats()

    def error(stored):
        return np.mean(((stored.floats() - exact).reshape(-1, width) @ alike(width).T) ** 2)

    assert error(converted(graph)["x"].weights[role]) < 0.3 * error(encode(exact))


def test_rounding_knows_what_the_last_projection_of_attention_reads():
    graph = chain("MultiHeadAttention", SHAPES["MultiHeadAttention"][0])
    known = statistics(graph)
    columns = {**known.columns, projection_name("x"): statistics_of({"x": alike(64)}).columns["x"]}
    exact = graph["x"].weights["out_weight"].floats()

    def error(seen):
        stored = to_w8(graph, seen)["x"].weights["out_weight"].floats()
        return np.mean(((stored - exact).reshape(-1, 64) @ alike(64).T) ** 2)

    assert error(replace(known, columns=columns)) < 0.3 * error(known)


def test_statistics_of_another_model_are_refused():
    with pytest.raises(ZooError, match="of another model"):
        to_w8(chain(*LINEAR), statistics(chain("Gemm", SHAPES["Gemm"][0])))


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_weights_that_are_not_finite_name_the_layer(value):
    graph = chain(*LINEAR)
    values = graph["x"].weights["weight"].values.copy()
    values[5] = value
    weights = {**graph["x"].weights, "weight": array(values, Storage.FP32)}
    with pytest.raises(ZooError, match=r"layer x \(InnerProduct\): weight holds"):
        converted(graph.replace(replace(graph["x"], weights=weights)))


def test_a_layer_whose_weights_float16_cannot_hold_is_not_computed_in_it():
    """A codebook holds them; ncnn, which expands it, would store them in float16 on ARM."""
    small = converted(chain(*LINEAR, draw=lambda count: normal()(count) * np.float32(1e-5)))
    assert small["x"].weights["weight"].storage is Storage.CODEBOOK and small["x"].params[31] == 1
    assert "weight stays in a codebook and is not computed in float16" in kept(small)[0]
    assert 31 not in converted(chain(*LINEAR))["x"].params
