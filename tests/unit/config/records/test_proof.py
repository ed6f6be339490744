"""What every proof starts with."""

from dataclasses import dataclass
from typing import ClassVar

from zoo.config.records.proof import Proof, RuntimeInfo


@dataclass(frozen=True, kw_only=True)
class Example(Proof):
    KIND: ClassVar[str] = "example"

    runtime: RuntimeInfo | None


def test_a_proof_names_its_artifact_and_what_ran_it():
    gpu = RuntimeInfo("ncnn", "1.0", "a GPU", software_gpu=False, driver="24.2.8")
    told = {"name": "ncnn", "version": "1.0", "device": "a GPU", "software_gpu": False, "driver": "24.2.8"}
    assert gpu.to_dict() == told | {"features": None}
    board = RuntimeInfo("ncnn", "1.0", "cortex-a76, emulated", features=("asimdhp", "asimddp"))
    assert Example.from_dict(Example("net", "a76", "fp16", runtime=board).to_dict()).runtime == board
    proof = Example(model="net", device="gpu", artifact="fp16", runtime=gpu)
    values = proof.to_dict()
    assert (values["model"], values["device"], values["artifact"]) == ("net", "gpu", "fp16")
    assert values["runtime"] == gpu.to_dict()
    assert Example.from_dict(values) == proof
