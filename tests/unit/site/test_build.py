"""The site in a real browser, opened from its files with the network off."""

import csv
import hashlib
from dataclasses import replace
from html.parser import HTMLParser
from urllib.parse import unquote, urlsplit

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import expect, sync_playwright

from samples.history import course
from samples.report import complete, verification, zoo
from zoo.errors import ZooError
from zoo.report.records import ModelRecords
from zoo.report.row import rows
from zoo.site.build import build_site

pytestmark = pytest.mark.long(90)

DESKTOP, PHONE = {"width": 1280, "height": 900}, {"width": 390, "height": 844}
PAGES = ("index.html", "models/convnext_digits.html", "compare.html", "architectures.html")


def digest(data):
    return hashlib.sha256(data).hexdigest()


def on_disk(model, results):
    """The model with its ncnn files on the cpu, written to `results`."""
    proofs = []
    for proof in model.verify:
        files = []
        for file in proof.structure.files:
            data = f"{proof.device} {file.name}".encode()
            place = results / proof.device / proof.model / file.name
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_bytes(data)
            files.append(replace(file, bytes=len(data), sha256=digest(data)))
        proofs.append(replace(proof, structure=replace(proof.structure, files=tuple(files))))
    return replace(model, verify=proofs)


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    """The site of the made-up zoo, one of whose models has its files at hand and a history."""
    folder = tmp_path_factory.mktemp("site")
    digits, *others = zoo()
    digits = replace(on_disk(digits, folder / "results"), history=course("convnext_digits"))
    models = [digits, *others]
    build_site(models, rows(models), folder / "site", folder / "results")
    return folder / "site"


@pytest.fixture(scope="module")
def browser(chromium: str):
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox", "--headless"])
        yield browser
        browser.close()


@pytest.fixture
def visit(browser, site):
    """Open a page; afterwards, no request to any host and no error may have happened."""
    contexts, problems = [], []

    def open_page(name="index.html", viewport=DESKTOP, **options):
        context = browser.new_context(viewport=viewport, offline=True, **options)
        contexts.append(context)
        page = context.new_page()
        page.on(
            "console", lambda message: message.type in ("error", "warning") and problems.append(message.text)
        )
        page.on("pageerror", lambda error: problems.append(str(error)))
        page.on("requestfailed", lambda request: problems.append(request.url))
        page.on("request", lambda request: request.url.startswith("http") and problems.append(request.url))
        path, _, query = name.partition("?")
        page.goto((site / path).as_uri() + (f"?{query}" if query else ""))
        return page

    yield open_page
    for context in contexts:
        context.close()
    assert problems == []


def table_of(site):
    with (site / "zoo.csv").open(newline="") as file:
        return list(csv.DictReader(file))


def test_the_table_sorts_and_filters(visit, site):
    page = visit()
    page.click("#zoo thead .c-bytes button")
    cells = page.locator("#zoo tbody .c-bytes")
    found = [
        float(cell.get_attribute("data-value")) for cell in cells.all() if cell.get_attribute("data-value")
    ]
    assert found == sorted(float(line["bytes"]) for line in table_of(site) if line["bytes"])
    page.fill("#zoo-filters [name=model]", "digits")
    expect(page.locator("#zoo-status")).to_contain_text("10 of 23 artifacts")
    assert "zoo.sort=bytes" in page.url and "zoo.model=digits" in page.url


def test_the_charts_hold_the_figures_of_the_csv(visit, site):
    page = visit()
    lines = [line for line in table_of(site) if line["device"] == "cpu" and line["latency_1_ms"]]
    for model in {line["model"] for line in lines}:
        chart = page.locator(f"[data-panel={model}] .chart")
        chart.scroll_into_view_if_needed()
        chart.locator(".point").first.wait_for(state="attached")
        drawn = chart.evaluate(
            "chart => chart.data.filter(each => each.mode === 'markers')"
            ".flatMap(each => each.x.map((x, index) => [x, each.y[index]]))"
        )
        own = [
            (float(line["latency_1_ms"]), float(line["sqnr_db"])) for line in lines if line["model"] == model
        ]
        assert sorted(map(tuple, drawn)) == sorted(own)


class Links(HTMLParser):
    def __init__(self, text):
        super().__init__()
        self.targets, self.ids = [], set()
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        attributes = dict(attributes)
        self.ids.add(attributes.get("id"))
        self.targets += [attributes[name] for name in ("href", "src", "data-src") if attributes.get(name)]


