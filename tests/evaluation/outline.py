"""A page as its elements, for the tests of everything that writes one."""

from html.parser import HTMLParser


class Outline(HTMLParser):
    """Headings, and whether every element that was opened was closed."""

    VOID = ("meta", "img", "line", "rect", "circle", "polyline", "image")

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open, self.headings, self.tags, self.in_heading = [], [], [], False
        self.feed(text)
        self.close()

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.in_heading = tag == "h2"
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.tags.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag
        self.in_heading = False

    def handle_data(self, data):
        if self.in_heading:
            self.headings.append(data)
