"""blt_h_to_doxygen.py - blt.h with its comments in the form of Doxygen

    blt_h_to_doxygen.py FILE     prints it; Doxygen calls this as its filter

blt.h is read by people, as it is. Here its comments become Doxygen's:

    the head of the file           the main page
    a line of dashes with a title  a group; what follows belongs to it
    a comment above declarations   their text, up to the next empty line
    a comment behind a member      the text of the member
"""

import re
import sys

TITLE = re.compile(r"^/\* -{5,} (.*?) \*/$")
BEHIND = re.compile(r"(\S.*?)\s*/\*(?!\*) ?(.*)$")


def escaped(text):
    """Plain text: nothing in it is a command of Doxygen's."""
    return re.sub(r"([\\@&$#<>%|])", r"\\\1", text)


def is_shaped(line):
    """A line of code or of a table keeps its shape."""
    return line.startswith("   ")


def as_text(lines):
    """The lines of a comment; shaped ones stand between marks."""
    made, shaped = [], False
    for line in lines:
        if is_shaped(line) != shaped and line.strip():
            shaped = not shaped
            made.append("@code{.unparsed}" if shaped else "@endcode")
        made.append(line if shaped else escaped(line))
    return made + ["@endcode"] * shaped


def uncommented(block):
    """The words of a comment of several lines."""
    lines = [re.sub(r"^ ?\*(?!/) ?|^/\* ?", "", line) for line in block]
    lines[-1] = re.sub(r"\s*\*/\s*$", "", lines[-1])
    while lines and not lines[0].strip():
        lines.pop(0)
    while lines and not lines[-1].strip():
        lines.pop()
    return lines


def main_page(lines):
    """The head: a title, then text in which a word in capitals begins an
    item."""
    title, rest = lines[0], lines[1:]
    made = [f"/** @mainpage {escaped(title)}"]
    text, items = [], []
    for line in rest:
        item = re.match(r"^([A-Z][A-Z ]+?) {2,}(\S.*)$", line)
        if item:
            items.append(f"- **{item.group(1)}** {escaped(item.group(2))}")
        elif items and line.startswith(" " * 12):
            items.append("  " + escaped(line.strip()))
        else:
            text.append(line)
    return made + as_text(text) + [""] + items + ["*/", "/** @file */"]


def member_comments(line, lines):
    """A comment behind a member, on one line or on several."""
    match = BEHIND.match(line.strip())
    if not match:
        return [line]
    words = [match.group(2)]
    while "*/" not in words[-1]:
        words.append(next(lines).strip())
    text = " ".join(word.strip() for word in words)
    text = re.sub(r"\s*\*/.*$", "", text)
    return [f"  {match.group(1)} /**< {escaped(text)} */"]


def declaration(line, lines):
    """The lines up to where the declaration ends, with their comments."""
    made, depth = [], 0
    while True:
        if line.startswith("#"):
            made.append(line)
            while line.endswith("\\"):
                line = next(lines)
                made.append(line)
        else:
            made += member_comments(line, lines)
        code = re.sub(r"/\*.*", "", made[-1])
        depth += code.count("{") - code.count("}")
        ends = line.startswith("#") or code.rstrip().endswith((";", ","))
        if depth <= 0 and (ends or not code.strip()):
            return made
        line = next(lines)


def declarations(lines, first):
    """All declarations up to an empty line."""
    made, line = [], first
    while line is not None and line.strip() and not line.startswith("/*"):
        made.append(declaration(line, lines))
        line = next(lines, None)
    return made, line


def statuses(text):
    """The members of blt_status, which the header makes from a table."""
    rows = re.findall(r'^  X\((\w+), (-?\d+), "(.*?)"\)', text, re.MULTILINE)
    return [f"  BLT_{name} = {number}, /**< {escaped(sentence)} */"
            for name, number, sentence in rows]


class Converter:
    def __init__(self, text):
        self.text = text
        self.lines = iter(text.splitlines())
        self.made = []
        self.n_groups = 0

    def group(self, title):
        self.made += ["/** @} */"] * (self.n_groups > 0)
        self.n_groups += 1
        self.made += [f"/** @defgroup g{self.n_groups} {title}", " * @{ */"]

    def comment(self, first):
        """A comment and what it stands above, if anything; the next line."""
        block = [first]
        while "*/" not in block[-1]:
            block.append(next(self.lines))
        words = uncommented(block)
        if not self.made:
            self.made += main_page(words)
            return next(self.lines, None)
        line = next(self.lines, None)
        if not line.strip():  # it belongs to the group
            self.made += ["/** @} */", f"/** @addtogroup g{self.n_groups}",
                          *as_text(words), "@{ */"]
            return line
        many, line = declarations(self.lines, line)
        for one in many:
            self.made += ["/**", *as_text(words), "*/"]
            if any("BLT_STATUS_MAP(BLT_STATUS_ENUM)" in row for row in one):
                one = [one[0], *statuses(self.text), one[-1]]
            self.made += one
        return line

    def converted(self):
        line = next(self.lines, None)
        while line is not None:
            title = TITLE.match(line)
            if title:
                self.group(title.group(1))
            elif line.startswith("/*"):
                line = self.comment(line)
                continue
            else:
                self.made.append(line)
            line = next(self.lines, None)
        return "\n".join(self.made + ["/** @} */"]) + "\n"


if __name__ == "__main__":
    with open(sys.argv[1], encoding="utf-8") as header:
        sys.stdout.write(Converter(header.read()).converted())
