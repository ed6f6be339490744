"""Made-up records of a small zoo, in the form that the stages write them, read back."""

import hashlib
import math
from dataclasses import replace

from samples import cards
from zoo.config.records.benchmark import Benchmark
from zoo.config.records.coverage import Coverage, Covered, LayerCoverage, Look
from zoo.config.records.evaluation import Evaluation
from zoo.config.records.verification import Verdict, Verification
from zoo.images.preprocess import Preprocess
from zoo.report.records import ModelRecords
from zoo.report.row import rows
from zoo.search.outcome import SearchOutcome
from zoo.search.sensitivity import Sensitivity

CPU = "Imaginary CPU @ 2.00GHz"
HOST = "builder"
LAVAPIPE = "llvmpipe (LLVM 15.0.6, 256 bits)"
FP32_MS = 14.6

# Artifact -> files, share of fp32's bytes, SQNR in dB, share of fp32's time.
ARTIFACTS = {
    "torchscript": (("torchscript.pt",), 1.05, 140.0, 1.9),
    "fp32.onnx": (("fp32.onnx",), 1.01, 128.4, 1.03),
    "fp32": (("fp32.param", "fp32.bin"), 1.0, 131.7, 1.0),
    "fp16": (("fp16.param", "fp16.bin"), 0.5, 66.2, 1.004),
    "int8": (("int8.param", "int8.bin"), 0.28, 38.5, 0.59),
}
RUNTIMES = {"torchscript": "torch", "fp32.onnx": "onnxruntime"}
VERSIONS = {"torch": "2.15.0", "onnxruntime": "1.31.1", "ncnn": "1.0.20261020"}


def card(name="convnext_digits", parameters=1_520_000, edge=32, classes=10, **changes):
    """A model card."""
    usual = {
        "architecture": "convnext_atto",
        "args": {"depths": [2, 2, 4, 2], "num_classes": 10},
        "source": {"kind": "train", "location": "digits", "seed": 0},
        "sha256": hashlib.sha256(name.encode()).hexdigest(),
        "licence": "CC-BY-4.0",
        "parameters": parameters,
        "multiply_adds": 100 * parameters,
    }
    record = Preprocess((edge, edge), crop_pct=1.0, mean=(0.5,) * 3, std=(0.5,) * 3)
    return cards.card(name, record, classes, **usual | changes)


def runtime(device, artifact):
    name = RUNTIMES.get(artifact, "ncnn")
    gpu = device == "gpu" and name == "ncnn"
    return {
        "name": name,
        "version": VERSIONS[name],
        "device": LAVAPIPE if gpu else CPU,
        "software_gpu": True if gpu else None,
    }


def hashes(artifact):
    """The SHA-256 of an artifact's files, by name."""
    return {name: hashlib.sha256(name.encode()).hexdigest() for name in ARTIFACTS[artifact][0]}


def layers(sqnr_db, count=24):
    """Differences of `count` layers, getting worse towards `sqnr_db`; the first two are exact."""
    kinds = ("ConvolutionDepthWise", "LayerNorm", "Convolution", "GELU", "Convolution", "BinaryOp")
    found = []
    for index in range(count):
        db = 200.0 if index < 2 else sqnr_db + 12 * (1 - index / count) + 3 * math.sin(index)
        share = 1.0 if db == 200 else 1 - 10 ** (-db / 10) / 2
        found.append(
            {"layer": f"{kinds[index % 6].lower()}_{index}", "type": kinds[index % 6]}
            | {"blob": str(index), "cosine": share, "sqnr_db": db, "max_abs": 0.0, "peak": 1.0}
        )
    return found


