"""The manual pages say what the command and the library have, and their
examples do what they show."""

import re
import sys
import unittest

import console
from support import BUILD, SOURCE, Case, needs

sys.path.insert(0, str(SOURCE / "scripts"))
import abi  # noqa: E402

PAGES = SOURCE / "docs" / "man"
BLT = BUILD / "tools" / "blt"

# The store that the examples have in their folder.
FIXTURE = """\
$ blt create rain.blt --key-type str --value-type json
$ blt put rain.blt site-42 '{"mm": 3.2}'
$ blt put rain.blt site-7 '{"mm": 0}'
"""


def section(text, title):
    """The lines below a heading, without those that are shown as typed."""
    match = re.search(rf"^# {title}\n(.*?)(?=^# |\Z)", text,
                      re.MULTILINE | re.DOTALL)
    return match.group(1) if match else ""


def plain(markup):
    """A line without the marks of bold and underlined."""
    text = re.sub(r"(?<!\\)\*", "", markup)
    text = re.sub(r"(?<![\w\\])_|(?<!\\)_(?!\w)", "", text)
    return re.sub(r"\\(.)", r"\1", text)


def options_of_page(text, title):
    """"-o, --output=OUT" for each option that a section has."""
    return [plain(line) for line in section(text, title).splitlines()
            if line.startswith("*-")]


def options_of_help(text, title):
    block = re.search(rf"^{title}\n(.*?)(?=^\S|\Z)", text,
                      re.MULTILINE | re.DOTALL)
    lines = block.group(1).splitlines() if block else []
    found = [re.match(r" {2,6}((?:-\w, )?--\S+)", line) for line in lines]
    return [match.group(1) for match in found if match]


class Page(Case):
    def help(self, *words):
        return self.run_it(BLT, "help", *words)

    def page(self, name):
        return (PAGES / f"{name}.scd").read_text(encoding="utf-8")

    def commands(self):
        block = re.search(r"^commands\n(.*?)\n\n", self.help(),
                          re.MULTILINE | re.DOTALL).group(1)
        return dict(re.findall(r"^  (\S+) +(.*)$", block, re.MULTILINE))


@unittest.skipUnless(BLT.exists(), "the command is not built")
class TheCommand(Page):
    def test_each_command_has_a_page_and_each_page_a_command(self):
        pages = {path.name.removeprefix("blt-").removesuffix(".1.scd")
                 for path in PAGES.glob("blt-*.1.scd")}
        self.assertEqual(pages, set(self.commands()))

    def test_blt_1_lists_the_commands_with_what_help_says(self):
        listed = re.findall(r"^\*blt-(\S+)\*\(1\)\n\t(.*)$",
                            section(self.page("blt.1"), "COMMANDS"),
                            re.MULTILINE)
        self.assertEqual(listed, list(self.commands().items()))

    def test_each_option_of_help_is_in_the_page_and_the_other_way_round(self):
        for command in self.commands():
            with self.subTest(command):
                self.assertEqual(
                    options_of_page(self.page(f"blt-{command}.1"), "OPTIONS"),
                    options_of_help(self.help(command), "options"))

    def test_the_global_options_are_in_blt_1(self):
        self.assertEqual(
            options_of_page(self.page("blt.1"), "GLOBAL OPTIONS"),
            options_of_help(self.help(), "global options"))

    def test_name_and_synopsis_are_those_of_help(self):
        for command, summary in self.commands().items():
            with self.subTest(command):
                page = self.page(f"blt-{command}.1")
                usage = self.help(command).splitlines()[0]
                self.assertEqual(plain(section(page, "SYNOPSIS").strip()),
                                 usage)
                name = section(page, "NAME").strip().split(" - ")
                self.assertEqual(name[0], f"blt-{command}")
                self.assertEqual(name[1].lower(),
                                 summary.rstrip(".").lower())

    def test_the_examples_print_what_they_show(self):
        for path in sorted(PAGES.glob("*.1.scd")):
            with self.subTest(path.name):
                folder = self.folder / path.name
                folder.mkdir()
                env = console.environment()
                console.run_block(self, FIXTURE, folder, env)
                blocks = re.findall(r"^```\n(.*?)^```$", section(
                    path.read_text(encoding="utf-8"), "EXAMPLES"),
                    re.MULTILINE | re.DOTALL)
                self.assertTrue(blocks)
                for block in blocks:
                    block = re.sub(r"\\(.)", r"\1", block)
                    console.run_block(self, block, folder, env)


