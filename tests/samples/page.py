"""The report's page, taken apart."""

import json
from html.parser import HTMLParser


class Page(HTMLParser):
    """The parts of a page that the tests ask for: tags with attributes, table rows as texts, all text."""

    def __init__(self, page):
        super().__init__()
        self.tags, self.rows, self.text, self.scripts, self.styles = [], [], "", [], []
        self._inside, self._table = "", None
        self.feed(page)

    def handle_starttag(self, tag, attributes):
        attributes = dict(attributes)
        self.tags.append((tag, attributes))
        if tag == "table":
            self._table = attributes.get("id")
        if tag == "tr":
            self.rows.append((self._table, []))
        if tag in ("td", "th"):
            self.rows[-1][1].append((attributes, []))
        if tag in ("script", "style"):
            self._inside = tag
            (self.scripts if tag == "script" else self.styles).append("")

    def handle_endtag(self, tag):
        if tag in ("script", "style"):
            self._inside = ""

    def handle_data(self, data):
        if self._inside == "script":
            self.scripts[-1] += data
        elif self._inside == "style":
            self.styles[-1] += data
        else:
            self.text += data
            if self.rows and self.rows[-1][1]:
                self.rows[-1][1][-1][1].append(data)

    @property
    def zoo(self):
        """The rows of the zoo table below its heading: a {column: (raw value or None, text)} each."""
        found = []
        for table, cells in self.rows:
            if table == "zoo" and any(attributes.get("scope") == "row" for attributes, _ in cells):
                found.append(
                    {
                        attributes["class"].split()[0][2:]: (
                            attributes.get("data-value"),
                            "".join(text).strip(),
                        )
                        for attributes, text in cells
                    }
                )
        return found

    @property
    def figures(self):
        return json.loads(next(text for text in self.scripts if text.startswith("{")))


def texts(row):
    """The cells of a row of `Page.rows`; what follows the last one in the page is cut off."""
    return ["".join(text).partition("\n")[0] for _, text in row[1]]
