"""Serve an artifact over HTTP: python scripts/serve.py results/cpu/MODEL/int8.param (see docs/serving.md)"""

from zoo.cli.program import run
from zoo.cli.serve import serve

if __name__ == "__main__":
    run(serve)
