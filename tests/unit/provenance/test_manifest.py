"""The manifest as a record."""

import pytest

from zoo.errors import ZooError
from zoo.jobs.surroundings import Surroundings
from zoo.provenance.manifest import DescribedFile, Made, Manifest


def manifest(path: str = "cpu/one/fp32.bin", **changes) -> Manifest:
    made = Made("ncnn_fp32", "snakemake", {"a": "1"}, {"code": "2"}, "abc")
    fields = {
        "commit": None,
        "environment": "e",
        "sbom": "sbom.cdx.json",
        "surroundings": {"abc": Surroundings.own()},
        "models": {},
        "artifacts": (),
        "files": {path: DescribedFile(3, "ff", made)},
        "left_out": ("logs/*",),
    }
    return Manifest(**fields | changes)


def test_it_reads_back_as_it_was_written(tmp_path):
    manifest().write(tmp_path / "manifest.json")
    assert Manifest.read(tmp_path / "manifest.json") == manifest()


@pytest.mark.parametrize("path", ["../secret", "/etc/passwd", "cpu/../../secret", "a\0b"])
def test_a_path_that_leads_out_of_the_folder_is_refused(path: str):
    with pytest.raises(ZooError, match="leads out of the manifest's folder"):
        manifest(path)
    values = manifest().to_dict()
    values["files"] = {path: values["files"]["cpu/one/fp32.bin"]}
    with pytest.raises(ZooError, match=r"mine.json: a broken manifest .*leads out"):
        Manifest.from_dict(values, "mine.json")
