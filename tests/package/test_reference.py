"""The reference that Doxygen makes of blt.h."""

import sys
from xml.etree import ElementTree

import console
from support import SOURCE, Case, needs

# How the header is written; no user needs them.
NO_WORDS = {"BLT_API", "BLT_INIT_"}


def has_words(element):
    return any("".join(element.find(part).itertext()).strip()
               for part in ("briefdescription", "detaileddescription"))


@needs("doxygen")
class TheReference(Case):
    def setUp(self):
        super().setUp()
        text = console.source("docs/api/Doxyfile.in")
        for name, value in [("VERSION", "0"), ("SOURCE", SOURCE),
                            ("OUTPUT", self.folder),
                            ("PYTHON", sys.executable)]:
            text = text.replace(f"@{name}@", str(value))
        self.run_it("doxygen", self.write("Doxyfile", text))

    def wordless(self):
        for path in sorted((self.folder / "xml").glob("*.xml")):
            root = ElementTree.parse(path).getroot()
            for compound in root.iter("compounddef"):
                if compound.get("kind") == "struct" and \
                        not has_words(compound):
                    yield compound.findtext("compoundname")
            for member in root.iter("memberdef"):
                if member.get("kind") != "variable" and \
                        not has_words(member):
                    yield member.findtext("name")

    def test_it_is_made_without_a_warning(self):
        self.assertEqual((self.folder / "warnings").read_text(), "")
        self.assertTrue((self.folder / "html/index.html").exists())

    def test_each_function_type_and_macro_has_words(self):
        self.assertTrue(set(self.wordless()) <= NO_WORDS,
                        set(self.wordless()) - NO_WORDS)
