"""Ask an artifact about images: python scripts/predict.py results/cpu/MODEL/int8.param photo.jpg ..."""

from zoo.cli.predict import predict
from zoo.cli.program import run

if __name__ == "__main__":
    run(predict)
