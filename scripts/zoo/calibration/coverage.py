"""How the ranges that calibration images set cover those of other images, layer by layer."""

import numpy as np

from zoo.calibration.statistics import CalibrationStatistics
from zoo.config.records.coverage import LayerCoverage
from zoo.errors import ZooError


def covered(calibration: CalibrationStatistics, other: CalibrationStatistics) -> list[LayerCoverage]:
    """What statistics of other images say of those of the calibration, in the graph's order.

    Layers that read the same blob are told once. Raises ZooError if the two are of different models.
    """
    if calibration.fingerprint != other.fingerprint or list(calibration.inputs) != list(other.inputs):
        raise ZooError("the statistics of coverage are of another model than those of the calibration")
    told: dict[int, LayerCoverage] = {}
    for layer, ours in calibration.inputs.items():
        if id(ours) not in told:
            theirs = other.inputs[layer]
            largest, found = float(ours.absmax.max()), float(theirs.absmax.max())
            told[id(ours)] = LayerCoverage(
                layer,
                found / largest if largest > 0 else float(found > 0),
                float(np.mean(theirs.absmax > ours.absmax)),
                theirs.blob.above(largest) if found > largest else 0.0,
            )
    return list(told.values())
