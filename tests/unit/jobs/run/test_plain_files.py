"""A file without marks is its path, and answers all that Snakemake asks as it did."""

import subprocess
import sys

import pytest

START = """
import snakemake.cli
from snakemake.io import AnnotatedString, IOFile, flag, get_flag_value, is_flagged, temp
from snakemake.jobs import fmt_iofile as unmended
from zoo.jobs.run import plain_files
plain_files.lighten()
from snakemake.jobs import fmt_iofile

def filled(file, **wildcards):
    return IOFile(file).apply_wildcards(wildcards)
"""


def run(code: str) -> None:
    """Run statements where Snakemake's files are lightened, which lasts as long as the process."""
    done = subprocess.run([sys.executable, "-c", START + code], capture_output=True, text=True)
    assert not done.returncode, done.stderr


def test_a_file_without_marks_keeps_none():
    run("""
file = filled("a/{b}.c", b="d")
assert file == "a/d.c" == str(file) and hash(file) == hash("a/d.c") and {file: 1}["a/d.c"] == 1
assert type(file._file) is str and file._file is filled("a/{b}.{e}", b="d", e="c")._file
assert not is_flagged(file, "temp") and not file.is_storage and get_flag_value(file, "temp") is None
assert file.flags == {} and type(file._file) is str
""")


def test_a_file_with_marks_hands_them_on():
    run("""
file = filled(temp("a/{b}"), b="c")
assert is_flagged(file, "temp") and file.flags == {"temp": True} and file == "a/c"
assert filled(temp("a"), b="c").flags == {"temp": True}
other = IOFile("x")
other.clone_flags(file)
assert is_flagged(other, "temp") and other.flags is not file.flags
""")


@pytest.mark.parametrize(
    "write",
    [
        'file.flags["ancient"] = True',
        'file.flags.update({"ancient": True})',
        'file.flags.setdefault("ancient", True)',
        'flag(file, "ancient")',
        'file.set_flags({"ancient": True})',
        'marks = file.flags; marks |= {"ancient": True}',
    ],
)
def test_marks_that_are_written_into_a_file_stay(write):
    run(f"""
file = filled("a/{{b}}", b="c")
{write}
assert file.flags == {{"ancient": True}} and is_flagged(file, "ancient") and file == "a/c"
file.flags["temp"] = 1
assert file.flags == {{"ancient": True, "temp": 1}}
assert filled("a/{{b}}", b="c").flags == {{}}
""")


def test_marks_of_a_pattern_are_not_kept_and_those_of_a_file_are_its_own():
    run("""
import copy, pickle
pattern = IOFile("a/b")
file, other = (pattern.apply_wildcards({"c": "d"}) for _ in range(2))
flag(pattern, "ancient")
flag(file, "temp")
assert [each.flags for each in (pattern, file, other)] == [{}, {"temp": True}, {}]
assert file == other == pattern == "a/b" and file.rule is None and file.wildcard_constraints() == {}
assert file.match("a/b") and not file.match("a/c") and not file.is_callable()
assert copy.deepcopy(other.flags) == pickle.loads(pickle.dumps(other.flags)) == {}
""")


def test_a_file_that_is_a_function_is_asked():
    run("""
function = IOFile(lambda wildcards: wildcards.c)
assert function.apply_wildcards({"c": "d"}) == "d"
""")


@pytest.mark.parametrize("path", ["a/b/c", "a", "/a/b", "/a", "../a", "./a", "a//b", "a/../b", ".a/b"])
def test_its_folder_is_that_of_its_path(path):
    run(f"""
import os
parent = os.path.dirname({path!r})
assert IOFile({path!r}).get_inventory_parent() == (parent if parent and parent != ".." else None)
""")


def test_it_is_told_by_its_path_and_one_with_marks_as_snakemake_does():
    run("""
assert fmt_iofile is not unmended
for each in ("a", IOFile("a"), filled("{b}", b="a")):
    assert fmt_iofile(each) == fmt_iofile(each, as_input=True) == "a"
marked = filled(flag("{b}", "pipe"), b="a")
assert fmt_iofile(marked, as_output=True) == unmended(marked, as_output=True) == "a (pipe)"
""")
