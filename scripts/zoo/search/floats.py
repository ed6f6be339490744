"""Which layers of a recipe are worth to stay float: much noise for the time and the bytes that int8 saves."""

from collections.abc import Collection, Iterable, Iterator, Sequence

from zoo.quantize.recipe import LayerPlan, Recipe
from zoo.search.choice import mostly
from zoo.search.sensitivity import LayerSensitivity

SLACK_SIZE, SLACK_TIME = 1.04, 1.02
"""How much larger and slower, by prediction, than all in int8 a recipe with some layers float may be."""

_STEP = 10**-0.2  # each further candidate has 2 dB less noise than the one before, by prediction
_LEAST_INT8 = 0.5  # share of the weights that is int8 in any candidate


def by_worth(recipe: Recipe, layers: Sequence[LayerSensitivity]) -> list[str]:
    """The int8 layers, first those with the most noise for what being int8 saves."""
    worth = {
        layer.name: noise_of(layer) / max(max(time_saved(layer, layers), 0) + layer.weight_share, 1e-6)
        for layer in layers
        if layer.name in recipe.with_precision("int8")
    }
    return sorted(worth, key=lambda name: -worth[name])


def noise_of(layer: LayerSensitivity) -> float:
    """Of the outputs when only this layer is int8, as a share of the signal; noises of layers add up."""
    return 0.0 if layer.sqnr_db is None else 10 ** (-layer.sqnr_db / 10)


def time_saved(layer: LayerSensitivity, layers: Iterable[LayerSensitivity]) -> float:
    """The time that being int8 saves, as a share of that of the layers with weights; it may be negative."""
    if layer.int8_ms is None:
        return 0.0
    return (layer.time_ms - layer.int8_ms) / max(sum(each.time_ms for each in layers), 1e-6)


def fitting(
    recipe: Recipe,
    layers: Sequence[LayerSensitivity],
    order: Iterable[str],
    beside: Recipe | None = None,
) -> list[str]:
    """Layers, in this order, that can be float within the slack of size and time, and that leave the recipe
    mostly int8. beside: the recipe that it is not to be much larger than, itself by default."""
    int8 = set(recipe.with_precision("int8"))
    sizes = {layer.name: layer.weight_share for layer in layers}
    times = {layer.name: time_saved(layer, layers) for layer in layers}
    size, least = (
        sum(share * bytes_of_weight(each.layers[name]) for name, share in sizes.items())
        for each in (recipe, beside or recipe)
    )
    time = 1 - sum(times[name] for name in int8)
    products = {layer.name: layer.multiply_adds for layer in layers}
    room = [least * SLACK_SIZE - size, time * (SLACK_TIME - 1), products_to_spare(recipe, layers)]
    chosen = []
    for name in order:
        left = [
            each - cost for each, cost in zip(room, (sizes[name], times[name], products[name]), strict=True)
        ]
        if min(left) >= 0:
            chosen.append(name)
            room = left
    return chosen


def is_mostly_int8(recipe: Recipe, layers: Iterable[LayerSensitivity], floats: Collection[str]) -> bool:
    """Whether the recipe is mostly int8 still once these layers are float."""
    layers = list(layers)
    left = sum(layer.multiply_adds for layer in layers if layer.name in floats)
    return left <= products_to_spare(recipe, layers)


def products_to_spare(recipe: Recipe, layers: Sequence[LayerSensitivity]) -> float:
    """How many multiply-adds of int8 layers can be those of float ones, and the recipe is mostly int8."""
    total = sum(layer.multiply_adds for layer in layers)
    int8 = set(recipe.with_precision("int8"))
    share = sum(layer.multiply_adds for layer in layers if layer.name in int8) / max(total, 1)
    return (share - mostly(share)) * total


def bytes_of_weight(plan: LayerPlan) -> float:
    """Of a weight; those in blocks have a float32 scale for each."""
    if plan.precision != "int8":
        return 2.0
    return 1 + 4 / plan.block if plan.block else 1.0


def prefixes(
    recipe: Recipe, layers: Iterable[LayerSensitivity], order: Sequence[str]
) -> Iterator[Sequence[str]]:
    """Ever longer parts of `order`, each with less of the noise left, until half of the weights are float."""
    noise = {layer.name: noise_of(layer) for layer in layers}
    sizes = {layer.name: layer.weight_share for layer in layers if layer.name in order}
    limit = sum(noise[name] for name in order)
    left, int8 = limit, sum(sizes.values())
    least = int8 * _LEAST_INT8
    for count, name in enumerate(order, start=1):
        left, int8 = left - noise[name], int8 - sizes[name]
        if int8 < least or count == len(order):
            return
        if left <= limit * _STEP:
            limit = left
            yield order[:count]
