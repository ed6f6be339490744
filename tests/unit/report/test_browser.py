"""The report in a real browser, opened from a file with the network off."""

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import expect, sync_playwright

from samples.report import card, verification, zoo
from zoo.report.page import render_html
from zoo.report.records import ModelRecords
from zoo.report.row import rows

pytestmark = pytest.mark.long(100)

FLAGS = [
    "--no-sandbox",
    "--headless",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
DESKTOP = {"width": 1440, "height": 900}
PHONE = {"width": 360, "height": 740}


@pytest.fixture(scope="module")
def browser(chromium: str):
    """Headless Chromium."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=FLAGS)
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def report(tmp_path_factory):
    return write(tmp_path_factory.mktemp("report"), zoo())


def write(folder, models):
    path = folder / "report.html"
    path.write_text(render_html(rows(models), models), encoding="utf-8")
    return path


@pytest.fixture
def visit(browser, report):
    """Open a report in a window of a size; afterwards, no request and no error may have happened."""
    contexts, problems = [], []

    def open_page(
        viewport=DESKTOP, file=report, drawn="#trade-off .scatterlayer .point", query="", **options
    ):
        context = browser.new_context(viewport=viewport, offline=True, **options)
        contexts.append(context)
        page = context.new_page()
        page.on("console", lambda message: message.type == "error" and problems.append(message.text))
        page.on("pageerror", lambda error: problems.append(str(error)))
        page.on("request", lambda request: request.url.startswith("http") and problems.append(request.url))
        page.goto(file.as_uri() + query)
        if drawn.startswith("#trade-off ."):
            page.locator("#trade-off").scroll_into_view_if_needed()
        page.wait_for_selector(drawn, state="attached")
        return page

    yield open_page
    for context in contexts:
        context.close()
    assert problems == []


def column(page, name):
    """Raw values of a column of the visible rows from top to bottom; None where there is none."""
    return page.eval_on_selector_all(
        f"#zoo tbody:not([hidden]) .c-{name}", "cells => cells.map(cell => cell.dataset.value ?? null)"
    )


def numbers(values):
    return [float(value) for value in values if value is not None]


def sort_by(page, name):
    page.click(f"#zoo thead .c-{name} button")
    return page.get_attribute(f"#zoo thead .c-{name}", "aria-sort")


def test_a_number_column_sorts_both_ways_with_the_unknown_last(visit):
    page = visit()
    page.check("#zoo-all")
    for name in ("bytes", "latency_1_ms", "top1", "cosine_min"):
        before = column(page, name)
        for state in ("ascending", "descending"):
            assert sort_by(page, name) == state
            values = column(page, name)
            known = numbers(values)
            assert known == sorted(numbers(before), reverse=state == "descending")
            assert values[len(known) :] == [None] * (len(before) - len(known))
        assert len(page.query_selector_all("#zoo [aria-sort]")) == 1


def test_a_text_column_sorts_both_ways_and_equal_rows_keep_their_order(visit):
    page = visit()
    sort_by(page, "bytes")
    by_size = list(zip(column(page, "model"), column(page, "bytes"), strict=True))
    assert sort_by(page, "model") == "ascending"
    names = column(page, "model")
    assert names == sorted(names)
    assert sort_by(page, "model") == "descending"
    found = list(zip(column(page, "model"), column(page, "bytes"), strict=True))
    assert found == sorted(by_size, key=lambda row: row[0], reverse=True)


def test_sorting_works_from_the_keyboard_and_is_announced(visit):
    page = visit()
    page.focus("#zoo thead .c-sqnr_db button")
    page.keyboard.press("Enter")
    assert numbers(column(page, "sqnr_db")) == sorted(numbers(column(page, "sqnr_db")))
    assert page.inner_text("#zoo-status[role=status]") == "23 of 23 artifacts, sorted by SQNR dB, ascending"


def test_a_failure_travels_with_its_row(visit):
    page = visit()
    for name in ("bytes", "latency_1_ms", "model"):
        sort_by(page, name)
        reasons = page.eval_on_selector_all(
            "#zoo tbody.failed", "found => found.map(body => body.rows[1].innerText)"
        )
        assert len(reasons) == 2
        assert any("worst image is 0.942117" in reason for reason in reasons)


def test_the_table_can_be_filtered_and_cleared(visit):
    page = visit()
    page.fill("#zoo-filters [name=model]", "DIGITS")
    assert set(column(page, "model")) == {"convnext_digits"}
    page.select_option("#zoo-filters [name=device]", "gpu")
    assert set(column(page, "device")) == {"gpu"}
    assert page.inner_text("#zoo-status") == "5 of 23 artifacts"
    page.click("#zoo-filters button[type=reset]")
    expect(page.locator("#zoo-status")).to_have_text("23 of 23 artifacts")
    page.select_option("#zoo-filters [name=verdict]", "failed")
    assert column(page, "verdict") == ["failed", "failed"]


def test_what_the_reader_chose_is_in_the_address(visit):
    page = visit()
    sort_by(page, "bytes")
    sort_by(page, "bytes")
    page.fill("#zoo-filters [name=model]", "digits")
    page.select_option("#zoo-filters [name=device]", "gpu")
    page.check("#zoo-all")
    page.select_option("[data-state='chart.device']", "gpu")
    layers = page.locator("#model-convnext_digits .bars").first
    layers.locator("thead button", has_text="SQNR").click()
    in_order = column(page, "bytes")
    again = visit(query="?" + page.url.partition("?")[2])
    assert column(again, "bytes") == in_order == sorted(in_order, key=float, reverse=True)
    assert set(column(again, "model")) == {"convnext_digits"}
    assert set(column(again, "device")) == {"gpu"}
    assert again.locator("#zoo thead th:visible").count() == 18
    assert again.input_value("[data-state='chart.device']") == "gpu"
    assert again.locator("#model-convnext_digits .bars [aria-sort=ascending]").first.inner_text() == "SQNR dB"
    again.click("#zoo-filters button[type=reset]")
    expect(again.locator("#zoo-status")).to_contain_text("23 of 23 artifacts")
    assert "zoo.model" not in again.url and "zoo.all" not in again.url


def test_every_table_sorts_and_those_of_several_rows_can_be_filtered(visit):
    page = visit()
    tables = page.locator("table").all()
    assert len(tables) > 15
    for table in tables:
        buttons = table.locator("thead button")
        if not buttons.count():
            continue
        buttons.first.evaluate("button => button.click()")
        assert table.locator("[aria-sort=ascending]").count() == 1
    assert page.locator("table:not([data-table])").count() == 0
    files = page.locator("#model-convnext_digits table[data-table$=files]")
    form = page.get_by_role("form", name="Filter: Files of convnext_digits")
    form.get_by_role("searchbox").fill("fp16.bin")
    expect(files.locator("tbody tr:visible")).to_have_count(2)
    expect(form.locator("output")).to_contain_text("2 of")


def test_a_models_name_shows_once_wherever_its_rows_are(visit):
    page = visit()
    shown = "found => found.filter(body => !body.classList.contains('same')).map(body => body.dataset.model)"
    names = page.eval_on_selector_all("#zoo tbody", shown)
    assert names == ["convnext_digits", "tf_efficientnet_lite0", "mobilenetv4_conv_small"]
    sort_by(page, "artifact")
    assert len(page.eval_on_selector_all("#zoo tbody", shown)) > 3


def test_what_to_ship_is_on_the_first_screen_with_its_path_to_copy(visit):
    page = visit(
        {"width": 1280, "height": 900}, drawn="body", permissions=["clipboard-read", "clipboard-write"]
    )
    first = page.locator(".shipments tbody tr").first
    expect(first).to_be_in_viewport()
    expect(first).to_contain_text("int8")
    assert first.locator("a[href='cpu/convnext_digits/int8.param']").count() == 1
    first.locator("button.copy").click()
    expect(first.locator("button.copy")).to_have_text("Copied")
    assert page.evaluate("navigator.clipboard.readText()") == "results/cpu/convnext_digits/int8.param"
    assert "only one" not in first.inner_text()
    first.locator("summary").click()
    expect(first).to_contain_text("int8 is the fastest of the 3 that can be shipped")


@pytest.mark.parametrize("width", [1280, 1024, 390])
def test_verdict_and_name_stay_in_view(visit, width):
    page = visit({"width": width, "height": 844}, drawn="body")
    page.check("#zoo-all")
    page.locator(".scroll.tall").first.evaluate("region => { region.scrollLeft = region.scrollWidth; }")
    if width < 1280:
        expect(page.locator("#zoo tbody .where").nth(2)).to_have_text("cpu · int8")
        expect(page.locator("#zoo tbody .where").nth(2)).to_be_in_viewport()
    for place in (".c-verdict .badge", ".c-model"):
        box = page.locator(f"#zoo tbody {place}").first.bounding_box()
        assert box["x"] >= 0 and box["x"] + box["width"] <= width
    verdict, name = (
        page.locator(f"#zoo tbody {place}").first.bounding_box() for place in (".c-verdict", ".c-model")
    )
    assert verdict["x"] + verdict["width"] <= name["x"] + 1


def test_eight_columns_show_until_all_are_asked_for(visit):
    page = visit(drawn="body")
    assert page.locator("#zoo thead th:visible").count() == 8
    page.check("#zoo-all")
    assert page.locator("#zoo thead th:visible").count() == 18


@pytest.mark.parametrize("viewport", [DESKTOP, PHONE], ids=["desktop", "phone"])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing(visit, viewport, scheme):
    page = visit(viewport, color_scheme=scheme, drawn="body")
    page.evaluate("document.querySelectorAll('details').forEach(each => { each.open = true; })")
    page.check("#zoo-all")
    found = Axe().run(page)
    assert [(each["id"], each["nodes"][0]["html"]) for each in found.response["violations"]] == []


def test_the_plot_follows_the_readers_choice(visit):
    page = visit()
    points = "#trade-off figure:not([hidden]) .scatterlayer .point"
    device, measure, _ = page.query_selector_all("#trade-off-choices select")
    expect(page.locator(points)).to_have_count(11)  # five artifacts of two models, and one of the third
    assert page.input_value("[data-state='chart.up']") == "sqnr_db"
    measure.select_option("top1")
    expect(page.locator(points)).to_have_count(5)
    assert "Not shown for want of top-1 accuracy or latency: 8 of 13" in page.inner_text("#trade-off-note")
    device.select_option("gpu")
    expect(page.locator("#trade-off-note")).to_contain_text("software GPU")


def test_a_point_tells_its_artifact_when_hovered(visit):
    page = visit()
    point = page.locator("#trade-off .scatterlayer .trace:last-child .point").first
    point.scroll_into_view_if_needed()
    box = point.bounding_box()
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    label = page.wait_for_selector("#trade-off .hovertext")
    assert "TorchScript on cpu" in label.text_content()


def test_the_charts_of_the_sections_are_drawn_when_reached(visit):
    page = visit()
    charts = page.query_selector_all(".chart.depth")
    assert len(charts) == 5
    assert charts[-1].query_selector(".point") is None
    for chart in charts:
        chart.scroll_into_view_if_needed()
        chart.wait_for_selector(".scatterlayer .point", state="attached")


def test_the_chart_of_a_search_follows_the_readers_choice(visit):
    page = visit()
    section = page.locator("#model-convnext_digits")
    chart = section.locator(".chart.search").first
    chart.scroll_into_view_if_needed()
    expect(chart.locator(".point")).to_have_count(5)  # four candidates and the ring
    section.locator(".figure-choice").first.select_option(label="Top-1 agreement, %")
    expect(chart.locator(".point")).to_have_count(7)  # and the references
    expect(chart.locator(".ytitle")).to_have_text("Top-1 agreement, %")


def test_the_layers_can_be_put_in_order_of_what_they_cost(visit):
    page = visit()
    section = page.locator("#model-tf_efficientnet_lite0")
    table, order = section.locator(".bars").first, section.locator(".layer-order select").first

    def values(column):
        cells = "cells => cells.map(cell => cell.dataset.value ?? null)"
        return table.locator(f"tbody tr > :nth-child({column})").evaluate_all(cells)

    in_order = table.locator("tbody th").all_inner_texts()
    for choice, column, reverse in (("sqnr", 3, False), ("weights", 5, True)):
        order.select_option(choice)
        found = values(column)
        known = numbers(found)
        assert known == sorted(known, reverse=reverse)
        assert found[len(known) :] == [None] * (len(found) - len(known))
    order.select_option("")
    assert table.locator("tbody th").all_inner_texts() == in_order
    assert len(in_order) == 100


def test_printing_draws_every_chart(visit):
    page = visit()
    assert page.pdf(prefer_css_page_size=True).startswith(b"%PDF")
    drawn = [chart.query_selector(".point") is not None for chart in page.query_selector_all(".chart")]
    assert drawn == [True] * 12


def test_a_zoo_without_latencies_has_a_reason_in_place_of_the_plot(visit, tmp_path):
    model = ModelRecords(card("net"), [verification("net")])
    page = visit(file=write(tmp_path, [model, ModelRecords(card("unbuilt"))]), drawn="#trade-off[hidden]")
    note = "Not shown for want of SQNR or latency, or because they agree exactly: 1 of 1 artifacts."
    assert page.inner_text("#trade-off-note") == note


def test_a_zoo_without_artifacts_is_a_page_still(visit, tmp_path):
    page = visit(file=write(tmp_path, [ModelRecords(card("unbuilt"))]), drawn="body")
    assert page.inner_text("#zoo-status") == "0 of 0 artifacts"


@pytest.mark.parametrize("viewport", [DESKTOP, PHONE], ids=["desktop", "phone"])
def test_the_page_never_scrolls_sideways(visit, viewport):
    page = visit(viewport, has_touch=viewport is PHONE, is_mobile=viewport is PHONE)
    for chart in page.query_selector_all(".chart"):
        chart.scroll_into_view_if_needed()
        chart.wait_for_selector(".point", state="attached")
    for summary in page.query_selector_all("summary"):
        summary.click()
    assert page.evaluate("document.documentElement.scrollWidth") <= viewport["width"]


@pytest.mark.parametrize("viewport", [DESKTOP, PHONE], ids=["desktop", "phone"])
def test_published_figures_stand_in_a_frame_of_their_own(visit, tmp_path, viewport):
    atto = {"architecture": "convnext_atto.d2_in1k", "args": {}, "classes": 1000, "edge": 224}
    model = ModelRecords(card("atto", **atto), [verification("atto")])
    page = visit(viewport, file=write(tmp_path, [model]), drawn=".published")
    frame = page.locator(".published")
    expect(frame).to_contain_text("by others, not measured here")
    assert frame.evaluate("element => getComputedStyle(element).borderTopStyle") == "dashed"
    assert frame.locator("tbody tr").count() == frame.locator("li").count() == 3
    assert _contrast(*page.eval_on_selector(".published .note", _COLOURS)) >= 4.5
    assert page.evaluate("document.documentElement.scrollWidth") <= viewport["width"]


def test_the_whole_table_fits_a_desktop(visit):
    page = visit()
    assert page.evaluate("(e => e.scrollWidth <= e.clientWidth)(document.querySelector('.scroll.tall'))")


def test_a_phone_names_the_artifact_beside_its_figures(visit):
    page = visit(PHONE)
    assert not page.is_visible("#zoo td.c-device >> nth=0")
    assert page.inner_text("#zoo tbody .where >> nth=0") == "cpu · fp32"


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_text_stands_out_from_its_background_in_both_schemes(visit, scheme):
    page = visit(color_scheme=scheme)
    for selector in (
        "body",
        ".lead",
        "#zoo td",
        "#zoo tbody.failed .why td",
        ".badge.passed",
        ".badge.failed",
        ".alarm",
        ".alarm.failed",
        "tr.chosen td",
        ".bars td",
        ".legend",
    ):
        colours = page.eval_on_selector(selector, _COLOURS)
        assert _contrast(*colours) >= 4.5, (selector, colours)
    text = page.eval_on_selector("#trade-off .xtick text", "e => getComputedStyle(e).fill")
    back = page.eval_on_selector("body", "e => getComputedStyle(e).backgroundColor")
    assert _contrast(_rgb(text), _rgb(back)) >= 4.5


_COLOURS = """element => {
  const parts = (text) => text.match(/[\\d.]+/g).map(Number);
  let ground = element;
  while (parts(getComputedStyle(ground).backgroundColor)[3] === 0) ground = ground.parentElement;
  const colours = [getComputedStyle(element).color, getComputedStyle(ground).backgroundColor];
  return colours.map((colour) => parts(colour).slice(0, 3));
}"""


def _rgb(text):
    return [float(part) for part in text[text.index("(") + 1 : -1].split(",")[:3]]


def _contrast(one, other):
    """Contrast ratio of two sRGB colours, WCAG 2.1."""
    lighter, darker = sorted((_luminance(one), _luminance(other)), reverse=True)
    return (lighter + 0.05) / (darker + 0.05)


def _luminance(colour):
    linear = [c / 12.92 if c <= 0.03928 else ((c + 0.055) / 1.055) ** 2.4 for c in (v / 255 for v in colour)]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]
