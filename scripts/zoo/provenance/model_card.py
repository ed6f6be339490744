"""README.md of a model's folder: a model card with the metadata that Hugging Face's hub reads, so that the
folder can be pushed as it is.

The metadata: https://huggingface.co/docs/hub/model-cards; the names of licences there are in licences.txt.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from zoo.config.artifacts import ARTIFACTS
from zoo.config.records.benchmark import Benchmark
from zoo.config.records.card import ModelCard
from zoo.config.records.evaluation import Evaluation
from zoo.config.records.fp16_recipe import Fp16Recipe
from zoo.config.records.verification import Verification
from zoo.jobs.files import replacing

CLASSIFIES = "image-classification"


@dataclass(frozen=True)
class ArtifactFacts:
    """What is known of an artifact. name: its own; each of the records may be missing."""

    name: str
    verification: Verification | None = None
    evaluation: Evaluation | None = None
    benchmark: Benchmark | None = None


def read_facts(proofs: Sequence[str | Path]) -> list[ArtifactFacts]:
    """What proofs, by the names of their files, tell of the artifacts of a folder. Raises ZooError for one
    that is broken."""
    paths = {Path(proof).name: Path(proof) for proof in proofs}
    kinds: dict[str, Any] = {"verify": Verification, "eval": Evaluation, "bench": Benchmark}
    facts = []
    for name in ARTIFACTS:
        files = (paths.get(f"{name}.{kind}.json") for kind in kinds)
        records = [
            record.read(file) if file else None for record, file in zip(kinds.values(), files, strict=True)
        ]
        if any(records):
            facts.append(ArtifactFacts(name, *records))
    return facts


def write_model_card(
    card: ModelCard,
    device: str,
    facts: Sequence[ArtifactFacts],
    target: Path,
    masks: Fp16Recipe | None = None,
) -> None:
    """Write the README.md of a model's folder for a device. masks: of its files there, if they have any."""
    from huggingface_hub import ModelCard as HubCard

    text = HubCard(f"---\n{metadata(card, facts).to_yaml()}\n---\n\n{_body(card, device, facts, masks)}")
    with replacing(target) as (temporary,):
        temporary.write_text(str(text), encoding="utf-8")


def metadata(card: ModelCard, facts: Sequence[ArtifactFacts]) -> Any:
    """The head of the file, a `huggingface_hub.ModelCardData`: only what is known. A licence that the hub has
    no name for is `other` under its own name; one that nobody tells, `unknown`."""
    from huggingface_hub import ModelCardData

    formats = {ARTIFACTS[each.name].format.lower() for each in facts}
    known: dict[str, Any] = {
        **licence(card.licence),
        "library_name": "ncnn",
        "pipeline_tag": CLASSIFIES if card.classifies else None,
        "tags": ["ncnn-zoo", *sorted(formats | {card.library})],
        "model_name": card.name,
        "eval_results": list(results(card, facts)) or None,
    }
    if base := base_model(card):
        known["base_model"] = base
        known["base_model_relation"] = "finetune" if card.source.get("start") else "quantized"
    return ModelCardData(**known)


def licence(said: str) -> dict[str, str]:
    """A model's licence in the hub's words."""
    if said.lower() in Path(__file__).with_name("licences.txt").read_text().split():
        return {"license": said.lower()}
    return {"license": "other", "license_name": said}


def base_model(card: ModelCard) -> str | None:
    """The hub's repository that the weights are of, or were fine-tuned from; None if they are of none."""
    source: Mapping[str, Any] = card.source.get("start") or card.source
    return str(source["location"]) if source.get("kind") == "hub" else None


def results(card: ModelCard, facts: Sequence[ArtifactFacts]) -> Iterator[Any]:
    """A `huggingface_hub.EvalResult` for each figure that was measured."""
    from huggingface_hub import EvalResult

    task = CLASSIFIES if card.classifies else "other"
    for each in facts:
        evaluated, verified = each.evaluation, each.verification and each.verification.numbers
        if evaluated:
            for kind, name, value in (
                ("accuracy", "top-1 accuracy", evaluated.top1),
                ("accuracy", "top-5 accuracy", evaluated.top5),
                ("agreement", "top-1 agreement with the original", evaluated.agreement),
            ):
                if value is not None:
                    yield EvalResult(
                        task, evaluated.image_set, evaluated.image_set, kind, round(value, 4),
                        metric_name=f"{name}, {each.name}",
                    )  # fmt: skip
        if verified:
            yield EvalResult(
                task, verified.image_set, verified.image_set, "sqnr", round(verified.sqnr_db, 1),
                metric_name=f"SQNR to the original in dB, {each.name}",
            )  # fmt: skip


def _body(card: ModelCard, device: str, facts: Sequence[ArtifactFacts], masks: Fp16Recipe | None) -> str:
    import jinja2

    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(Path(__file__).parent),
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    facts_of_source = {key: value for key, value in card.source.items() if isinstance(value, str | int)}
    source = ", ".join(f"{key} {value}" for key, value in facts_of_source.items())
    told = {"card": card, "device": device, "facts": facts, "source": source, "kinds": ARTIFACTS}
    return environment.get_template("model_card.md.j2").render(told | {"masks": masks})
