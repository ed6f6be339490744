"""Snakemake as those have it who install requirements.txt alone: where the tests' kubernetes-validate is
installed, each Snakemake reads a grammar of internet addresses, for half of the five seconds it starts in."""

import sys

if any("snakemake" in each for each in sys.orig_argv):
    sys.modules["kubernetes_validate"] = None  # type: ignore[assignment]
