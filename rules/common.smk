"""Snakemake's wildcards, handed to the library, which knows what config.yaml means; and what is Snakemake's."""

import gc
import sys
from dataclasses import asdict
from functools import cache, partial
from pathlib import Path

from snakemake.cli import get_argument_parser

# A plan of a thousand jobs is a million objects that live to the end: looking for garbage among them
# every few hundred costs a tenth of the time to plan. It is looked for when jobs start, see cluster.smk.
gc.set_threshold(100_000)
gc.disable()

HOME = Path(workflow.current_basedir).parent  # ncnn-zoo's, wherever one works
SCRIPTS = HOME / "scripts"
sys.path.insert(0, str(SCRIPTS))

from zoo.config import changes, image_choice
from zoo.config.artifacts import ARTIFACTS, DEVICES, FEW_BITS
from zoo.config.asked import Asked, shipped
from zoo.config.outputs import devices, inputs, options, paths, patterns, unknown
from zoo.config.outputs.built import built, on_targets
from zoo.config.reading import config_file, model_files, places, schema_error
from zoo.config.zoo import NO_VULKAN, Zoo
from zoo.jobs.run import own_library

own_library.lead(SCRIPTS)


include: "sentences.smk"


# Before Snakemake's own reader, which takes the last of two equal keys, and reads what has no end.
with in_a_sentence():
    config_file.refuse_lost(sys.argv)
    own = [] if workflow.modifier.skip_configfile else Path().glob("config.yaml")
    config_file.read_all(own)


configfile: "config.yaml"


with in_a_sentence():
    sources = config_file.read_all(workflow.configfiles)
    sources.append(places.TypedConfig(workflow.config_settings.config))
    schema_error.check(config, workflow.source_path("config.schema.yaml"), sources)
    with places.locating(sources):
        declared, declaring = model_files.with_files(config)
    if declaring:  # what these files say, too
        sources.extend(declaring)
        schema_error.check(
            declared, workflow.source_path("config.schema.yaml"), sources
        )
    with places.locating(sources):
        ZOO = Zoo.of(declared, HOME)

# Names of rules where this is a module, whose modifier is gone later; and what is asked for, which the workflow does
# not know yet.
renamed = workflow.modifier.modify_rulename
CHECK = renamed("check_manifest")
typed_targets = lambda: get_argument_parser().parse_known_args()[0].targets
code = partial(changes.code_state, SCRIPTS)
ncnn_code = partial(changes.runtime_code_state, SCRIPTS, runtime="ncnn")
images_for = cache(
    in_a_sentence()(places.locating(sources)(partial(image_choice.images_for, ZOO)))
)


wildcard_constraints:
    **patterns.constraints(ZOO),


def models_that(are):
    return patterns.one_of(name for name, model in ZOO.models.items() if are(model))


def of_model(function):
    """A function of the model at hand, as Snakemake calls functions."""
    return lambda wc: function(ZOO.models[wc.model])


spec = of_model(lambda model: model.spec_values)
uses_gpu = lambda wc: int(wc.device == "gpu")
board_of = lambda wc: devices.uses_board(ZOO, wc.device)
# No functions where they would always say the same: Snakemake calls them for each job of a plan.
uses_board = board_of if devices.boards(ZOO) else 0
agent_of = (lambda wc: devices.agent(ZOO, wc.device)) if ZOO.targets else []
if_searched = lambda of: lambda wc: of(wc) if ARTIFACTS[wc.artifact].searched else []


def library_code(script):
    return of_model(partial(changes.library_code_state, SCRIPTS, script))


def runtime_code(script):
    return lambda wc: changes.runtime_code_state(
        SCRIPTS, script, devices.runner(ZOO, wc.device, wc.artifact)
    )


def images_of(purpose):
    return lambda wc: images_for(wc.model, purpose).values


def dataset_of(purpose):
    return lambda wc: images_for(wc.model, purpose).dataset


def images_state_of(purpose):
    return lambda wc: changes.images_state(images_for(wc.model, purpose))


source_of = of_model(changes.source_state)


def files_of(artifact=None):
    return lambda wc: paths.artifact_files(wc.device, wc.model, artifact or wc.artifact)


def artifact_of(artifact=None):
    return lambda wc: devices.artifact_values(
        ZOO, wc.device, wc.model, artifact or wc.artifact
    )


@cache
def built_devices():
    """The devices that `all` and `embedded` build for."""
    if ZOO.devices:
        return ZOO.devices
    from zoo.runners.vulkan import find_vulkan_device

    if find_vulkan_device():
        return DEVICES
    print(NO_VULKAN, file=sys.stderr)
    return ("cpu",)


def asked():
    return Asked(ZOO, asked_targets(), renamed)


def reported():
    """What the report is about: the models that are asked for, what was built when `report` is, else the embedded
    ones."""
    return asked().report(built_devices())


def shipped_of(model):
    return lambda wc: shipped(ZOO, model, built_devices())


def explain_impossible(wc):
    raise ConfigError(unknown.explain(wc.impossible, ZOO))
