"""A page as lines: what can be read on it, and what can be done with it. Classes and nesting are left out."""

import itertools
from html.parser import HTMLParser

# Attributes that a reader, a form or a live update goes by.
KEPT = (
    "id", "href", "action", "method", "name", "type", "value", "for", "checked", "selected", "disabled", "required", "hidden",
    "open", "placeholder", "title", "aria-label", "aria-live", "aria-current", "role", "src", "lang", "content",
)
# Elements that are named where they stand although none of these attributes is there.
NAMED = {"h1", "h2", "h3", "h4", "table", "th", "td", "li", "pre", "code", "button", "textarea", "select", "option", "main",
         "nav", "header", "section", "article", "form", "details", "summary", "dialog", "hx-partial", "time", "label", "fieldset"}
SKIPPED = {"svg", "script", "style"}
VOID = {"area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "source", "track", "wbr"}


class Outline(HTMLParser):
    def __init__(self):
        super().__init__(convert_charrefs=True)
        self.lines, self.text, self.skipped, self.stack = [], "", 0, []
        # For each open list item: where its lines begin, if it is an event's.
        self.items = []

    def flush(self):
        words = " ".join(self.text.split())
        if words:
            self.lines.append(f"  {words}")
        self.text = ""

    def handle_starttag(self, tag, attrs):
        if tag in SKIPPED:
            self.skipped += 1
            return
        if self.skipped:
            return
        if tag not in VOID:
            self.stack.append(tag)
        kept = [(name, value) for name, value in attrs if name in KEPT or name.startswith(("hx-", "sse-"))]
        if tag == "time":
            kept = []
        if not kept and tag not in NAMED:
            self.text += " "
            return
        self.flush()
        if tag == "li":
            event = str(dict(kept).get("id", "")).startswith("ev-")
            self.items.append(len(self.lines) if event else None)
            kept = [("id", "ev-EVENT") if event and name == "id" else (name, value) for name, value in kept]
        told = "".join(f" {name}" if value in (None, "") else f' {name}="{value}"' for name, value in sorted(kept))
        self.lines.append(f"{tag}{told}")

    def handle_endtag(self, tag):
        if tag in SKIPPED:
            self.skipped = max(0, self.skipped - 1)
            return
        if self.skipped:
            return
        if tag in self.stack:
            while self.stack.pop() != tag:
                pass
        if tag in NAMED or tag in ("p", "div", "a"):
            self.flush()
        else:
            self.text += " "
        if tag == "li" and self.items:
            begins = self.items.pop()
            if begins is not None:
                self.lines[begins:] = [Event("\n".join(self.lines[begins:]))]

    def handle_data(self, data):
        if self.skipped:
            return
        # When something was is told in words that change by the second.
        self.text += "TIME" if "time" in self.stack else data


class Event(str):
    """The lines of one event in a list of them."""


def outline(html, mask):
    parser = Outline()
    parser.feed(html)
    parser.close()
    parser.flush()
    # Which of a run's first events comes first is chance: see mask.py.
    lines = []
    for is_event, some in itertools.groupby(parser.lines, lambda line: isinstance(line, Event)):
        lines += sorted(mask(line) for line in some) if is_event else some
    return mask("\n".join(lines))
