"""Reading, editing and writing `.param`/`.bin` pairs."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from samples.ncnn import chain, check_graph, layer, normal, parameters, run, small_network
from zoo.errors import ZooError
from zoo.ncnn.bin import Array, Storage, array
from zoo.ncnn.graph import (
    Graph,
    ordered_arrays,
    read_graph,
    source_blob,
    store_floats,
    unique_names,
    write_graph,
)
from zoo.ncnn.layer import Layer


@pytest.fixture
def pair(tmp_path):
    """The small network, on disk."""
    files = tmp_path / "model.param", tmp_path / "model.bin"
    write_graph(small_network(), *files)
    return files


def rewritten(graph: Graph, folder: Path) -> tuple[str, bytes]:
    write_graph(graph, folder / "again.param", folder / "again.bin")
    return (folder / "again.param").read_text(), (folder / "again.bin").read_bytes()


def arrays_of(graph):
    """(layer, role, position after it, array) of every array in the order of the file."""
    position = 0
    found = []
    for each in graph.layers:
        roles = {id(value): role for role, value in each.weights.items()}
        for value in ordered_arrays(each):
            position += len(value.tobytes())
            found.append((each, roles[id(value)], position, value))
    return found


def test_what_is_written_is_read(pair):
    graph, original = read_graph(*pair), small_network()
    assert [(x.type, x.name, x.inputs, x.outputs) for x in graph.layers] == [
        (x.type, x.name, x.inputs, x.outputs) for x in original.layers
    ]
    assert graph["conv"].params == {**original["conv"].params, 10: pytest.approx((0.1,))}
    for each in original.layers:
        for role, value in each.weights.items():
            assert graph[each.name].weights[role].storage is value.storage
            np.testing.assert_array_equal(graph[each.name].weights[role].values, value.values)


@pytest.mark.parametrize(
    "text",
    [
        "7767517\n1 1\nBias x 0 1 a 0=2\n",
        '7767517\n1 1\nBias          x  0 1 a   0=2 1=1.000000e-6 2=0.166666672 -23303=2,0.0,6.0 4="a b"\n',
    ],
)
def test_spaces_and_numbers_of_the_text_survive(text, tmp_path):
    (tmp_path / "a.param").write_text(text)
    (tmp_path / "a.bin").write_bytes(bytes(8))
    assert rewritten(read_graph(tmp_path / "a.param", tmp_path / "a.bin"), tmp_path) == (text, bytes(8))


@pytest.mark.parametrize("count", [1, 2, 3, 4, 5])
@pytest.mark.parametrize(
    "storage", [each for each in Storage if each.value is None or isinstance(each.value, int)]
)
def test_every_storage_and_padding_survives(storage, count, tmp_path):
    kind = {0: count, 21: 1 if storage is Storage.RAW else 0}
    book = np.zeros(256, np.float32) if storage is Storage.CODEBOOK else None
    values = np.arange(count, dtype=storage.dtype)
    weights = {"data": Array(values, storage, codebook=book)}
    graph = Graph((replace(layer("MemoryData", "x", "", "a", kind), weights=weights),))
    text, data = rewritten(graph, tmp_path)
    assert len(data) % 4 == 0
    again = read_graph(tmp_path / "again.param", tmp_path / "again.bin")
    assert again["x"].weights["data"].storage is storage
    np.testing.assert_array_equal(again["x"].weights["data"].values, np.arange(count))
    assert rewritten(again, tmp_path) == (text, data)


def test_weights_in_blocks_survive(tmp_path):
    shape = {3: 1, 5: 1, 6: 1, 8: 3, 9: 35, 10: 4, 18: 811}
    graph = Graph((layer("Gemm", "x", "a", "b", shape),))
    text, data = rewritten(graph, tmp_path)
    assert (
        len(data) == (105 + 3) + 4 * (1 + 3) + 4 * 3 + 4 * 35
    )  # B, C with a tag, a block a row, input scales
    again = read_graph(tmp_path / "again.param", tmp_path / "again.bin")
    assert again["x"].weights["B"].storage is Storage.RAW_INT8
    np.testing.assert_array_equal(again["x"].weights["B"].values, graph["x"].weights["B"].values)
    assert rewritten(again, tmp_path) == (text, data)
    tagged = replace(graph["x"].weights["B"], storage=Storage.INT8)
    with pytest.raises(ZooError, match="B is stored INT8, ncnn reads it RAW_INT8"):
        rewritten(graph.replace(replace(graph["x"], weights={**graph["x"].weights, "B": tagged})), tmp_path)


@pytest.mark.parametrize(("bits", "row"), [(4, 18), (6, 27)])
def test_weights_of_few_bits_survive(bits, row, tmp_path):
    shape = {3: 1, 5: 1, 6: 1, 8: 3, 9: 35, 10: 4, 18: 100 * bits}
    graph = Graph((layer("Gemm", "x", "a", "b", shape),))
    text, data = rewritten(graph, tmp_path)
    assert len(data) == 3 * row + -3 * row % 4 + 4 * (1 + 3) + 4 * 3 * 2  # B, C with a tag, two blocks a row
    again = read_graph(tmp_path / "again.param", tmp_path / "again.bin")
    assert again.parameters == graph.parameters == 3 * 35 + 3
    np.testing.assert_array_equal(again["x"].weights["B"].values, graph["x"].weights["B"].values)
    assert rewritten(again, tmp_path) == (text, data)
    b = graph["x"].weights["B"]
    narrow = replace(graph["x"], weights={**graph["x"].weights, "B": replace(b, width=3)})
    with pytest.raises(ZooError, match="B has rows of 3 numbers, not of 35"):
        rewritten(graph.replace(narrow), tmp_path)


def test_unusual_padding_survives_and_an_edit_gets_the_usual_one(tmp_path):
    (tmp_path / "a.param").write_text("7767517\n1 1\nMemoryData x 0 1 a 0=3 21=0\n")
    data = b"\x38\x4b\x0d\x00" + b"\x01\x02\x03\x77"
    (tmp_path / "a.bin").write_bytes(data)
    graph = read_graph(tmp_path / "a.param", tmp_path / "a.bin")
    assert rewritten(graph, tmp_path)[1] == data
    edited = replace(graph["x"], weights={"data": array(np.array([4, 5, 6]), Storage.INT8)})
    assert rewritten(graph.replace(edited), tmp_path)[1] == b"\x38\x4b\x0d\x00\x04\x05\x06\x00"


def test_arrays_that_were_read_cannot_be_changed_in_place(pair):
    with pytest.raises(ValueError, match="read-only"):
        read_graph(*pair)["conv"].weights["weight"].values[0] = 1


@pytest.mark.parametrize("cut", ["boundary", "third byte", "middle", "last byte"])
@pytest.mark.parametrize("index", range(6))
def test_a_short_bin_names_the_layer_where_it_ends(index, cut, pair):
    each, role, end, value = arrays_of(small_network())[index]
    start = end - len(value.tobytes())
    keep = {"boundary": start, "third byte": start + 2, "middle": (start + end) // 2, "last byte": end - 1}[
        cut
    ]
    pair[1].write_bytes(pair[1].read_bytes()[:keep])
    with pytest.raises(
        ZooError, match=rf"model.bin: {role} of layer {each.name} \({each.type}\): .* at {keep}: "
    ):
        read_graph(*pair)


@pytest.mark.parametrize("extra", [1, 4, 100])
def test_surplus_bytes_name_the_last_layer(extra, pair):
    size = pair[1].stat().st_size
    pair[1].write_bytes(pair[1].read_bytes() + bytes(extra))
    message = (
        rf"{extra} bytes follow .*the last is bias of layer fc \(InnerProduct\), ending at byte {size}\)"
    )
    with pytest.raises(ZooError, match=message):
        read_graph(*pair)


def test_bytes_for_a_model_without_weights_are_surplus(tmp_path):
    (tmp_path / "a.param").write_text("7767517\n1 1\nInput in0 0 1 in0\n")
    (tmp_path / "a.bin").write_bytes(bytes(4))
    with pytest.raises(ZooError, match=r"4 bytes follow the arrays of the .param \(no layer has any"):
        read_graph(tmp_path / "a.param", tmp_path / "a.bin")


def test_an_unknown_tag_is_refused(pair):
    data = bytearray(pair[1].read_bytes())
    data[:4] = b"\x01\x02\x03\x04"
    pair[1].write_bytes(data)
    with pytest.raises(ZooError, match=r"weight of layer conv .*no known array tag but 0x04030201 at byte 0"):
        read_graph(*pair)


def test_all_foreign_operators_are_counted_in_one_error(pair):
    text = pair[0].read_text().replace("Pooling ", "pnnx.Expression ").replace("BinaryOp ", "aten::add ")
    pair[0].write_text(text.replace("Split ", "aten::add "))
    with pytest.raises(ZooError, match=r"does not have: aten::add \(2\), pnnx.Expression \(1\);"):
        read_graph(*pair)


@pytest.mark.parametrize("missing", [0, 1])
def test_a_missing_file_is_named(missing, pair):
    pair[missing].unlink()
    with pytest.raises(ZooError, match=f"{pair[missing].name}: no such file"):
        read_graph(*pair)


def test_a_binary_param_is_refused(pair):
    pair[0].write_bytes(b"\xdd\x85\x76\xff")
    with pytest.raises(ZooError, match="not an ncnn"):
        read_graph(*pair)


def test_questions_about_the_graph():
    graph = small_network()
    assert graph.inputs == ("in0",) and graph.outputs == ("out0",)
    assert graph.blobs == ("in0", "1", "2", "3", "4", "5", "6", "out0")
    assert graph.producer("4") is graph["dw"] and graph.producer("nothing") is None
    assert graph.consumers("3") == (graph["add"],) and graph.consumers("out0") == ()
    assert graph.of_type("Convolution", "InnerProduct") == (graph["conv"], graph["fc"])
    assert graph.parameters == (108 + 4) + (36 + 4) + (20 + 5)
    assert "conv" in graph and "other" not in graph
    with pytest.raises(ZooError, match="no layer other"):
        graph["other"]


def test_scales_are_not_parameters():
    assert (
        chain(
            "Convolution", num_output=4, kernel_w=1, bias_term=1, weight_data_size=12, int8_scale_term=2
        ).parameters
        == 16
    )


def test_replacing_a_layer_leaves_the_original_graph_alone(tmp_path):
    graph = small_network()
    doubled = array(graph["fc"].weights["bias"].values * 2, Storage.RAW)
    fc = replace(graph["fc"], weights={**graph["fc"].weights, "bias": doubled})
    image = normal(1)(192).reshape(3, 8, 8)
    difference = run(graph.replace(fc), image, tmp_path) - run(graph, image, tmp_path)
    np.testing.assert_allclose(difference, graph["fc"].weights["bias"].values, atol=1e-5)
    with pytest.raises(ZooError, match="0 layers called other"):
        graph.replace(replace(fc, name="other"))


@pytest.mark.parametrize("blob", ["in0", "2", "3", "6"])
def test_an_inserted_layer_sits_between_a_blob_and_its_reader(blob, tmp_path):
    graph = small_network()
    image = normal(1)(192).reshape(3, 8, 8)
    minus = graph.insert(blob, layer("UnaryOp", "minus", "", "", {0: 1}))
    assert check_graph(minus) == []
    both = minus.insert("minus", layer("UnaryOp", "plus", "", "", {0: 1}))
    assert check_graph(both) == []
    assert not np.allclose(run(minus, image, tmp_path), run(graph, image, tmp_path))
    np.testing.assert_allclose(run(both, image, tmp_path), run(graph, image, tmp_path), rtol=1e-6)


def test_a_layer_cannot_be_inserted_where_nothing_reads_or_under_a_taken_name():
    with pytest.raises(ZooError, match="blob out0 is read by 0 layers"):
        small_network().insert("out0", layer("UnaryOp", "minus", "", "", {0: 1}))
    for name in ("conv", "in0", "4"):
        with pytest.raises(ZooError, match="its name is taken"):
            small_network().insert("1", layer("UnaryOp", name, "", "", {0: 1}))


def test_names_become_unique_in_one_way():
    names = ["a", "b", "a", "a_2", "a", "b"]
    graph = Graph(tuple(layer("ReLU", name, f"{i}", f"{i + 1}") for i, name in enumerate(names)))
    unique = unique_names(graph)
    assert [each.name for each in unique.layers] == ["a", "b", "a_3", "a_2", "a_4", "b_2"]
    assert [each.inputs for each in unique.layers] == [each.inputs for each in graph.layers]
    assert unique_names(unique).layers == unique.layers
    with pytest.raises(ZooError, match="3 layers called a, not one"):
        graph.replace(graph["a"])


@pytest.mark.parametrize(
    ("weights", "message"),
    [
        ({}, r"layer x \(Scale\): its parameters call for the arrays \['scale'\], it has \[\]"),
        ({"scale": np.zeros(2)}, "scale has 2 numbers, not 3"),
        ({"scale": np.zeros(3), "bias": np.zeros(3)}, "call for the arrays"),
    ],
)
def test_arrays_that_do_not_fit_the_parameters_are_not_written(weights, message, tmp_path):
    arrays = {role: array(values, Storage.RAW) for role, values in weights.items()}
    graph = Graph((replace(layer("Scale", "x", "in0", "out0", scale_data_size=3), weights=arrays),))
    with pytest.raises(ZooError, match=message):
        write_graph(graph, tmp_path / "x.param", tmp_path / "x.bin")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("kind", "params"),
    [
        ("Scale", parameters("Scale", scale_data_size=3)),
        ("InnerProduct", parameters("InnerProduct", num_output=1, weight_data_size=3)),
    ],
)
def test_a_tag_where_ncnn_reads_none_is_not_written(kind, params, tmp_path):
    original = layer(kind, "x", "in0", "out0", params)
    ((role, value),) = original.weights.items()
    other = Storage.FP16 if value.storage is Storage.RAW else Storage.RAW
    wrong = replace(original, weights={role: array(value.values, other)})
    with pytest.raises(ZooError, match=f"{role} is stored {other.name}, ncnn reads it"):
        write_graph(Graph((wrong,)), tmp_path / "x.param", tmp_path / "x.bin")


def test_a_fingerprint_is_of_text_and_numbers():
    graph, same, other = small_network(), small_network(), small_network(seed=1)
    assert graph.fingerprint() == same.fingerprint() != other.fingerprint()
    renamed = Graph(tuple(replace(each, name=f"{each.name}_") for each in graph.layers))
    assert renamed.fingerprint() != graph.fingerprint()


def test_a_copy_has_the_blob_that_it_is_a_copy_of():
    graph = small_network()
    assert source_blob(graph, "2") == source_blob(graph, "3") == "1"
    assert source_blob(graph, "in0") == "in0" and source_blob(graph, "5") == "5"
    again = graph.insert("3", layer("Split", "second", "", ""))
    assert source_blob(again, "second") == "1"


def test_floats_are_stored_anew_by_layer_and_role():
    asked = []

    def store(values: Array, of: Layer, role: str) -> Array:
        asked.append((of.name, role))
        return array(values.values, Storage.FP16)

    graph = small_network()
    stored = store_floats(graph, store, layers=["conv", "fc"])
    assert asked == [("conv", "weight"), ("fc", "weight")], "a bias has no tag"
    assert stored["conv"].weights["weight"].storage is Storage.FP16
    assert stored["dw"] is graph["dw"] and stored["conv"].weights["bias"] is graph["conv"].weights["bias"]
