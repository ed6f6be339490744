"""Put a model's verified artifacts and its model card on Hugging Face's hub:
python scripts/publish.py results/cpu/mine --to me/mine-ncnn
"""

from zoo.cli.program import run
from zoo.cli.publish import publish

if __name__ == "__main__":
    run(publish)
