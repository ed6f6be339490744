"""Needs: ncnn's fp32 files, calibration statistics, and the images of calibration, verification and evaluation.
Makes: calibration.coverage.json: how the calibration images cover the others, layer by layer, and how they look.
"""

PURPOSES = ("calibration", "verification", "evaluation")


rule coverage:
    """Run some of the images that the model is judged on, and compare them with those of the calibration."""
    input:
        param="results/{device}/{model}/fp32.param",
        weights="results/{device}/{model}/fp32.bin",
        statistics="results/{device}/{model}/calibration.npz",
        card="results/weights/{model}.json",
        datasets=lambda wc: image_choice.datasets_of(
            images_for(wc.model, each) for each in PURPOSES
        ),
    output:
        "results/{device}/{model}/calibration.coverage.json",
    log:
        "results/logs/coverage/{device}/{model}.log",
    benchmark:
        "results/logs/coverage/{device}/{model}.benchmark.tsv"
    group:
        travels("ncnn")
    threads: 2
    resources:
        mem_mb=by_size(400, 1.6, thread=(200, 1.5)),
    params:
        code=ncnn_code("calibration_coverage.py"),
        images=lambda wc: {each: images_for(wc.model, each).values for each in PURPOSES},
        images_states=lambda wc: [
            changes.images_state(images_for(wc.model, each)) for each in PURPOSES
        ],
    message:
        "coverage {wildcards.device}/{wildcards.model}"
    script:
        "../scripts/calibration_coverage.py"
