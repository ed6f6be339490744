"""ncnn-zoo's library: convert, quantize, verify and measure vision models.

It knows no paths of the artifact tree and no Snakemake; `scripts/*.py` hand it both.
"""
