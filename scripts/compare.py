"""How two artifacts differ, layer by layer: python scripts/compare.py A B photo.jpg"""

from zoo.cli.compare import compare
from zoo.cli.program import run

if __name__ == "__main__":
    run(compare)
