"""Whether two sets of images look alike to a model: mean, contrast, channel order, scale, colour.

Sets of images differ by chance. What is told is far outside of that: by more than one standard deviation of
single images, and by more than `CERTAIN` standard errors (Welch's t).
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from zoo.array_types import Doubles, Floats
from zoo.config.records.coverage import Look

CERTAIN = 4.0
"""Standard errors beyond which a difference is no chance."""

FEW = 8
"""Of fewer images than that nothing is told."""

OTHER_SCALE = 8.0
"""Values that are so many times those of the other set have another norm; the contrast of photographs
differs by less."""

_GRAY, _MOST_GRAY = 1e-3, 0.5


@dataclass(frozen=True)
class Pictures:
    """What is seen of each image of a set. mean, deviation: float64 (images, channels), of the input that a
    model is given. gray: bool (images,), whether an image's channels are all alike, up to a factor and a
    shift each, which preprocessing gives them."""

    mean: Doubles
    deviation: Doubles
    gray: np.ndarray

    @classmethod
    def of(cls, inputs: Sequence[Floats]) -> "Pictures":
        """Of images (C, H, W), or of other inputs, as one channel. Raises ValueError for none."""
        rows = [each.reshape(len(each), -1) if each.ndim == 3 else each.reshape(1, -1) for each in inputs]
        return cls(
            np.array([each.mean(axis=1, dtype=np.float64) for each in rows]),
            np.array([each.std(axis=1, dtype=np.float64) for each in rows]),
            np.array([_is_gray(each) for each in rows]),
        )

    def look(self) -> Look:
        """The set as a whole."""
        deviation = np.sqrt((self.deviation**2).mean(axis=0) + self.mean.var(axis=0))
        gray = float(self.gray.mean()) if self.mean.shape[1] == 3 else None
        return Look(len(self.mean), tuple(self.mean.mean(axis=0)), tuple(deviation), gray)


def unlike(calibration: Pictures, other: Pictures, name: str) -> list[str]:
    """How images of `name` ("the verification images") look other than those of the calibration, in sentences
    that say what may be the reason; none if there are too few to tell."""
    if min(len(calibration.mean), len(other.mean)) < FEW or calibration.mean.shape[1] != other.mean.shape[1]:
        return []
    scale = _scale(other) / max(_scale(calibration), 1e-12)
    if not 1 / OTHER_SCALE < scale < OTHER_SCALE:
        return [
            f"the values of {name} are {scale:.3g} times those of the calibration images: one of the two has "
            "another mean and norm, such as 0 to 255 for 0 to 1"
        ]
    if _swapped(calibration, other):
        return [
            f"{name} look like the calibration images with their first and third channel swapped: one of the "
            "two is in another channel order, RGB or BGR"
        ]
    found = []
    if calibration.mean.shape[1] == 3 and abs(calibration.gray.mean() - other.gray.mean()) > _MOST_GRAY:
        ours, theirs = (round(100 * each.gray.mean()) for each in (calibration, other))
        found.append(f"{ours} % of the calibration images are gray, and {theirs} % of {name}")
    if _differs(calibration.mean, other.mean):
        brighter = "brighter" if other.mean.mean() > calibration.mean.mean() else "darker"
        ours, theirs = calibration.mean.mean(), other.mean.mean()
        found.append(f"{name} are {brighter} than the calibration images (mean {theirs:.2f}, not {ours:.2f})")
    if _differs(_log(calibration.deviation), _log(other.deviation)):
        ours, theirs = calibration.deviation.mean(), other.deviation.mean()
        more = "more" if theirs > ours else "less"
        found.append(
            f"{name} have {more} contrast than the calibration images (deviation {theirs:.2f}, not "
            f"{ours:.2f})"
        )
    return found


def _scale(pictures: Pictures) -> float:
    return float(np.sqrt((pictures.mean**2 + pictures.deviation**2).mean()))


def _log(deviation: Doubles) -> Doubles:
    logarithms: Doubles = np.log(np.maximum(deviation, 1e-6))
    return logarithms


def _differs(first: Doubles, second: Doubles) -> bool:
    """Whether the means over images, of any channel, differ by more than single images and than chance."""
    difference = np.abs(first.mean(axis=0) - second.mean(axis=0))
    spread = first.var(axis=0, ddof=1), second.var(axis=0, ddof=1)
    among_images = np.sqrt((spread[0] + spread[1]) / 2)
    error = np.sqrt(spread[0] / len(first) + spread[1] / len(second))
    return bool(np.any((difference > among_images + 1e-6) & (difference > CERTAIN * error)))


def _swapped(calibration: Pictures, other: Pictures) -> bool:
    """Whether one set is like the other with its outer channels swapped, and unlike it as it is: what the
    first channel has more than the third, image by image, has the other sign, and the same size."""
    if calibration.mean.shape[1] != 3:
        return False
    ours, theirs = (each.mean[:, [0]] - each.mean[:, [2]] for each in (calibration, other))
    straight, swapped = abs(ours.mean() - theirs.mean()), abs(ours.mean() + theirs.mean())
    spread = ours.var(ddof=1) / len(ours) + theirs.var(ddof=1) / len(theirs)
    certain = straight > CERTAIN * np.sqrt(spread) and swapped < straight / 4
    alike = not _differs(calibration.mean, other.mean[:, ::-1])
    return bool(certain and alike and np.sign(ours.mean()) != np.sign(theirs.mean()))


def _is_gray(rows: Floats) -> bool:
    if len(rows) != 3:
        return False
    centred = rows - rows.mean(axis=1, keepdims=True)
    scales = np.sqrt((centred**2).mean(axis=1, keepdims=True))
    if not scales.all():
        return not scales.any()
    alike = centred / scales
    return bool(np.abs(alike - alike[:1]).mean() < _GRAY)
