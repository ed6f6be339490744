"""Draw the rules and what they need of each other, for docs/architecture.md: `python scripts/rule_graph.py`.

The graph is Snakemake's, of the targets below, without colours and the arrows that a longer way implies. With
`--write` the picture in the page is replaced.
"""

import re
import subprocess
import sys
from pathlib import Path

import click
import networkx

from zoo.cli.program import Program, run

PROJECT = Path(__file__).resolve().parents[1]
PAGE = PROJECT / "docs" / "architecture.md"
MODEL = "tf_efficientnet_lite0"
TARGETS = [
    "embedded",
    *(f"results/cpu/{MODEL}/{name}" for name in ("int8.deploy.zip", "vendor_bundle.zip")),
    *(f"results/cpu/{MODEL}/{name}.passed" for name in ("bf16", "w8", "w4", "int8_dynamic.onnx")),
    *(f"results/cpu/{MODEL}/search/{name}" for name in ("trials.json", "calibration-1-of-2.npz")),
]
"""Together they need every rule but those for models that are files, and the other words for targets."""


def rule_graph(mermaid: str) -> networkx.DiGraph:
    """The rules that `snakemake --rulegraph mermaid-js` prints, and arrows to those that need them."""
    name = dict(re.findall(r"^\s*(id\d+)\[(\w+)\]", mermaid, re.MULTILINE))
    arrows = re.findall(r"^\s*(id\d+) --> (id\d+)", mermaid, re.MULTILINE)
    graph = networkx.DiGraph()
    graph.add_nodes_from(name.values())
    graph.add_edges_from((name[first], name[second]) for first, second in arrows)
    return graph


def picture(graph: networkx.DiGraph) -> str:
    """The graph for Mermaid, in an order of its own, each rule after those that it needs."""
    few = networkx.transitive_reduction(graph)
    order = list(networkx.lexicographical_topological_sort(few))
    arrows = sorted(few.edges, key=lambda edge: (order.index(edge[0]), order.index(edge[1])))
    return "\n".join(["flowchart TB", *(f"    {first} --> {second}" for first, second in arrows)])


def page_with(drawn: str, page: str) -> str:
    """The page with its picture replaced."""
    return re.sub(r"(?<=```mermaid\n).*?(?=\n```)", lambda _: drawn, page, count=1, flags=re.DOTALL)


def drawn(project: Path) -> str:
    """The picture of a project's rules. Nothing must be built there: what has run has more arrows."""
    command = [sys.executable, "-m", "snakemake", "--cores", "1", "--rulegraph", "mermaid-js", *TARGETS]
    done = subprocess.run(command, cwd=project, capture_output=True, text=True)
    if done.returncode:
        sys.exit(done.stdout + done.stderr)
    return picture(rule_graph(done.stdout))


@click.command(cls=Program, help=__doc__)
@click.option("--write", is_flag=True, help=f"Into {PAGE.relative_to(PROJECT)}.")
def main(write: bool) -> None:
    if write:
        PAGE.write_text(page_with(drawn(PROJECT), PAGE.read_text()))
    else:
        print(drawn(PROJECT))


if __name__ == "__main__":
    run(main)
