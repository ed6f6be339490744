"""The documentation as a site: built without a warning, its reference that of the code, all of it offline."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from playwright.sync_api import sync_playwright

PROJECT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("site")
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "--quiet", "--site-dir", str(folder)]
    quiet = os.environ | {"NO_MKDOCS_2_WARNING": "1"}  # of Material's own future
    done = subprocess.run(command, cwd=PROJECT, env=quiet, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stderr.strip() == ""
    return folder


def test_every_page_is_in_it(site: Path):
    pages = {path.relative_to(PROJECT / "docs") for path in (PROJECT / "docs").rglob("*.md")}
    assert pages and all((site / page.with_suffix(".html")).exists() for page in pages)
    assert "Demo" in (site / "index.html").read_text() and (site / "search/search_index.js").exists()
    assert not list(site.rglob("*.py"))


def test_every_key_and_rule_is_in_the_reference(site: Path):
    config = (site / "reference/config.html").read_text()
    schema = yaml.safe_load((PROJECT / "rules/config.schema.yaml").read_text())
    for part in (schema, *schema["$defs"].values()):
        for key in part.get("properties", {}):
            assert f"<code>{key}</code>" in config, key
    rules = (site / "reference/rules.html").read_text()
    for path in (PROJECT / "Snakefile", *(PROJECT / "rules").glob("*.smk")):
        for rule in re.findall(r"^(?:rule|checkpoint|use rule \w+ as) (\w+)", path.read_text(), re.MULTILINE):
            assert f"<code>{rule}</code>" in rules, rule


def test_nothing_is_loaded_from_another_host(site: Path):
    for page in site.rglob("*.html"):
        loaded = re.findall(r'<(?:script|img|link)[^>]*?(?:src|href)="?(https?:[^"> ]+)', page.read_text())
        assert not [each for each in loaded if "canonical" not in each], page


def test_a_reader_finds_a_word_without_a_network(site: Path, chromium: str):
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        page = browser.new_page(offline=True)
        faults: list[str] = []
        page.on("pageerror", lambda error: faults.append(str(error)))
        page.goto((site / "reference/config.html").as_uri())
        page.locator('[data-md-component="search-query"]').fill("smoothing")
        found = page.locator(".md-search-result__link").first
        found.wait_for(state="attached", timeout=20_000)
        assert found.get_attribute("href") and not faults
        browser.close()
