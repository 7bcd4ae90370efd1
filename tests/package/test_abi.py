"""What programs that were compiled against blt.h rely on."""

import re
import struct
import subprocess
import sys
import unittest

from support import BUILD, SOURCE, Case, needs

sys.path.insert(0, str(SOURCE / "scripts"))
import abi  # noqa: E402

LIBRARY = BUILD / "src" / "libblt.so.0"

# blt.h promises these structures without saying what is in them.
OPAQUE = """\
[suppress_type]
  name_regexp = ^(blt_db|blt_iter)$
"""


def stub(line):
    """A function with the signature of a line of the list."""
    return re.sub(r";( /\*.*)?$", " { __builtin_trap(); }", line)


@unittest.skipUnless(struct.calcsize("P") == 8, "pointers of another size")
class TheInterface(Case):
    def setUp(self):
        super().setUp()
        self.listed = abi.LIST.read_text(encoding="utf-8")

    def test_blt_h_declares_what_is_listed_with_the_listed_layout(self):
        self.assertEqual(abi.the_list(), self.listed,
                         "on purpose? then: python3 scripts/abi.py --write")

    def test_each_symbol_has_the_version_that_is_listed(self):
        listed = {abi.function_name(line): line.split(" /* ")[1][:-3]
                  for line in self.listed.splitlines()
                  if abi.function_name(line)}
        symbols = subprocess.run(
            ["nm", "-D", "--defined-only", LIBRARY], check=True, text=True,
            capture_output=True).stdout
        exported = dict(re.findall(r" [A-Z] (blt_\w+)@@(\w+)", symbols))
        self.assertEqual(exported, listed)

    def test_debian_is_told_the_same_versions(self):
        self.assertEqual(abi.DEBIAN.read_text(encoding="utf-8"),
                         abi.debian_symbols(),
                         "then: python3 scripts/abi.py --write")

    def test_programs_ask_for_libblt_so_0(self):
        head = self.run_it("objdump", "-p", LIBRARY)
        self.assertRegex(head, r"SONAME +libblt\.so\.0\n")

    def test_each_function_is_in_the_map(self):
        self.assertNotIn("in no version", self.listed)

    @needs("abidiff", "gcc")
    def test_abidiff_sees_no_difference_to_the_list(self):
        lines = self.listed.splitlines()
        source = [stub(line) if abi.function_name(line) else line
                  for line in lines]
        self.write("listed/blt.h", "\n".join(
            line for line in lines if not abi.function_name(line)))
        functions = [line for line in source if line.endswith("}")
                     and "__builtin_trap" in line]
        self.write("listed.c", '#include "listed/blt.h"\n'
                   + "\n".join(functions) + "\n")
        self.write("opaque", OPAQUE)
        self.run_it("gcc", "-g", "-shared", "-fPIC", "-o", "listed.so",
                    "-Wl,-soname,libblt.so.0",
                    f"-Wl,--version-script={abi.MAP}", "listed.c")
        self.run_it("abidiff", "--suppressions", "opaque",
                    "--headers-dir1", self.folder / "listed",
                    "--headers-dir2", SOURCE / "include",
                    self.folder / "listed.so", LIBRARY.resolve())
