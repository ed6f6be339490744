"""Targets as config.yaml declares them."""

import json
import platform

import pytest

from zoo.config.targets import Target
from zoo.errors import ZooError


def test_a_target_is_a_processor_by_name():
    target = Target.of("a76", {"emulate": "cortex-a76"})
    assert (target.name, target.emulate, target.samples) == ("a76", "cortex-a76", 8)
    assert Target.of("a53", {"emulate": "cortex-a53", "samples": 2}).samples == 2
    assert Target(**json.loads(json.dumps(target.to_dict()))) == target
    assert not target.is_board and target.folder is None


def test_a_target_is_a_board_over_ssh():
    entry = {
        "ssh": "pi@raspberrypi.local",
        "threads": 2,
        "cores": [4, 5],
        "key": "~/.ssh/a key",
        "port": 2222,
    }
    target = Target.of("pi5", entry)
    assert (target.ssh, target.threads, target.cores) == ("pi@raspberrypi.local", 2, (4, 5))
    assert target.is_board and target.is_timed and target.samples is None
    assert (target.architecture, target.folder) == ("aarch64", ".cache/ncnn-zoo")
    assert Target(**json.loads(json.dumps(target.to_dict()))) == target


def test_a_target_is_a_phone_over_adb():
    for serial in ("emulator-5554", "192.168.1.7:5555", "R58M123ABC", "adb-1A-xyz._adb-tls-connect._tcp"):
        target = Target.of("phone", {"adb": serial})
        assert target.adb == serial and target.is_board and target.folder == "/data/local/tmp/ncnn-zoo"


@pytest.mark.parametrize(
    "host", ["pi", "pi@pi", "pi@10.0.0.2", "::1", "fe80::1%eth0", "my_board", "a.b-c.org"]
)
def test_hosts_are_what_ssh_takes(host: str):
    assert Target.of("pi5", {"ssh": host}).ssh == host


def test_only_what_is_emulated_cannot_be_timed(monkeypatch):
    for machine, timed in (("x86_64", False), ("aarch64", True), ("arm64", True)):
        monkeypatch.setattr(platform, "machine", lambda name=machine: name)
        assert Target.of("a76", {"emulate": "cortex-a76"}).is_timed is timed
        assert not Target.of("a7", {"emulate": "cortex-a7", "architecture": "armhf"}).is_timed
        assert Target.of("pi5", {"ssh": "pi"}).is_timed


@pytest.mark.parametrize(
    ("name", "entry", "sentence"),
    [
        ("a76", None, r"say which device it is, for example \{emulate: cortex-a76\}"),
        ("a76", {}, "it is reached by nothing: say which device it is"),
        ("a76", {"emulate": "cortex-a76 -drive"}, "emulate takes the name of a processor"),
        ("a76", {"emulate": "cortex-a76", "vulkan": True}, "Vulkan on a target is not supported"),
        ("a76", {"emulate": "cortex-a76", "ssh": "pi@pi"}, "it is reached by emulate and ssh: say which"),
        (
            "a76",
            {"emulate": "cortex-a76", "colour": "red"},
            "unknown colour; it takes emulate, ssh, adb, samples",
        ),
        ("a76", {"emulate": "cortex-a76", "threads": 4}, "threads is nothing that a target by emulate has"),
        ("phone", {"adb": "x", "key": "k"}, "key is nothing that a target by adb has"),
        ("pi5", {"ssh": "-oProxyCommand=touch x"}, "ssh takes a host"),
        ("pi5", {"ssh": "pi@-oProxyCommand=x"}, "ssh takes a host"),
        ("pi5", {"ssh": "pi host"}, "ssh takes a host"),
        ("pi5", {"ssh": "pi@host\n"}, "ssh takes a host"),
        ("pi5", {"ssh": "pi@host;reboot"}, "ssh takes a host"),
        ("phone", {"adb": "-s x"}, "adb takes a serial number"),
        ("phone", {"adb": "x y"}, "adb takes a serial number"),
        ("pi5", {"ssh": "pi", "folder": "~/x"}, "folder is a folder there"),
        ("pi5", {"ssh": "pi", "folder": "-x"}, "folder is a folder there"),
        ("pi5", {"ssh": "pi", "folder": "a\nb"}, "folder is a folder there"),
        ("pi5", {"ssh": "pi", "key": "-x"}, "key is a file on this machine"),
        ("pi5", {"ssh": "pi", "known_hosts": 'a"b'}, "known_hosts is a file on this machine"),
        ("pi5", {"ssh": "pi", "threads": 0}, "threads is a number of threads"),
        ("pi5", {"ssh": "pi", "threads": True}, "threads is a number of threads"),
        ("pi5", {"ssh": "pi", "cores": []}, "cores is a list of cores"),
        ("pi5", {"ssh": "pi", "cores": "0-3"}, "cores is a list of cores"),
        ("pi5", {"ssh": "pi", "cores": [-1]}, "cores is a list of cores"),
        ("pi5", {"ssh": "pi", "cores": [0, 0]}, "cores is a list of cores by number, each once"),
        ("pi5", {"ssh": "pi", "cores": [0], "threads": 4}, "threads: 4 are more than its cores, 1"),
        ("pi5", {"ssh": "pi", "port": 70000}, "port is a port"),
        ("pi5", {"ssh": "pi", "architecture": "armv7l"}, "architecture is one of aarch64, x86_64"),
        ("pc", {"emulate": "max", "architecture": "x86_64"}, "is emulated is one of aarch64, armhf, riscv64"),
        ("pi5", {"ssh": "pi", "features": ["i8mm "]}, "features is a list"),
        ("gpu", {"emulate": "cortex-a76"}, "gpu cannot be the name of a target"),
        ("weights", {"emulate": "cortex-a76"}, "weights cannot be the name of a target"),
        ("a/b", {"emulate": "cortex-a76"}, "a/b cannot be the name of a target"),
    ],
)
def test_what_cannot_be_a_target_is_refused_in_a_sentence(name: str, entry, sentence: str):
    with pytest.raises(ZooError, match=f"targets: {name}.*{sentence}|targets: {sentence}"):
        Target.of(name, entry)