def verification(model, device="cpu", artifact="int8", failures=(), size=6_000_000, **numbers):
    """A verification record; `numbers` replaces figures, `size` is fp32's in bytes."""
    names, share, sqnr_db, _ = ARTIFACTS[artifact]
    ncnn = artifact not in RUNTIMES
    compared = layers(10.0 if failures else sqnr_db)
    first = next((layer for layer in compared if layer["cosine"] < 0.99), None)
    values = {
        "version": 1,
        "model": model,
        "device": device,
        "artifact": artifact,
        "runtime": runtime(device, artifact),
        "structure": {
            "ok": True,
            "problems": [],
            "files": [
                {
                    "name": name,
                    "bytes": round(size * share * part),
                    "sha256": hashes(artifact)[name],
                }
                for name, part in zip(names, (0.004, 0.996) if len(names) == 2 else (1,), strict=True)
            ],
            "layers": None if artifact == "torchscript" else 24,
            "layer_types": None
            if artifact == "torchscript"
            else {"Convolution": 8, "GELU": 4, "LayerNorm": 12},
        },
        "numbers": {
            "images": 100,
            "cosine": {
                "min": 0.99981 if sqnr_db < 50 else 0.99999996,
                "mean": 0.99994 if sqnr_db < 50 else 0.99999998,
            },
            "sqnr_db": sqnr_db,
            "max_abs_error": 0.027 if sqnr_db < 50 else 3.1e-6,
            "top1_agreement": 0.99 if sqnr_db < 50 else 1.0,
            "image_set": "heldout",
            "images_sha256": "5e7",
        }
        | numbers,
        "divergence": {
            "reference": "fp32",
            "threshold": 0.99,
            "images": 4,
            "first": first,
            "layers": compared,
        }
        if ncnn and (device, artifact) != ("cpu", "fp32")
        else None,
        "verdict": {
            "passed": not failures,
            "failures": list(failures),
            "gates": {"min_cosine": 0.99, "min_top1_agreement": 0.97},
        },
    }
    return Verification.from_dict(values)


def unloadable(model, device="cpu", artifact="int8"):
    """A verification record of files that could not be run: there are no numbers and no runtime."""
    proof = verification(model, device, artifact)
    problem = "int8.bin ends 4096 bytes early, in the weights of convolution_17"
    structure = replace(proof.structure, ok=False, problems=(problem,), layers=None, layer_types=None)
    verdict = Verdict(False, (problem,), {})
    return replace(proof, runtime=None, numbers=None, divergence=None, structure=structure, verdict=verdict)


def benchmark(model, device="cpu", artifact="int8", fp32_ms=FP32_MS, ratio=None, size=6_000_000):
    """A benchmark record at 1 and 2 threads, `ratio` times as slow as fp32."""
    names, share, _, usual = ARTIFACTS[artifact]
    ratio = usual if ratio is None else ratio
    latency = []
    for threads, reference in ((1, fp32_ms), (2, 0.6 * fp32_ms)):
        own = reference * ratio
        latency.append(
            {"threads": threads, "runs": 60, "median_ms": own, "p10_ms": 0.98 * own, "p90_ms": 1.05 * own}
            | {
                "reference": {
                    "artifact": "fp32",
                    "device": CPU,
                    "median_ms": reference,
                    "p10_ms": reference,
                    "p90_ms": reference,
                }
            }
            | {"ratio": ratio, "ratio_error": 0.01}
        )
    ran = runtime(device, artifact)
    values = {
        "version": 1,
        "model": model,
        "device": device,
        "artifact": artifact,
        "runtime": ran,
        "hardware": {"cpu": CPU, "cores": 2, "gpu": ran["device"] if ran["software_gpu"] else None}
        | {"software_gpu": ran["software_gpu"], "host": HOST},
        "hashes": hashes(artifact),
        "bytes": round(size * share),
        "files": {name: round(size * share / len(names)) for name in names},
        "peak_memory_bytes": 78_000_000,
        "latency": latency,
        "throughput": {"streams": 2, "seconds": 1.5, "fps": 1800 / (fp32_ms * ratio), "ratio": 1 / ratio}
        | {"reference": {"artifact": "fp32", "fps": 1800 / fp32_ms}},
    }
    return Benchmark.from_dict(values)