def test_every_link_leads_somewhere(site):
    for path in site.rglob("*.html"):
        for target in Links(path.read_text()).targets:
            parts = urlsplit(target)
            if parts.scheme:
                assert parts.scheme in ("data", "https")
                continue
            there = (path.parent / unquote(parts.path)).resolve() if parts.path else path
            missing = "files/" in target and "convnext_digits" not in target  # these have no files here
            assert missing or there.is_file(), (path.name, target)
            if parts.fragment and there.suffix == ".html":
                assert (
                    unquote(parts.fragment) in Links(there.read_text()).ids
                    or parts.fragment in Links(there.read_text()).ids
                ), target


def test_downloads_are_the_files_that_were_verified(visit, site):
    page = visit("models/convnext_digits.html")
    lines = page.locator("table[data-table=downloads] tbody tr").all()
    assert len(lines) == 16
    for line in lines:
        file = site / "models" / line.locator("a").get_attribute("href")
        assert digest(file.read_bytes()) == line.locator("code").inner_text()


def test_an_artifact_that_is_another_now_is_refused(tmp_path):
    model = on_disk(complete("net", devices=("cpu",)), tmp_path / "results")
    (tmp_path / "results/cpu/net/int8.bin").write_bytes(b"other")
    with pytest.raises(ZooError, match=r"int8\.bin"):
        build_site([model], rows([model]), tmp_path / "site", tmp_path / "results")


def test_what_failed_is_not_offered(tmp_path):
    proof = verification("net", failures=["no"])
    model = on_disk(ModelRecords(complete("net").card, [proof]), tmp_path / "results")
    build_site([model], rows([model]), tmp_path / "site", tmp_path / "results")
    assert not (tmp_path / "site/files").exists()
    assert "Downloads" not in (tmp_path / "site/models/net.html").read_text()


def test_two_artifacts_are_compared_and_the_pair_is_in_the_address(visit):
    page = visit("compare.html?a=cpu/convnext_digits/fp32&b=cpu/convnext_digits/int8")
    lines = {
        cells[0]: cells[1:]
        for row in page.locator("#pair-table tbody tr").all()
        if (cells := row.locator("th, td").all_inner_texts())
    }
    assert lines["SQNR, dB"] == ["131.7", "38.5", "\N{MINUS SIGN}93.2"]
    assert lines["1 thread, ms"] == ["0.820", "0.484", "0.590 \N{MULTIPLICATION SIGN}"]
    assert page.locator("#pair-table td.better").count() >= 4
    page.locator("#pair-chart .point").first.wait_for(state="attached")
    page.select_option("#pair [name=b]", "cpu/convnext_digits/fp16")
    assert "fp16" in page.url
    expect(page.locator("#pair-b")).to_have_text("cpu/convnext_digits/fp16")


def test_a_model_has_its_ladder_provenance_and_history(visit):
    page = visit("models/convnext_digits.html")
    for device in ("cpu", "gpu"):
        names = page.locator(f"table[data-table=ladder-{device}] tbody th").all_inner_texts()
        assert names == ["fp32", "fp16", "int8", "fp32.onnx", "torchscript"]
    expect(page.get_by_role("heading", name="Provenance and proofs")).to_be_visible()
    newest = page.locator("table[data-table=history] tbody tr").first
    expect(newest).to_contain_text("2026-11-16")
    page.get_by_role("link", name="Compare int8 with fp32 on cpu").click()
    expect(page.locator("#pair-b")).to_have_text("cpu/convnext_digits/int8")


@pytest.mark.parametrize("name", PAGES)
def test_axe_finds_nothing_and_no_page_scrolls_sideways(visit, name):
    for viewport, scheme in ((DESKTOP, "light"), (DESKTOP, "dark"), (PHONE, "light")):
        page = visit(name, viewport, color_scheme=scheme)
        page.evaluate("document.querySelectorAll('details').forEach(each => { each.open = true; })")
        found = Axe().run(page, options={"preload": False})  # which fetches style sheets again
        assert [(each["id"], each["nodes"][0]["html"]) for each in found.response["violations"]] == []
        assert page.evaluate("document.documentElement.scrollWidth") <= viewport["width"]


@pytest.mark.parametrize("name", ["index.html", "models/convnext_digits.html"])
def test_pages_print(visit, name):
    page = visit(name)
    page.wait_for_function("window.Plotly")
    assert page.pdf(prefer_css_page_size=True).startswith(b"%PDF")
    drawn = page.locator(".chart:visible").evaluate_all(
        "all => all.map(each => !!each.querySelector('.point'))"
    )
    assert drawn and all(drawn)
