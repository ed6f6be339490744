"""ncnn-zoo's library: convert, quantize, verify and measure vision models.

Its packages, each of which imports only from those above it (tests/unit/test_imports.py has the table):

errors, array_types   the exceptions, and the types of arrays
jobs                  what every job shares: files written whole, records, a log, child processes, progress
cache, storage        what working copies share: files made once, and results in storage that speaks S3
images                from a folder of images to what a model is fed
ncnn                  ncnn's files in memory: read, checked, edited, written; fp16 and bf16 storage
config                what config.yaml says and what follows from it: settings, outputs, records
targets               where an artifact is to run that is not this machine: the agent there, and its carriers
runners, predict      an artifact, loaded and run
models                from a model's entry to a torch module with its weights, and its card
training              training and fine-tuning on class folders
measure               what is measured of an artifact: right, close, fast
export                a model's fp32 files: TorchScript, ONNX, ncnn by pnnx, after the exact rewrites
onnx                  ONNX files: in normal form, in float16 and int8
calibration           what one pass over the calibration images tells about each layer's input
precision             which layers may compute in float16 on a device
quantize              what a layer of an ncnn model can become; a recipe, and its application
search                which recipe a model gets: plans, what each layer costs, candidates, the choice
locks                 what a search chose, kept in a file, and the int8 files made of it again
sweep                 what every architecture of the libraries becomes, one row a family
deploy                an artifact for use elsewhere: bundles, programs, a vendor's toolchain
serving               a predictor behind HTTP
history               what builds measured over time, and what got worse
report                all records as one page, one table and remarks in words
site                  the zoo as static pages: models, a comparison of artifacts, architectures
provenance            where every file comes from: manifest, check, signature, software, model cards
cli                   the command `zoo`, a thin layer over the workflow and all of these
terminal              what a person sees while a zoo is built, and when it ends

It knows no Snakemake: `scripts/*.py` hand it paths. Of the tree of artifacts only `config.outputs` and
`config.artifacts` know.
"""

import os

from zoo.jobs.lifeline import end_with_build

# Before anything imports onnxruntime, which otherwise tells its maker of each model, and keeps a database in
# the user's cache folder to do so.
os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")

end_with_build()  # here, for torch's import takes seconds, and a job whose build was killed is not to go on