class ThePages(Page):
    def test_each_page_that_is_named_exists(self):
        for path in sorted(PAGES.glob("*.scd")):
            text = path.read_text(encoding="utf-8")
            for name, number in re.findall(r"\*(blt[\w-]*)\*\((\d)\)", text):
                self.assertTrue((PAGES / f"{name}.{number}.scd").exists(),
                                f"{path.name} names {name}({number})")

    def test_meson_makes_them_all(self):
        text = console.source("docs/man/meson.build")
        named = set(re.findall(r"'([\w-]+\.\d)'", text))
        commands = re.search(r"foreach command : \[(.*?)\]", text,
                             re.DOTALL).group(1)
        named |= {f"blt-{name}.1" for name in re.findall(r"'(\w+)'", commands)}
        self.assertEqual(named, {path.stem for path in PAGES.glob("*.scd")})

    @needs("scdoc", "groff")
    def test_they_are_made_without_a_word_of_complaint(self):
        for path in sorted(PAGES.glob("*.scd")):
            with self.subTest(path.name), open(path, "rb") as text:
                page = self.run_it("scdoc", stdin=text)
                made = self.write("page", page)
                complaints = self.run_it(
                    "groff", "-t", "-man", "-Tutf8", "-ww", "-z", made)
                self.assertEqual(complaints, "")

    def test_blt_3_has_each_function_as_blt_h_declares_it(self):
        page = self.page("blt.3")
        declared = {abi.function_name(line): line
                    for line in abi.declarations() if abi.function_name(line)}
        shown = re.sub(r"\s+", " ", " ".join(
            re.findall(r"^```\n(.*?)^```$", page,
                       re.MULTILINE | re.DOTALL)))
        for name, line in declared.items():
            self.assertIn(line, shown)
        self.assertEqual(set(re.findall(r"\b(blt_\w+)\(", page)),
                         set(declared))

    def test_blt_3_has_each_status(self):
        statuses = re.findall(r"\bBLT_(\w+) = -?\d+",
                              "\n".join(abi.declarations()).split(
                                  "typedef enum blt_status")[1]
                              .split("}")[0])
        page = section(self.page("blt.3"), "STATUS")
        for name in statuses:
            self.assertIn(f"*BLT_{name}*", page)

    def test_blt_format_5_has_the_faults_of_format_md(self):
        table = console.source("docs/format.md").split("## 18. Faults")[1]
        faults = re.findall(r"^\| ([a-z-]+[a-z]) \|", table, re.MULTILINE)
        self.assertEqual(
            re.findall(r"^\*([\w-]+)\*$",
                       section(self.page("blt-format.5"), "FAULTS"),
                       re.MULTILINE),
            [fault for fault in faults if fault != "name"])

    def test_blt_format_5_has_the_header_of_format_md(self):
        table = console.source("docs/format.md").split("## 3. Header")[1]
        rows = re.findall(r"^\| (\d+) \| (\d+) \| (.*?) \|",
                          table.split("## 4.")[0], re.MULTILINE)
        self.assertEqual(len(rows), 17)
        page = section(self.page("blt-format.5"), "HEADER")
        for off, length, name in rows:
            name = name.replace("\u2013", "-")
            self.assertRegex(page, rf"(?m)^ *{off} +{length}  {name}( |$)")

    def test_blt_format_5_has_the_serializers_of_the_library(self):
        page = section(self.page("blt-format.5"), "SERIALIZERS")
        table = console.source("docs/format.md").split("## 13.")[1]
        rows = re.findall(r"\| (\d+) \| (\w+)(?=[:, ])", table.split("## 14")[0])
        self.assertEqual(len(rows), 33)
        for code, name in rows:
            if name not in ("a", "None"):
                self.assertRegex(page, rf"(?m)(?<!\d){code} {name}(:| |$)")
