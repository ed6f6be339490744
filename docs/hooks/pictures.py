"""Draw the pictures of README.md: python docs/hooks/pictures.py results/report.html terminal.log

terminal.log: what a build printed, as `snakemake … 2>&1 | tee terminal.log` keeps it.
"""

import html
import re
import shutil
import sys
from pathlib import Path
from urllib.parse import quote

from playwright.sync_api import Browser, sync_playwright

PICTURES = Path(__file__).resolve().parents[1] / "pictures"
LINES = 28
TERMINAL = """\
<body style="margin:0;background:#1e2227"><pre style="margin:0;padding:16px 20px;
font:14px/1.4 'DejaVu Sans Mono',monospace;color:#d7dae0">{}</pre></body>"""


def main(report: str, log: str) -> None:
    """Write pictures/report.png, the first screen, and pictures/terminal.png, the last lines."""
    PICTURES.mkdir(exist_ok=True)
    text = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", Path(log).read_text(encoding="utf-8"))
    lines = [line.rpartition("\r")[2] for line in text.rstrip().splitlines()][-LINES:]
    with sync_playwright() as playwright:
        program = shutil.which("chromium")
        browser = playwright.chromium.launch(executable_path=program, args=["--no-sandbox"])
        _draw(browser, Path(report).resolve().as_uri(), 1280, 720, "report.png")
        page = TERMINAL.format(html.escape("\n".join(lines)))
        _draw(browser, f"data:text/html;charset=utf-8,{quote(page)}", 1000, 0, "terminal.png")
        browser.close()


def _draw(browser: Browser, address: str, width: int, height: int, name: str) -> None:
    """A screenshot; height 0: all of the page."""
    page = browser.new_page(viewport={"width": width, "height": height or 100})
    page.goto(address)
    page.wait_for_timeout(1000)  # charts draw themselves
    page.screenshot(path=PICTURES / name, full_page=not height)
    page.close()


if __name__ == "__main__":
    main(*sys.argv[1:])
