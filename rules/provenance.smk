"""Needs: whatever was built, and what is kept of how it was made (zoo/jobs/making.py).
Makes: results/<device>/<model>/README.md, the model card; results/sbom.cdx.json, the software; and
results/manifest.json, which says of every file what its bytes are and how they came to be, with its signature.
"""

from zoo.provenance import covered

in_question = lambda: covered.Covered(asked(), built_devices, is_there)


rule model_card:
    """Describe a model's files on a page, for people and for Hugging Face's hub."""
    input:
        card="results/weights/{model}.json",
        proofs=lambda wc: in_question().proofs(wc.device, wc.model),
        masks=lambda wc: inputs.fp16_recipes(ZOO, wc.device, wc.model),
    output:
        "results/{device}/{model}/README.md",
    log:
        "results/logs/model_card/{device}/{model}.log",
    benchmark:
        "results/logs/model_card/{device}/{model}.benchmark.tsv"
    wildcard_constraints:
        device=patterns.constraints(ZOO)["any_device"],
    group:
        travels("measure")
    threads: 1
    resources:
        mem_mb=grown(400),
    params:
        code=code("model_card.py", "zoo/provenance/*.j2", "zoo/provenance/*.txt"),
    message:
        "model card {wildcards.device}/{wildcards.model}"
    script:
        "../scripts/model_card.py"


rule sbom:
    """List the software that is installed, as a software bill of materials."""
    output:
        paths.SBOM,
    log:
        "results/logs/sbom.log",
    benchmark:
        "results/logs/sbom.benchmark.tsv"
    retries: 0
    localrule: True
    threads: 1
    resources:
        mem_mb=400,
    params:
        code=code("sbom.py"),
        environment=lambda wc: covered.environment(),
    message:
        "sbom"
    script:
        "../scripts/sbom.py"


rule manifest:
    """Describe every file that there is: its bytes, how it was made, and the verdict on it."""
    input:
        files=lambda wc: in_question().files(),
    output:
        report(paths.MANIFEST, "report/manifest.rst", category="The zoo"),
    log:
        "results/logs/manifest.log",
    benchmark:
        "results/logs/manifest.benchmark.tsv"
    retries: 0
    localrule: True
    threads: 1
    resources:
        mem_mb=500,
    params:
        code=code("manifest.py"),
        possible=lambda wc: patterns.possible(ZOO),
        settings=lambda wc: covered.settings(ZOO),
        sbom=Path(paths.SBOM).name,
        signature=Path(paths.SIGNATURE).name,
    message:
        "manifest"
    script:
        "../scripts/manifest.py"


rule sign:
    """Have a command of the user's sign the manifest."""
    input:
        manifest=paths.MANIFEST,
    output:
        paths.SIGNATURE,
    log:
        "results/logs/sign.log",
    benchmark:
        "results/logs/sign.benchmark.tsv"
    retries: 0
    localrule: True
    threads: 1
    resources:
        mem_mb=300,
    params:
        code=code("sign.py"),
        command=lambda wc: ZOO.signing.command,
    message:
        "sign"
    script:
        "../scripts/sign.py"


rule check_manifest:
    """Compare every file with the manifest as it is, byte for byte; nothing is built."""
    log:
        "results/logs/check_manifest.log",
    retries: 0
    localrule: True
    # Without a file of its own it runs each time, and a benchmark would be one.
    threads: 1
    resources:
        mem_mb=400,
    params:
        manifest=paths.MANIFEST,
        verify=lambda wc: ZOO.signing.verify,
    message:
        "check_manifest"
    script:
        "../scripts/check_manifest.py"