def evaluation(model, device="cpu", artifact="int8", top1=0.98, labelled=True):
    """An evaluation record; without labels there is no accuracy."""
    figures = {"top1": top1, "top5": 1.0, "reference_top1": 0.983, "top1_drop": 100 * (0.983 - top1)}
    values = {
        "version": 1,
        "model": model,
        "device": device,
        "artifact": artifact,
        "runtime": runtime(device, artifact),
        "hashes": hashes(artifact),
        "image_set": "digits_test" if labelled else "heldout",
        "images_sha256": "5e7",
        "images": 360,
        "labelled": labelled,
        **(figures if labelled else dict.fromkeys(figures)),
        "agreement": 0.9972,
        "sqnr_db": 38.4,
    }
    return Evaluation.from_dict(values)


# Candidate -> SQNR in dB, agreement, points of top-1 lost, share of fp32's bytes and of its time, of weights
# in int8, and whether it is on the front.
CANDIDATES = {
    "plain": (36.6, 0.985, 0.4, 0.27, 0.59, 0.97, False),
    "local": (46.1, 0.995, 0.0, 0.275, 0.585, 0.97, True),
    "local, ends float": (47.3, 0.995, 0.1, 0.29, 0.62, 0.93, True),
    "all": (38.2, 0.98, 0.6, 0.26, 0.66, 1.0, True),
}


TARGET = {"min_sqnr_db": 40, "min_speedup": 1.3}


def search(model, device="cpu", target=None, chosen="local", labelled=True, slowness=1.0, size=6_000_000):
    """A search's record. Without a candidate that is chosen, it has failed."""
    target = target or {}

    def meets(sqnr_db, drop, time):
        return (
            sqnr_db >= target.get("min_sqnr_db", 0)
            and drop <= target.get("max_top1_drop", 100)
            and 1 / time >= target.get("min_speedup", 0)
        )

    def trial(name, sqnr_db, agreement, drop, share, time, weights):
        return {
            "name": name,
            "sqnr_db": sqnr_db,
            "agreement": agreement,
            "top1_drop": drop if labelled else None,
            "bytes": round(size * share),
            "int8_weights": weights,
            "int8_multiply_adds": weights,
            "latency_ms": FP32_MS * time * 1.03,
            "speedup": 1 / time,
        }

    values = {
        "version": 1,
        "model": model,
        "device": device,
        "artifact": "int8",
        "images": 40,
        "target": target,
        "chosen": chosen,
        "failures": [] if chosen else ["no candidate of 4 meets the target; the nearest is local (46.1 dB)"],
        "candidates": [
            trial(name, *figures[:4], figures[4] * slowness, figures[5])
            | {"front": figures[6], "meets": meets(figures[0], figures[2], figures[4] * slowness)}
            for name, figures in CANDIDATES.items()
        ],
        "references": [
            trial("fp32", 200.0, 1.0, 0.0, 1.0, 1.0, 0.0),
            trial("fp16", 68.2, 1.0, 0.0, 0.5, 0.98, 0.0),
        ],
    }
    return SearchOutcome.from_dict(values)


PLANS = (
    {"precision": "int8", "margin": 1.1, "alpha": 0.75, "rounding": "gptq"},
    {"precision": "fp16"},
    {"precision": "int8", "alpha": 0.5, "through": "norm"},
    {"precision": "int8", "rounding": "gptq"},
    {"precision": "int8", "block": 64},
)


def sensitivity(model, device="cpu", count=12, plans=PLANS):
    """A sensitivity record of `count` layers that go through `plans`; the last is a large float layer."""
    total = count * (count + 1) / 2
    found = []
    for index in range(count):
        plan = {"precision": "fp32"} if index == count - 1 else plans[index % len(plans)]
        tried = plan["precision"] == "int8"
        db = 60 - 20 * math.sin(index) ** 2
        found.append(
            {
                "name": f"conv_{index}",
                "type": "Convolution" if tried else "ConvolutionDepthWise",
                "noise": 10 ** (-db / 10) if tried else None,
                "sqnr_db": db if tried else None,
                "weights": 1000 * (index + 1),
                "weight_share": (index + 1) / total,
                "time_ms": 0.1 + 0.01 * index,
                "time_share": 0.8 / count,
                "int8_ms": 0.5 * (0.1 + 0.01 * index) if tried else None,
                "plan": plan,
            }
        )
    values = {
        "version": Sensitivity.VERSION,
        "model": model,
        "device": device,
        "images": 8,
        "signal": 1.0,
        "time_device": runtime(device, "fp32")["device"],
        "transfers": device == "gpu",
        "layers": found,
    }
    return Sensitivity.from_dict(values)


