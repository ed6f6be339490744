"""Needs: weights and model card; for what is derived from fp32.onnx, calibration images.
Makes: fp32.onnx, after the exact rewrites; fp16.onnx, int8_dynamic.onnx and int8_static.onnx by onnxruntime's
tools; and, asked for by name, opset11.onnx and vendor_bundle.zip, which a vendor's toolchain starts from.
"""


rule onnx:
    """Rewrite the model exactly and export it as a simplified, checked ONNX file."""
    input:
        weights=of_model(paths.weights_file),
        card="results/weights/{model}.json",
    output:
        "results/{device}/{model}/fp32.onnx",
    log:
        "results/logs/onnx/{device}/{model}.log",
    benchmark:
        "results/logs/onnx/{device}/{model}.benchmark.tsv"
    group:
        travels("onnx")
    threads: 1
    resources:
        mem_mb=by_size(1000, 4.8),
        disk_mb=by_size(100, 1.2),
    params:
        code=library_code("onnx_export.py"),
        spec=spec,
        opset=of_model(lambda model: model.settings.opset),
    message:
        "onnx {wildcards.device}/{wildcards.model}"
    script:
        "../scripts/onnx_export.py"


use rule onnx as onnx_opset11 with:
    output:
        "results/{device}/{model}/opset11.onnx",
    log:
        "results/logs/onnx_opset11/{device}/{model}.log",
    benchmark:
        "results/logs/onnx_opset11/{device}/{model}.benchmark.tsv"
    params:
        code=library_code("onnx_export.py"),
        spec=spec,
        opset=11,
    message:
        "onnx opset 11 {wildcards.device}/{wildcards.model}"


rule onnx_fp16:
    """Convert to float16 what float16 does not break; measured on calibration images."""
    input:
        onnx="results/{device}/{model}/fp32.onnx",
        card="results/weights/{model}.json",
        dataset=dataset_of("calibration"),
    output:
        "results/{device}/{model}/fp16.onnx",
    log:
        "results/logs/onnx_fp16/{device}/{model}.log",
    benchmark:
        "results/logs/onnx_fp16/{device}/{model}.benchmark.tsv"
    group:
        travels("onnx")
    threads: 2
    resources:
        mem_mb=by_size(1500, 9),
        disk_mb=by_size(100, 2.2),
    params:
        code=code("onnx_fp16.py"),
        images=images_of("calibration"),
        images_state=images_state_of("calibration"),
        gates=of_model(lambda model: model.gates("fp16")),
    message:
        "fp16.onnx {wildcards.device}/{wildcards.model}"
    script:
        "../scripts/onnx_fp16.py"


rule onnx_int8_static:
    """Quantize weights and activations with onnxruntime's quantizer, by ranges on the calibration images."""
    input:
        onnx="results/{device}/{model}/fp32.onnx",
        card="results/weights/{model}.json",
        dataset=dataset_of("calibration"),
    output:
        "results/{device}/{model}/int8_static.onnx",
    log:
        "results/logs/onnx_int8_static/{device}/{model}.log",
    benchmark:
        "results/logs/onnx_int8_static/{device}/{model}.benchmark.tsv"
    group:
        travels("onnx")
    threads: 2
    resources:
        mem_mb=by_size(1500, 9),
        disk_mb=by_size(100, 3.2),
    params:
        code=code("onnx_int8_static.py"),
        images=images_of("calibration"),
        images_state=images_state_of("calibration"),
        setting=of_model(lambda model: asdict(model.settings.onnx_int8)),
    message:
        "int8_static.onnx {wildcards.device}/{wildcards.model}"
    script:
        "../scripts/onnx_int8_static.py"


rule onnx_int8_dynamic:
    """Quantize weights with onnxruntime's quantizer, and leave activations to be quantized as they come."""
    input:
        onnx="results/{device}/{model}/fp32.onnx",
    output:
        "results/{device}/{model}/int8_dynamic.onnx",
    log:
        "results/logs/onnx_int8_dynamic/{device}/{model}.log",
    benchmark:
        "results/logs/onnx_int8_dynamic/{device}/{model}.benchmark.tsv"
    group:
        travels("onnx")
    threads: 1
    resources:
        mem_mb=by_size(800, 6.6),
        disk_mb=by_size(100, 3.2),
    params:
        code=code("onnx_int8_dynamic.py"),
        setting=of_model(lambda model: asdict(model.settings.onnx_int8)),
    message:
        "int8_dynamic.onnx {wildcards.device}/{wildcards.model}"
    script:
        "../scripts/onnx_int8_dynamic.py"


rule vendor_bundle:
    """Put the verified opset-11 file, calibration images and a mapper configuration into one archive."""
    input:
        onnx="results/{device}/{model}/opset11.onnx",
        passed="results/{device}/{model}/opset11.onnx.passed",
        proof="results/{device}/{model}/opset11.onnx.verify.json",
        card="results/weights/{model}.json",
        dataset=dataset_of("calibration"),
    output:
        "results/{device}/{model}/vendor_bundle.zip",
    log:
        "results/logs/vendor_bundle/{device}/{model}.log",
    benchmark:
        "results/logs/vendor_bundle/{device}/{model}.benchmark.tsv"
    group:
        travels("ship")
    threads: 1
    resources:
        mem_mb=by_size(800, 3),
    params:
        code=code("vendor_bundle.py"),
        images=images_of("calibration"),
        images_state=images_state_of("calibration"),
        data_type=of_model(lambda model: model.settings.vendor.calibration_data),
    message:
        "vendor bundle {wildcards.device}/{wildcards.model}"
    script:
        "../scripts/vendor_bundle.py"
