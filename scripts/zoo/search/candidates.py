"""The candidates of a search: recipes for one model, from all that can be int8 to the best half of it.

How each layer becomes int8 is settled by its local error (see `zoo.search.planning`); what is left to try on
the whole model is which layers are worth it, and whether the refinements pay.
"""

import re
from collections.abc import Collection, Iterable, Sequence
from dataclasses import replace
from pathlib import Path

from zoo.calibration.observers import OBSERVERS
from zoo.errors import ZooError
from zoo.ncnn.graph import Graph
from zoo.ncnn.layouts import LAYOUTS
from zoo.ncnn.weights import layers_with_weights
from zoo.quantize.apply import check_device, check_recipe
from zoo.quantize.recipe import LayerPlan, Recipe
from zoo.quantize.table_lint import import_table
from zoo.search.columns import columns_candidates
from zoo.search.floats import by_worth, fitting, prefixes, time_saved
from zoo.search.planning import plain_recipe, shifted_recipe
from zoo.search.rows import rows_candidates
from zoo.search.sensitivity import LayerSensitivity
from zoo.search.subject import Subject
from zoo.search.trials import FLOATS

AUTO = "auto"
"""The choice of those that leave it to the search."""


def candidates(
    subject: Subject,
    local: Recipe,
    layers: Sequence[LayerSensitivity],
    choice: str = AUTO,
    excluded: Collection[str] = (),
) -> dict[str, Recipe]:
    """The recipes that are tried, by name, and the one in which nothing is int8.

    local, layers: see `searched`. choice: `auto`, the name of a recipe, or the path of a file with one, which
    is then the only one. excluded: names and types of layers that stay float, see `matching`.
    Raises ZooError for a choice that there is not, or that this model or its device cannot have.
    """
    graph = subject.fp32.graph
    names = matching(graph, excluded)
    if choice == AUTO:
        shifted = shifted_recipe(graph, subject.statistics, local)
        recipes = searched(graph, local, layers, names, shifted)
        if subject.device == "cpu":
            recipes |= rows_candidates(graph, subject.statistics, local, layers, names)
            recipes |= columns_candidates(graph, subject.statistics, local, layers, names)
    else:
        is_file = choice.endswith((".json", ".table"))
        recipe = from_file(graph, Path(choice)) if is_file else recipe_called(graph, choice, local)
        recipe = recipe.floating(names)
        check_recipe(recipe, graph)
        check_device(recipe, subject.device)
        recipes = {recipe.name: recipe}
    return recipes | {FLOATS: all_fp16(graph)}


def searched(
    graph: Graph,
    local: Recipe,
    layers: Sequence[LayerSensitivity],
    excluded: Collection[str] = (),
    shifted: Recipe | None = None,
) -> dict[str, Recipe]:
    """The recipes that `auto` tries, by name.

    local: each layer as well quantized as can be. layers: what each costs and brings, measured.
    excluded: layers that must stay float. shifted: `local` with shifts that are not free, if it has any.
    `plain` and `mse` are what other tools do, for comparison. `local` has every layer in int8; `nearest` is
    the same without GPTQ, `tanh` with GELUs in their tanh form, as all that follow have them. `fast` leaves
    those layers float that int8 does not make faster. `local-N` has N layers float, those whose noise is
    largest for the time and the bytes that their being int8 saves; `balanced` as many of them as fit.
    `fast` and `balanced` stay nearly as small and fast, and mostly int8. `shifted` is `balanced` with those
    shifts. Recipes that are the same appear once.
    Raises ZooError if nothing is left that could be int8.
    """
    local = local.floating(excluded)
    order = by_worth(local, layers)
    saved = {layer.name: time_saved(layer, layers) for layer in layers}
    quick = replace(local, gelu="tanh") if graph.of_type("GELU") else local
    few = fitting(local, layers, order)
    recipes = {
        "plain": plain_recipe(graph).floating(excluded),
        "mse": observed(graph, "mse").floating(excluded),
        "nearest": local.changed(rounding="nearest"),
        "local": local,
        "tanh": quick,
        "fast": quick.floating(fitting(local, layers, [name for name in order if saved[name] <= 0])),
        "balanced": quick.floating(few),
    }
    if shifted is not None:
        recipes["shifted"] = replace(shifted, gelu=quick.gelu).floating({*excluded, *few})
    for names in prefixes(local, layers, order):
        recipes[f"local-{len(names)}"] = quick.floating(names)
    unique: dict[str, Recipe] = {}
    for name, recipe in recipes.items():
        if recipe.with_precision("int8") and all(
            replace(recipe, name=each.name) != each for each in unique.values()
        ):
            unique[name] = replace(recipe, name=name)
    if not unique:
        raise ZooError("no layer is left that could be int8; exclude fewer (config.yaml: int8: exclude)")
    return unique


def all_fp16(graph: Graph) -> Recipe:
    """The recipe in which nothing is int8."""
    return Recipe(FLOATS, {layer.name: LayerPlan("fp16") for layer in layers_with_weights(graph)})


def recipe_called(graph: Graph, name: str, local: Recipe) -> Recipe:
    """The recipe of that name: `local`, `plain` or an observer. Raises ZooError for another name."""
    if name == "local":
        return local
    if name == "plain":
        return plain_recipe(graph)
    if name in OBSERVERS:
        return observed(graph, name)
    raise ZooError(
        f"unknown recipe {name!r}; known are auto, local, plain, {', '.join(OBSERVERS)}, and a recipe "
        "(.json) or a calibration table (.table) by its path"
    )


def observed(graph: Graph, observer: str) -> Recipe:
    """Plain int8 with thresholds by an observer of `zoo.calibration.observers`."""
    return replace(plain_recipe(graph).changed(observer=observer), name=observer)


def from_file(graph: Graph, path: Path) -> Recipe:
    """A recipe from a file that a user names: one of ours, or a table that another tool made.

    Raises ZooError, naming the file, if it is neither or of another model.
    """
    if path.suffix == ".json":
        recipe = Recipe.read(path)
    else:
        table = import_table(path, graph)
        int8 = {name: LayerPlan("int8") for name in table.weights}
        recipe = Recipe(
            path.stem,
            {each.name: int8.get(each.name, LayerPlan("fp16")) for each in layers_with_weights(graph)},
            table,
        )
    name = re.sub(r"[^A-Za-z0-9_-]+", "-", recipe.name)  # a candidate's files are called so
    return replace(recipe, name=f"{name}-pinned" if name == FLOATS else name)


def matching(graph: Graph, excluded: Iterable[str]) -> set[str]:
    """The layers that names and types stand for; a type that this model lacks stands for none.

    Raises ZooError for what is neither a layer of this model nor a type of layers with weights.
    """
    layers = layers_with_weights(graph)
    names = set()
    for each in excluded:
        meant = {layer.name for layer in layers if each in (layer.name, layer.type)}
        if not meant and each not in LAYOUTS:
            known = ", ".join(layer.name for layer in layers)
            raise ZooError(
                f"int8: exclude: {each!r} is no layer with weights, nor a type of one; layers are: {known}"
            )
        names |= meant
    return names
