"""torchvision's architectures and records."""

from samples.sources import SMALL, build, passed
from zoo.config.model_spec import ModelSpec


def test_torchvision(tmp_path):
    built = build({"torchvision": "resnet18", "weights": {"random": 0}, "preprocess": SMALL}, tmp_path)
    passed(built)
    assert set(built.reports) == {"torchscript", "fp32.onnx", "fp32"}
    assert built.card.task == "classification" and built.card.num_classes == 1000
    assert built.card.parameters == 11_689_512  # torchvision's own figure


def test_torchvisions_record_is_that_of_its_weights():
    from torchvision.models import get_model_weights

    from zoo.models.libraries.torchvision_models import preprocess

    for name in ("resnet18", "convnext_tiny", "efficientnet_b0", "swin_t", "regnet_y_400mf.IMAGENET1K_V2"):
        record = preprocess(ModelSpec.from_config("m", {"torchvision": name}))
        architecture, _, tag = name.partition(".")
        weights = get_model_weights(architecture)
        transform = (weights[tag] if tag else weights.DEFAULT).transforms()
        assert list(record.scaled_size) == transform.resize_size * 2
        assert list(record.size) == transform.crop_size * 2
        assert list(record.mean) == transform.mean and list(record.std) == transform.std
        assert record.interpolation == transform.interpolation.value
