"""A hub on loopback. Each download has its own process: huggingface_hub reads its variables on import."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from samples.hub_server import COMMIT, Repository, serve
from zoo.errors import ZooError
from zoo.models.hub import download_url

SCRIPTS = Path(__file__).parents[3] / "scripts"
NAMES = ("model.safetensors", "pytorch_model.bin")

DOWNLOAD = """
import json, sys
from zoo.errors import ZooError
from zoo.models.hub import download
try:
    file = download(*json.loads(sys.argv[1]))
    print(json.dumps({"path": str(file.path), "name": file.name, "revision": file.revision}))
except ZooError as error:
    print(json.dumps({"error": str(error)}))
"""

FETCH = """
import json, sys
from zoo.errors import ZooError
from zoo.config.model_spec import ModelSpec
from zoo.models.state_dict import save
from zoo.models.weights import fetch
for name, entry, target in json.loads(sys.argv[1]):
    try:
        model, source = fetch(ModelSpec.from_config(name, entry))
        save(model, target)
        print(json.dumps(source))
    except ZooError as error:
        print(json.dumps({"error": str(error)}))
"""


@pytest.fixture
def hub():
    with serve() as running:
        yield running


def run(code, arguments, cache, endpoint, **variables):
    """Run a snippet against the hub at `endpoint`; returns what it printed, parsed, line by line."""
    inherited = {key: value for key, value in os.environ.items() if not key.startswith("HF_")}
    environment = {
        **inherited,
        "PYTHONPATH": str(SCRIPTS),
        "OMP_NUM_THREADS": "1",
        "NO_PROXY": "*",
        "HF_ENDPOINT": endpoint,
        "HF_HOME": str(cache),
        "HF_HUB_CACHE": str(cache / "hub"),
        "HF_HUB_DISABLE_TELEMETRY": "1",
        **variables,
    }
    done = subprocess.run(
        [sys.executable, "-c", code, json.dumps(arguments)], env=environment, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]


def get(hub, tmp_path, repository="timm/model", names=NAMES, revision=None, **variables):
    return run(DOWNLOAD, [repository, names, revision], tmp_path, hub.endpoint, **variables)[0]


@pytest.mark.parametrize("linked", [False, True], ids=["direct", "redirected"])
def test_the_file_is_downloaded_once_and_its_commit_known(hub, tmp_path, linked):
    hub.repositories["timm/model"] = Repository({NAMES[0]: b"weights" * 999}, linked=linked)
    first = get(hub, tmp_path)
    assert Path(first["path"]).read_bytes() == b"weights" * 999
    assert first["name"] == NAMES[0] and first["revision"] == COMMIT
    gets = [path for method, path in hub.requests if method == "GET" and path.endswith(NAMES[0])]
    assert get(hub, tmp_path) == first
    assert [path for method, path in hub.requests if method == "GET" and path.endswith(NAMES[0])] == gets


def test_names_are_tried_in_turn(hub, tmp_path):
    hub.repositories["timm/model"] = Repository({NAMES[1]: b"old"})
    assert get(hub, tmp_path)["name"] == NAMES[1]


def test_a_revision_can_be_asked_for(hub, tmp_path):
    hub.repositories["timm/model"] = Repository({NAMES[0]: b"weights"})
    assert get(hub, tmp_path, revision="v1")["revision"] == COMMIT
    assert get(hub, tmp_path, revision="v9")["error"] == "timm/model has no revision v9"


@pytest.mark.parametrize(
    ("repository", "said"),
    [
        (None, "has no repository timm/model, or it is private: check the name, or set HF_TOKEN"),
        (Repository(status=401), "it answers 401, so HF_TOKEN is missing or may not read it"),
        (Repository(status=403), "it answers 403, so HF_TOKEN is missing or may not read it"),
        (Repository(status=403, error="GatedRepo"), "timm/model is gated: accept its terms on http://127"),
        (Repository(status=503), "it answers 503"),
        (Repository({"README.md": b""}), "has none of the files model.safetensors, pytorch_model.bin"),
    ],
)
def test_each_refusal_has_its_own_sentence(hub, tmp_path, repository, said):
    if repository is not None:
        hub.repositories["timm/model"] = repository
    assert said in get(hub, tmp_path)["error"]


def test_an_unreachable_hub_is_asked_once_and_the_ways_out_are_named(hub, tmp_path):
    # a port that was free a moment ago and that nothing listens on
    with serve() as gone:
        pass
    said = get(gone, tmp_path)["error"]
    assert "Connection refused" in said and "holds none" in said
    for way_out in ("{file: …}", "{url: …}", "{package: …}", "HF_ENDPOINT", "HF_HUB_CACHE"):
        assert way_out in said


def test_a_busy_hub_is_asked_once(hub, tmp_path):
    hub.repositories["timm/model"] = Repository(status=503)
    get(hub, tmp_path)
    assert len([path for _, path in hub.requests if "/resolve/" in path]) == 1


def test_the_cache_serves_when_the_hub_does_not(hub, tmp_path):
    hub.repositories["timm/model"] = Repository({NAMES[0]: b"weights"})
    first = get(hub, tmp_path)
    hub.repositories["timm/model"] = Repository(status=503)
    assert get(hub, tmp_path) == first
    hub.requests.clear()
    assert get(hub, tmp_path, HF_HUB_OFFLINE="1") == first
    assert not hub.requests
    said = get(hub, tmp_path, repository="timm/other", HF_HUB_OFFLINE="1")["error"]
    assert "gives no timm/other (HF_HUB_OFFLINE is set), and the cache" in said


def test_a_download_that_breaks_off_is_resumed(hub, tmp_path):
    content = bytes(range(256)) * 64
    hub.repositories["timm/model"] = Repository({NAMES[0]: content}, drops=1)
    assert Path(get(hub, tmp_path)["path"]).read_bytes() == content


def test_a_short_file_is_refused_and_not_kept(hub, tmp_path):
    hub.repositories["timm/model"] = Repository({NAMES[0]: b"weights" * 99}, linked=True, lost=100)
    assert "timm/model: the download of model.safetensors broke off" in get(hub, tmp_path)["error"]
    hub.repositories["timm/model"].lost = 0
    assert Path(get(hub, tmp_path)["path"]).read_bytes() == b"weights" * 99


def test_timms_tags_are_fetched_with_their_exact_tensors(hub, tmp_path):
    import timm
    import torch
    from safetensors.torch import load_file, save

    torch.manual_seed(3)
    state = timm.create_model("test_resnet").state_dict()
    content = save(state)
    hub.repositories["timm/test_resnet.r160_in1k"] = Repository({"model.safetensors": content}, linked=True)
    hub.repositories["me/mine"] = Repository({"sub/net.safetensors": content})
    hub.repositories["timm/test_vit.r160_in1k"] = Repository({"model.safetensors": content})
    hub.repositories["timm/test_convnext.r160_in1k"] = Repository({"model.safetensors": content[:-9]})
    jobs = [
        ("tag", {"timm": "test_resnet.r160_in1k"}),
        ("default", {"timm": "test_resnet"}),
        ("own", {"timm": "test_resnet", "weights": {"hub": "me/mine@v1", "file": "sub/net.safetensors"}}),
        ("other", {"timm": "test_vit"}),
        ("cut", {"timm": "test_convnext"}),
        ("classes", {"timm": "test_resnet", "args": {"num_classes": 10}}),
        ("gray", {"timm": "test_resnet", "args": {"in_chans": 1}}),
        (
            "url",
            {
                "timm": "test_resnet",
                "weights": {"url": f"{hub.endpoint}/me/mine/resolve/main/sub/net.safetensors"},
            },
        ),
    ]
    targets = {name: tmp_path / f"{name}.safetensors" for name, _ in jobs}
    arguments = [(name, entry, str(targets[name])) for name, entry in jobs]
    answers = dict(zip(targets, run(FETCH, arguments, tmp_path, hub.endpoint), strict=True))

    for name in ("tag", "default", "own", "url"):
        loaded = load_file(targets[name])
        assert loaded.keys() == state.keys() and all(torch.equal(loaded[key], state[key]) for key in state)
    expected = {"kind": "hub", "location": "timm/test_resnet.r160_in1k", "revision": COMMIT}
    assert expected.items() <= answers["tag"].items() and answers["tag"] == answers["default"]
    assert answers["own"]["file"] == "sub/net.safetensors"
    assert answers["url"]["kind"] == "url"
    assert "other: model.safetensors does not fit timm's test_vit" in answers["other"]["error"]
    assert "cut: " in answers["cut"]["error"] and "damaged or cut short" in answers["cut"]["error"]
    assert "it has 1000 classes and the model 10" in answers["classes"]["error"]
    assert answers["gray"]["matched"] == "by timm's converter"
    # timm sums the colour channels of the first convolution
    gray, colour = load_file(targets["gray"])["conv1.0.weight"], state["conv1.0.weight"]
    assert torch.allclose(gray, colour.sum(dim=1, keepdim=True), atol=1e-6)


def test_an_address_is_downloaded(hub, tmp_path):
    hub.repositories["me/mine"] = Repository({"a b.pth": b"weights"})
    path = download_url(f"{hub.endpoint}/me/mine/resolve/main/a%20b.pth?download=true", tmp_path)
    assert path.name == "a b.pth" and path.read_bytes() == b"weights"


def test_an_address_is_asked_again_where_a_connection_broke(hub, tmp_path):
    content = bytes(range(256)) * 64
    hub.repositories["me/mine"] = Repository({"net.pth": content}, drops=1)
    path = download_url(f"{hub.endpoint}/me/mine/resolve/main/net.pth", tmp_path)
    assert path.read_bytes() == content and len(hub.requests) == 2


@pytest.mark.parametrize(
    ("path", "said"),
    [
        ("/me/mine/resolve/main/none.pth", "answers 404 Not Found"),
        ("/you/yours/resolve/main/net.pth", "answers 401 Unauthorized"),
        ("/me/mine/resolve/main/net.pth", r"cannot be downloaded \(peer closed .*\): run again"),
    ],
)
def test_an_address_that_fails_is_named(hub, tmp_path, monkeypatch, path, said):
    monkeypatch.setattr("time.sleep", lambda seconds: None)
    hub.repositories["me/mine"] = Repository({"net.pth": b"weights"}, drops=99)
    with pytest.raises(ZooError, match=said) as error:
        download_url(hub.endpoint + path, tmp_path)
    assert str(error.value).startswith(hub.endpoint + path)


def test_only_http_addresses_of_files_are_fetched(tmp_path):
    (tmp_path / "a.pth").write_bytes(b"x")
    for url in ((tmp_path / "a.pth").as_uri(), "ftp://127.0.0.1/a.pth", "http://127.0.0.1/"):
        with pytest.raises(ZooError, match="is no http or https address of a file"):
            download_url(url, tmp_path)


def test_an_unreachable_address_names_the_way_out(tmp_path):
    with serve() as gone:
        pass
    with pytest.raises(ZooError, match=r"cannot be downloaded \(.*refused.*\): run again, or give a"):
        download_url(f"{gone.endpoint}/a.pth", tmp_path)
