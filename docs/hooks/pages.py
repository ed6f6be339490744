"""MkDocs' hooks: pages that are made when the site is, and links that leave docs/."""

import re
from pathlib import Path

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page

import reference

ROOT = Path(__file__).resolve().parents[2]
AROUND = {"index.md": "README.md", "contributing.md": "CONTRIBUTING.md", "changelog.md": "CHANGELOG.md"}
"""Pages of the site that lie beside docs/."""
LINK = re.compile(r"(!?)\[([^\]]*)\]\(([^)\s]+)\)")


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add the pages that are not files in docs/."""
    made = {page: (ROOT / source).read_text(encoding="utf-8") for page, source in AROUND.items()}
    made = {page: re.sub(r"\]\(docs/", "](", text) for page, text in made.items()}
    made |= {f"reference/{name}.md": text for name, text in reference.pages(ROOT).items()}
    for page, text in made.items():
        files.append(File.generated(config, page, content=text))
    return files


def on_page_markdown(markdown: str, page: Page, config: MkDocsConfig, files: Files) -> str:
    """Links to pages around docs/ lead to those of the site; links to other files become names."""
    around = {source: made for made, source in AROUND.items()}

    def linked(found: re.Match[str]) -> str:
        target, _, anchor = found[3].partition("#")
        name = target.removeprefix("../")
        if name in around:
            return f"{found[1]}[{found[2]}]({around[name]}{f'#{anchor}' if anchor else ''})"
        outside = target.startswith("../") or (page.file.src_uri in AROUND and (ROOT / target).exists())
        return found[2] if target and outside else found[0]

    return LINK.sub(linked, markdown)


SHIM = re.compile(r'"?https://[^"/]+/iframe-worker/shim"?')


def on_post_page(output: str, page: Page, config: MkDocsConfig) -> str:
    """What the theme would load from another host is loaded from the site."""
    here = "../" * page.url.count("/")
    return SHIM.sub(f'"{here}assets/iframe-worker.js"', output)


def on_post_template(output_content: str, template_name: str, config: MkDocsConfig) -> str:
    """The same for pages that are none of docs/."""
    return SHIM.sub('"assets/iframe-worker.js"', output_content)
