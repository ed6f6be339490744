"""Whether a node has the versions that the build was planned with: they decide what bytes come out."""

import json
import os
import socket

from zoo.errors import ZooError
from zoo.jobs.surroundings import tools

_TOOLS = "NCNN_ZOO_TOOLS"


def hand_over() -> None:
    """Tell the jobs of this process, wherever they run, which versions there are here."""
    os.environ[_TOOLS] = json.dumps(tools())


def refuse_other() -> None:
    """Raises ZooError if versions here are not those of the build, with each that differs; before a job
    starts. A process that no build sent is content with any."""
    planned = json.loads(os.environ.get(_TOOLS, "null"))
    here = tools()
    if planned is None or planned == here:
        return
    names = [name for name in dict.fromkeys((*planned, *here)) if planned.get(name) != here.get(name)]
    differing = "; ".join(
        f"{name} {here.get(name, 'is missing')} here, {planned.get(name, 'none')} where the build was planned"
        for name in names
    )
    raise ZooError(
        f"node {socket.gethostname()} has another environment: {differing}; install requirements.txt there, "
        "or keep this node out"
    )
