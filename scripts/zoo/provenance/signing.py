"""A signature of the manifest, by a command of the user's.

The command is a line for the shell, in which `{manifest}` stands for the file that is signed and
`{signature}` for the file that the signature is in, or goes to: the name of the former with `.sig` behind.
"""

import shlex
import shutil
import subprocess
from pathlib import Path

from zoo.errors import ZooError
from zoo.jobs.files import replacing
from zoo.jobs.lifeline import end_with_parent

SUFFIX = ".sig"
SECONDS = 300
"""How long a command may take: one that waits for a password would wait for ever."""


def sign(command: str | None, manifest: Path, signature: Path) -> None:
    """Have the command sign a copy of the manifest, and put what it wrote in its place.

    Raises ZooError if there is no command, if it fails or takes too long, and if it wrote nothing; there is
    no signature then.
    """
    if not command:
        raise ZooError("no command signs the manifest; say it in config.yaml, signing: {command: …}")
    signature.unlink(missing_ok=True)
    with replacing(signature) as (temporary,):
        copy = temporary.with_name(temporary.name.removesuffix(SUFFIX))
        shutil.copyfile(manifest, copy)
        if failure := _failure(command, copy.resolve(), temporary.resolve()):
            raise ZooError(f"the command of signing {failure}; nothing is signed")
        if not temporary.is_file() or not temporary.stat().st_size:
            raise ZooError(
                f"the command of signing wrote no signature: it goes to {{signature}}, which is "
                f"{{manifest}}{SUFFIX}; nothing is signed"
            )


def wrong_signature(command: str, manifest: Path, signature: Path) -> str | None:
    """A sentence if the command does not confirm the signature, or there is none."""
    if not signature.is_file():
        return f"{signature} is missing: {manifest} is not signed"
    failure = _failure(command, manifest.resolve(), signature.resolve())
    return failure and f"{signature} does not confirm {manifest}: the command of verifying {failure}"


def _failure(command: str, manifest: Path, signature: Path) -> str | None:
    """What went wrong when the shell ran the command, if something did."""
    line = command
    for name, path in {"{manifest}": manifest, "{signature}": signature}.items():
        line = line.replace(name, shlex.quote(str(path)))
    try:
        done = subprocess.run(
            ["/bin/sh", "-c", line],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=SECONDS,
            preexec_fn=end_with_parent,
        )
    except subprocess.TimeoutExpired:
        return f"did not end within {SECONDS} s ({command})"
    if done.returncode == 0:
        return None
    told = [text for text in (done.stderr + done.stdout).splitlines() if text.strip()]
    reason = told[-1].strip() if told else "without a word"
    return f"ended with status {done.returncode}, {reason} ({command})"
