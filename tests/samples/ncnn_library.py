"""ncnn as a C++ library: the version that requirements.txt pins, built from its source distribution, once.

The result is kept in `$XDG_CACHE_HOME/ncnn-zoo` (by default `~/.cache/ncnn-zoo`), under a name that changes
with the version and the options. `python tests/samples/ncnn_library.py` builds it and prints the folder.
"""

import hashlib
import os
import platform
import re
import subprocess
import sys
import tempfile
from pathlib import Path

from filelock import FileLock

PROJECT = Path(__file__).resolve().parents[2]

OPTIONS = {
    "CMAKE_BUILD_TYPE": "Release",
    "NCNN_SIMPLEOCV": "ON",  # the program reads images through it
    **dict.fromkeys(("NCNN_VULKAN", "NCNN_C_API", "NCNN_RUNTIME_CPU"), "OFF"),
    **dict.fromkeys(("NCNN_PIXEL_ROTATE", "NCNN_PIXEL_AFFINE", "NCNN_PIXEL_DRAWING"), "OFF"),
    **dict.fromkeys(("NCNN_BUILD_TOOLS", "NCNN_BUILD_EXAMPLES", "NCNN_BUILD_BENCHMARK"), "OFF"),
}
UNUSED_LAYERS = """
    convolution1d convolutiondepthwise1d deconvolution1d deconvolutiondepthwise1d pooling1d
    convolution3d convolutiondepthwise3d deconvolution3d deconvolutiondepthwise3d pooling3d
    deconvolution deconvolutiondepthwise deformableconv2d einsum gridsample gru lstm rnn lrn
    detectionoutput priorbox proposal psroipooling roialign roipooling yolodetectionoutput
    yolov3detectionoutput spectrogram inversespectrogram statisticspooling rotaryembed fold unfold
"""
"""Half of the time to build; no model in the tests has them."""
INSTRUCTIONS = {
    "AVX": "avx",
    "FMA": "fma",
    "FMA4": "fma4",
    "XOP": "xop",
    "F16C": "f16c",
    "AVX2": "avx2",
    "AVXVNNI": "avx_vnni",
    "AVXVNNIINT8": "avx_vnni_int8",
    "AVXVNNIINT16": "avx_vnni_int16",
    "AVXNECONVERT": "avx_ne_convert",
    "AVX512": "avx512vl",
    "AVX512VNNI": "avx512_vnni",
    "AVX512BF16": "avx512_bf16",
    "AVX512FP16": "avx512_fp16",
}
"""ncnn's option for each instruction set of x86, and Linux's name for it. The Python package takes the best
that the machine has when it runs, and int8 rounds otherwise with others, so the library is for these too."""


class Unavailable(Exception):
    """The source is neither in the cache nor to be had."""


def installed() -> Path:
    """Folder of the built library, for CMAKE_PREFIX_PATH. Raises Unavailable, and RuntimeError if it does
    not build."""
    pinned = re.search(r"^ncnn==(\S+).*?(?=^\S)", (PROJECT / "requirements.txt").read_text(), re.M | re.S)
    options = OPTIONS | _instructions() | {f"WITH_LAYER_{name}": "OFF" for name in UNUSED_LAYERS.split()}
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "ncnn-zoo"
    key = hashlib.sha256(f"{pinned[0]}{sorted(options.items())}".encode()).hexdigest()[:12]
    target = cache / f"ncnn-{pinned[1]}-{key}"
    cache.mkdir(parents=True, exist_ok=True)
    with FileLock(f"{target}.lock"):  # all processes of pytest need the same
        if not target.is_dir():
            _build(pinned[0], options, target)
    return target


def _build(pinned: str, options: dict[str, str], target: Path) -> None:
    """Build the version that the lines of requirements.txt pin, and install it as `target`, whole."""
    with tempfile.TemporaryDirectory(dir=target.parent, prefix=".building-") as scratch:
        source, build, install = _source(pinned, Path(scratch)), f"{scratch}/build", f"{scratch}/ncnn"
        definitions = [f"-D{key}={value}" for key, value in options.items()]
        _run("cmake", "-S", source, "-B", build, f"-DCMAKE_INSTALL_PREFIX={install}", *definitions)
        _run("cmake", "--build", build, "--target", "install", "--parallel", str(os.cpu_count()))
        Path(install).rename(target)


def _instructions() -> dict[str, str]:
    if platform.machine() not in ("x86_64", "AMD64"):
        return {"NCNN_RUNTIME_CPU": "ON"}
    flags = set(re.search(r"^flags\s*:(.*)", Path("/proc/cpuinfo").read_text(), re.M)[1].split())
    return {f"NCNN_{name}": "ON" if flag in flags else "OFF" for name, flag in INSTRUCTIONS.items()}


def _source(pinned: str, scratch: Path) -> Path:
    """The unpacked source distribution, whose hash pip has checked.

    pip may end with an error after that, because the package's setup.py takes the day for its version.
    """
    (scratch / "pip").mkdir()
    (scratch / "requirements.txt").write_text(pinned)
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--no-binary", "ncnn"]
    command += ["--no-build-isolation", "--require-hashes", "--no-clean", "-r", "requirements.txt"]
    environment = os.environ | {"TMPDIR": str(scratch / "pip")}
    done = subprocess.run(command, cwd=scratch, env=environment, capture_output=True, text=True)
    found = list(scratch.glob("pip/*/ncnn_*/CMakeLists.txt"))
    if len(found) != 1:
        raise Unavailable(f"ncnn's source distribution, from the Python index ({done.stderr.strip()})")
    return found[0].parent


def _run(*command: str | Path) -> None:
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        raise RuntimeError(f"{' '.join(map(str, command[:3]))} …:\n{(done.stdout + done.stderr)[-5000:]}")


if __name__ == "__main__":
    print(installed())
