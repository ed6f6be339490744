"""How ncnn stores and computes what an artifact holds: the settings that each precision is verified with."""

_FP16 = ("use_fp16_packed", "use_fp16_storage", "use_fp16_arithmetic")
_BF16 = ("use_bf16_packed", "use_bf16_storage")
_ON: dict[str, tuple[str, ...]] = {"fp32": (), "bf16": _BF16}


def options(precision: str) -> dict[str, bool]:
    """ncnn's `Option` fields by name: fp32 files compute in fp32, bf16 files in bf16, on any device; with all
    others the runtime may store and compute in fp16 where it wants to, as it does by default."""
    return {name: name in _ON.get(precision, _FP16) for name in (*_FP16, *_BF16)}
