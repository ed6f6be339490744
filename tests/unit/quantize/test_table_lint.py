"""Lint of calibration tables, and the import of those that ncnn2table makes."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from samples.ncnn import check_graph, normal, run, small_network, weight_scales
from zoo.errors import ZooError
from zoo.ncnn.bin import Storage, array
from zoo.ncnn.graph import Graph
from zoo.quantize.scales import quantize
from zoo.quantize.table import CalibrationTable
from zoo.quantize.table_lint import import_table, lint_table

LAYERS = ("conv", "dw", "fc")


def fitting(graph: Graph, layers: tuple[str, ...] = LAYERS) -> CalibrationTable:
    return CalibrationTable(weight_scales(graph, layers), dict.fromkeys(layers, 10.0))


def official(table: CalibrationTable) -> str:
    """As ncnn2table prints a table: six decimals, a space after each."""
    lines = [
        f"{name}_param_0 " + "".join(f"{s:f} " for s in scales) for name, scales in table.weights.items()
    ]
    lines += [f"{name} {scale:f} " for name, scale in table.activations.items()]
    return "\n".join(lines) + "\n"


def with_dead_channel(graph: Graph) -> Graph:
    rows = graph["conv"].weights["weight"].values.reshape(4, -1).copy()
    rows[2] = 0
    weights = {**graph["conv"].weights, "weight": array(rows, Storage.FP32)}
    return graph.replace(replace(graph["conv"], weights=weights))


def test_a_complete_table_has_no_finding():
    assert lint_table(fitting(small_network()), small_network(), images=100) == []


@pytest.mark.parametrize("divisor", [1, 127 / 31, 0.3])
def test_the_scales_of_the_official_methods_are_not_odd(divisor):
    table = fitting(small_network())
    scaled = {name: (scales / divisor).astype(np.float32) for name, scales in table.weights.items()}
    assert lint_table(replace(table, weights=scaled), small_network()) == []


def test_layers_that_stay_float_are_listed():
    findings = lint_table(fitting(small_network(), ("conv", "fc")), small_network())
    assert [str(each) for each in findings] == [
        "warning: layer dw (ConvolutionDepthWise) is not in the table and stays float"
    ]


def test_a_table_of_other_weights_is_odd():
    table = fitting(small_network())
    other = replace(table, weights={**table.weights, "fc": table.weights["fc"] * 50})
    (finding,) = lint_table(other, small_network())
    assert not finding.error
    assert finding.text.startswith("layer fc (InnerProduct): 5 of 5 weight scales do not fit its weights")


@pytest.mark.parametrize("scale", [0.0, np.inf, np.nan, -1.0])
def test_errors_come_first(scale):
    table = fitting(small_network(), ("conv", "fc"))
    findings = lint_table(replace(table, activations={**table.activations, "fc": scale}), small_network())
    assert [each.error for each in findings] == [True, False]
    assert "has the activation scale" in str(findings[0])


def test_an_activation_without_weights_is_an_error():
    table = fitting(small_network())
    weights = {name: scales for name, scales in table.weights.items() if name != "fc"}
    assert [str(each) for each in lint_table(replace(table, weights=weights), small_network())] == [
        "error: layer fc (InnerProduct): has an activation scale but no fc_param_0"
    ]


def test_the_number_of_images_is_judged_if_known():
    few = lint_table(fitting(small_network()), small_network(), images=1)
    assert [str(each)[:37] for each in few] == ["warning: only 1 calibration images: r"]
    assert [each.error for each in lint_table(fitting(small_network()), small_network(), images=0)] == [True]


def test_a_table_of_the_official_tool_becomes_a_model(tmp_path: Path):
    graph = small_network()
    (tmp_path / "t").write_text(official(fitting(graph)))
    quantized = quantize(graph, import_table(tmp_path / "t", graph))
    assert check_graph(quantized) == []
    assert [quantized[name].param(8) for name in LAYERS] == [2, 1, 2], "depthwise layers too"
    image = normal(1)(192).reshape(3, 8, 8)
    exact = run(graph, image, tmp_path)
    assert np.abs(run(quantized, image, tmp_path) - exact).max() < 0.2 * np.abs(exact).max()


def test_the_official_inf_of_a_dead_channel_is_mended(tmp_path: Path):
    graph = with_dead_channel(small_network())
    table = fitting(graph)
    table.weights["conv"][2] = np.inf
    (tmp_path / "t").write_text(official(table))
    assert "inf" in (tmp_path / "t").read_text()
    assert import_table(tmp_path / "t", graph).weights["conv"][2] == 1
    with pytest.raises(ZooError, match=r"t: the calibration table does not fit .* 1 weight scales that are"):
        import_table(tmp_path / "t", small_network())


def test_a_table_of_another_model_is_refused(tmp_path: Path):
    (tmp_path / "t").write_text("conv_9_param_0 1.0 \nconv_9 2.0 \n")
    with pytest.raises(ZooError, match=r"t: .* layer conv_9 is in the table but not in the model"):
        import_table(tmp_path / "t", small_network())


def test_an_empty_image_list_made_this_activation_scale(tmp_path: Path):
    table = fitting(small_network())
    (tmp_path / "t").write_text(official(replace(table, activations=dict.fromkeys(LAYERS, np.inf))))
    with pytest.raises(ZooError, match="has the activation scale inf"):
        import_table(tmp_path / "t", small_network())
