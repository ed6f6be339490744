"""The picture in docs/architecture.md is that of the rules, and every rule is in it or named beside it."""

import re

import rule_graph
from samples.workflow import PROJECT, copy_project

PAGE = (PROJECT / "docs/architecture.md").read_text(encoding="utf-8")


def test_the_picture_is_that_of_the_rules(tmp_path):
    zoo = copy_project(tmp_path / "zoo")
    drawn = rule_graph.drawn(zoo.folder)
    assert rule_graph.page_with(drawn, "```mermaid\nan old one\n```\n") == f"```mermaid\n{drawn}\n```\n"
    assert re.search(r"```mermaid\n(.*?)\n```", PAGE, re.DOTALL)[1] == drawn, (
        "rules have changed: python scripts/rule_graph.py --write"
    )
    rules = set(re.findall(r"^(\w+)(?: \(|$)", zoo.snakemake("--list-rules").text, re.MULTILINE))
    told = set(re.findall(r"`(\w+)`", PAGE[PAGE.index("Not in the picture:") :].partition("\n")[0]))
    pictured = set(re.findall(r"\w+", drawn)) - {"flowchart", "TB"}
    assert "weights" in rules and pictured <= rules and rules <= pictured | told


def test_a_graph_is_drawn_without_the_arrows_that_a_longer_way_implies():
    mermaid = "flowchart TB\n\tid0[c]\n\tid1[a]\n\tid2[b]\n\tid1 --> id2\n\tid2 --> id0\n\tid1 --> id0\n"
    graph = rule_graph.rule_graph(mermaid)
    assert set(graph.edges) == {("a", "b"), ("b", "c"), ("a", "c")}
    assert rule_graph.picture(graph) == "flowchart TB\n    a --> b\n    b --> c"