def coverage(model, device="cpu", unlike=()):
    """Of a calibration that its evaluation images exceed in the second of three layers."""
    look = Look(75, (-0.12, 0.05, 0.31), (1.1, 1.08, 1.02), 0.04)
    layers = [
        LayerCoverage(f"conv_{index}", 0.8 + 0.3 * (index == 1), 0.01 * index, 2e-5) for index in range(3)
    ]
    judged = {"verification": (), "evaluation": tuple(unlike)}
    purposes = [Covered(name, 64, look, tuple(layers), sentences) for name, sentences in judged.items()]
    return Coverage(model, device, look, tuple(purposes))


def complete(name, devices=("cpu", "gpu"), fp32_ms=FP32_MS, size=6_000_000, labelled=True, **changes):
    """Every record of a model that was built on all `devices`."""
    places = [(device, artifact) for device in devices for artifact in ARTIFACTS]
    slower = {"gpu": 4.0, "cpu": 1.0}
    top1 = {"int8": 0.98, "fp16": 0.982}
    return ModelRecords(
        card(name, parameters=size // 4, **changes),
        [verification(name, *place, size=size) for place in places],
        [benchmark(name, *place, fp32_ms=fp32_ms * slower[place[0]], size=size) for place in places],
        [evaluation(name, *place, top1=top1.get(place[1], 0.983), labelled=labelled) for place in places],
        [
            search(name, device, {"min_sqnr_db": 40, "min_speedup": 1.3}, labelled=labelled)
            for device in devices
        ],
        [sensitivity(name, device) for device in devices],
        coverage=[coverage(name, device) for device in devices],
    )


def row_of(*records, **changes):
    """The only row of a model with these records."""
    kinds = {"verify": Verification, "bench": Benchmark, "eval": Evaluation}
    mine = {kind: [each for each in records if isinstance(each, cls)] for kind, cls in kinds.items()}
    (row,) = rows([ModelRecords(card("net", **changes), **mine)])
    return row


def zoo():
    """Three models: complete; failing and slow in int8 on the gpu; random, and not yet measured."""
    digits = complete("convnext_digits", fp32_ms=0.82, size=1_400_000)
    lite0 = complete("tf_efficientnet_lite0", fp32_ms=14.6, size=18_600_000, labelled=False)
    where = ("tf_efficientnet_lite0", "gpu", "int8")
    failures = [
        "cosine similarity of the worst image is 0.942117, below the gate 0.99",
        "top-1 agreement is 0.91, below the gate 0.97",
    ]
    failed = verification(
        *where,
        failures,
        18_600_000,
        cosine={"min": 0.942117, "mean": 0.9712},
        top1_agreement=0.91,
        sqnr_db=12.9,
    )
    slow = benchmark(*where, 58.4, 1.31, 18_600_000)
    lite0 = ModelRecords(
        lite0.card,
        [failed if (proof.device, proof.artifact) == where[1:] else proof for proof in lite0.verify],
        [slow if (proof.device, proof.artifact) == where[1:] else proof for proof in lite0.bench],
        lite0.eval,
        [lite0.search[0], search("tf_efficientnet_lite0", "gpu", {"min_sqnr_db": 50}, None, labelled=False)],
        [sensitivity("tf_efficientnet_lite0", "cpu", 100), lite0.sensitivity[1]],
    )
    name = "mobilenetv4_conv_small"
    source = {"kind": "random", "location": None, "seed": 0}
    untrained = ModelRecords(
        card(name, 3_770_000, random=True, source=source, licence="unknown"),
        [verification(name, artifact=artifact, size=15_000_000) for artifact in ("fp32", "fp16")]
        + [unloadable(name)],
        [benchmark(name, artifact="fp32", fp32_ms=5.2, size=15_000_000)],
    )
    return [digits, lite0, untrained]
