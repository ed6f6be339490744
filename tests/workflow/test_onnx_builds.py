"""The ONNX files that are derived from fp32.onnx, and the bundle for a vendor's toolchain."""

import zipfile

import onnx
import pytest
import yaml

from samples.workflow import Zoo

pytestmark = pytest.mark.long(70)

MADE = ["fp16.onnx.passed", "int8_static.onnx.passed", "int8_dynamic.onnx.passed", "vendor_bundle.zip"]


def test_derived_onnx_files_are_verified_and_follow_their_settings(zoo: Zoo):
    targets = [f"results/cpu/one/{name}" for name in MADE]
    jobs = zoo.build(*targets)
    assert {f"verify cpu/one/{name.removesuffix('.passed')}" for name in MADE[:3]} <= jobs
    assert "gate cpu/one/opset11.onnx" in jobs, "only what was verified is bundled"
    with zipfile.ZipFile(zoo / targets[3]) as archive:
        model = onnx.load_model_from_string(archive.read("opset11.onnx"))
        mapper = yaml.safe_load(archive.read("mapper.yaml"))
        images = [name for name in archive.namelist() if name.endswith(".rgb")]
        sizes = {archive.getinfo(name).file_size for name in images}
    assert [each.version for each in model.opset_import if not each.domain] == [11]
    assert mapper["input_parameters"]["input_name"] == model.graph.input[0].name == "data"
    assert len(images) == 6 and sizes == {4 * 3 * 32 * 32}, "three quarters of eight images are calibrated on"
    assert zoo.pending(*targets) == set()
    zoo.configure(
        lambda config: config.update(onnx_int8={"weights": "int7"}, vendor={"calibration_data": "uint8"})
    )
    pending = zoo.pending(*targets)
    assert {"int8_static.onnx cpu/one", "vendor bundle cpu/one"} <= pending
    assert not [job for job in pending if "fp16" in job or "opset" in job]


def test_an_exclusion_that_matches_nothing_is_refused(zoo: Zoo):
    zoo.configure(lambda config: config["models"]["one"].update(onnx_int8={"exclude": ["conv_0"]}))
    outcome = zoo.snakemake("results/cpu/one/int8_static.onnx")
    assert outcome.status != 0
    assert "fp32.onnx has no node or operator conv_0" in outcome.text
