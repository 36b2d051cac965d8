"""The commands that documents show: blocks marked `sh', the column `command' of
a table, and what the text names in `backticks'.
"""

import glob
import re

PAGES = (["README.md", "CONTRIBUTING.md"] +
         sorted(glob.glob("docs/**/*.md", recursive=True)) +
         sorted(glob.glob("labs/*/*.md")))

SPAN = re.compile(r"`([^`]+)`")
HEREDOC = re.compile(r"<<'?(\w+)'?")


class Block:
    """What a reader types in one go, and what the page shows right below."""

    def __init__(self, line, commands, shown):
        self.line, self.commands, self.shown = line, commands, shown


def read(path):
    with open(path) as file:
        return file.read()


def fences(lines):
    """(language, first line, lines) of every fenced block."""
    start = None
    for i, line in enumerate(lines):
        if not line.startswith("```"):
            continue
        if start is None:
            start, language = i + 1, line[3:].strip()
        else:
            yield language, start, lines[start:i]
            start = None


def without_comment(line):
    return re.sub(r"(^|\s+)#(\s.*|$)", "", line)


def commands_of(lines):
    """Those of a block: a line each, but for what goes on in the next ones."""
    rest = list(lines)
    while rest:
        command = without_comment(rest.pop(0))
        ends = HEREDOC.search(command)
        end = ends[1] if ends else "done" if command[:4] == "for " else None
        while rest and (end or command.endswith("\\")):
            command += "\n" + rest.pop(0)
            if end and command.endswith("\n" + end):
                end = None
        if command:
            yield command


def blocks(text):
    """The blocks marked `sh'."""
    lines = text.splitlines()
    found = list(fences(lines))
    for i, (language, start, body) in enumerate(found):
        if language != "sh":
            continue
        end = start + len(body) + 1
        shown = []
        if i + 1 < len(found):
            language, behind, output = found[i + 1]
            if not language and not "".join(lines[end:behind - 1]):
                shown = output
        yield Block(start, list(commands_of(body)), shown)


def prose(text):
    """The lines outside of fenced blocks, with their indices."""
    lines = text.splitlines()
    fenced = {start + i for _, start, body in fences(lines)
              for i in range(-1, len(body) + 1)}
    return [(i, line) for i, line in enumerate(lines) if i not in fenced]


def spans(text):
    """What the text has in backticks."""
    return [span for _, line in prose(text) for span in SPAN.findall(line)]


def tabled(text):
    """What stands in the columns `command' of tables."""
    column = None
    for _, line in prose(text):
        cells = [cell.strip() for cell in line.split("|")]
        if len(cells) < 3:
            column = None
        elif column is None:
            column = cells.index("command") if "command" in cells else -1
        elif column > 0:
            yield from SPAN.findall(cells[column])


def filters(text):
    """Wireshark's: what stands in first columns that are headed so, what is `of
    use', and our fields.
    """
    inside = False
    for _, line in prose(text):
        if line.startswith("| Wireshark |"):
            inside = True
        elif not line.startswith("|"):
            inside = False
            if line.startswith("Filters that are of use"):
                yield from SPAN.findall(line)
        elif line.startswith("| `glassnic."):
            yield from (re.sub(r"^\.", "glassnic.", span)
                        for span in SPAN.findall(line.split(" | ")[0]))
        elif inside:
            yield from SPAN.findall(line.split(" | ")[0])
