"""lint.py - the rules of docs/style.md that a program can judge

    lint.py SOURCE_ROOT [BUILD_ROOT]

Each test is one rule. The second half shows that the checks can fail: a
small wrong tree for each of them.
"""

import pathlib
import sys
import tempfile
import unittest

import documents
import headers
import layers
import rules
import symbols
import text
from tree import Tree

# unittest leaves frames of a module with this name out of its report.
__unittest = True

source_root = None
build_root = None


class Lint(unittest.TestCase):
    def none_of(self, faults):
        faults = list(faults)
        if faults:
            self.fail("\n  " + "\n  ".join(faults))


class TheTree(Lint):
    def setUp(self):
        self.tree = Tree(source_root)

    def test_the_top_level_holds_what_is_planned_and_nothing_else(self):
        names = self.tree.committed()
        if names is None:
            self.skipTest("not a clone: nobody says what belongs to it")
        self.none_of(layers.strangers(names))

    def test_a_file_includes_its_own_folder_or_one_below(self):
        self.none_of(layers.wrong_direction(self.tree))

    def test_a_source_includes_its_own_header_first(self):
        self.none_of(layers.own_header_not_first(self.tree))

    def test_tools_bench_and_examples_know_blt_h_only(self):
        self.none_of(layers.inside_seen_from_outside(self.tree))

    def test_blt_h_alone_is_clean_c99_c11_c17_and_cxx(self):
        if not self.tree.header().exists():
            self.skipTest("there is no include/blt.h")
        self.none_of(headers.public_header_faults(self.tree))

    def test_each_header_of_the_library_compiles_alone(self):
        self.none_of(headers.inner_header_faults(self.tree))

    def test_no_file_is_over_500_lines_without_saying_why(self):
        self.none_of(text.long_files(self.tree))

    def test_no_function_is_over_70_lines(self):
        self.none_of(text.long_functions(self.tree))

    def test_lines_have_no_tabs_no_blanks_at_the_end_and_80_columns(self):
        self.none_of(text.odd_lines(self.tree))

    def test_a_prefetch_is_made_by_blt__ask_only(self):
        self.none_of(text.prefetches_elsewhere(self.tree))

    def test_nothing_is_marked_as_left_over(self):
        self.none_of(text.leftovers(self.tree))

    def test_each_numbered_rule_is_named_by_a_test(self):
        self.none_of(rules.untested_rules(self.tree))

    def test_each_rule_number_stands_in_one_module(self):
        self.none_of(rules.ambiguous_rules(self.tree))

    def test_each_link_in_the_documents_leads_somewhere(self):
        self.none_of(documents.broken_links(self.tree))

    def test_each_c_example_of_the_readme_is_compiled(self):
        self.none_of(documents.unproven_examples(self.tree))


class TheLibrary(Lint):
    """What nm says; skipped where nothing is built."""

    def built(self, *names):
        for name in names:
            path = pathlib.Path(build_root or ".", "src", name)
            if build_root and path.exists():
                return path
        self.skipTest(f"src/{names[0]} is not built")

    def archive(self):
        return self.built("libblt.a")

    def test_system_calls_are_made_in_src_os_only(self):
        self.none_of(symbols.system_calls_elsewhere(self.archive()))

    def test_the_library_never_prints_and_never_exits(self):
        self.none_of(symbols.loud_calls(self.archive()))

    def test_inner_globals_begin_with_blt__(self):
        self.none_of(symbols.globals_without_prefix(self.archive()))

    def test_what_is_exported_is_what_blt_h_declares(self):
        library = self.built("libblt.so.0", "libblt.so")
        exported = set(symbols.exported(library))
        declared = symbols.declared(Tree(source_root).header())
        self.none_of(f"{name} is declared, not exported"
                     for name in sorted(declared - exported))
        self.none_of(f"{name} is exported, not declared"
                     for name in sorted(exported - declared))


class TheChecks(Lint):
    """A check that finds nothing must have been able to find something."""

    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.tree = Tree(folder.name)

    def write(self, name, content):
        path = self.tree.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content, encoding="utf-8")

    def finds(self, faults, *expected):
        self.assertEqual(list(faults), list(expected))

    def test_a_stranger_at_the_top_level_is_found(self):
        names = ["--help/blt.c", "src/base/buf.c", ".gitignore", "run"]
        self.finds(layers.strangers(names),
                   "--help: no such room in the plan (tree.py)")

    def test_an_include_upwards_is_found(self):
        self.write("src/lookup/chain.c", '#include "os/view.h"\n'
                   '#include "change/log.h"\n#include "view.h"\n')
        self.finds(
            layers.wrong_direction(self.tree),
            'src/lookup/chain.c: lookup may not include "change/log.h"',
            'src/lookup/chain.c: "view.h" is not written from src/',
        )

    def test_an_include_sideways_is_found(self):
        self.write("src/hash/cpu.c", '#include "format/limits.h"\n')
        self.finds(layers.wrong_direction(self.tree),
                   'src/hash/cpu.c: hash may not include "format/limits.h"')

    def test_a_header_that_is_not_first_is_found(self):
        self.write("src/os/view.h", "")
        self.write("src/os/view.c",
                   '#include <stdio.h>\n#include "os/view.h"\n')
        self.finds(layers.own_header_not_first(self.tree),
                   'src/os/view.c: "os/view.h" is not the first include')

    def test_a_tool_that_looks_inside_is_found(self):
        self.write("src/base/buf.h", "")
        self.write("tools/main.c", '#include "base/buf.h"\n#include "out.h"\n')
        self.finds(layers.inside_seen_from_outside(self.tree),
                   "tools/main.c: base/buf.h is inside the library")

    def test_a_header_that_does_not_compile_is_found(self):
        self.write("src/base/buf.h", "size_t blt__buf_len(void);\n")
        self.assertEqual(len(list(headers.inner_header_faults(self.tree))), 1)

    def test_a_long_file_is_found_unless_it_says_why(self):
        self.write("src/a.c", "\n" * 501)
        self.write("src/b.c",
                   "/* longer than the\n * others because */\n" + "\n" * 501)
        self.finds(text.long_files(self.tree), "src/a.c: 501 lines")

    def test_a_long_function_is_found(self):
        self.write("src/a.c", "int f(void)\n{\n" + "\n" * 69 + "}\n")
        self.write("src/b.c", "int f(void)\n{\n" + "\n" * 68 + "}\n")
        self.finds(text.long_functions(self.tree), "src/a.c:1: 71 lines")

    def test_odd_lines_are_found(self):
        self.write("src/a.c", "\tint a;\nint b; \n" + "c" * 81 + "\n"
                   + '  "' + "row" * 30 + '"\n')
        self.finds(text.odd_lines(self.tree), "src/a.c:1: a tab",
                   "src/a.c:2: blanks at the end", "src/a.c:3: 81 columns")

    def test_a_prefetch_elsewhere_is_found(self):
        self.write("src/base/ask.h", "__builtin_prefetch(at);\n")
        self.write("src/os/view.h", "__builtin_prefetch(at);\n")
        self.finds(text.prefetches_elsewhere(self.tree),
                   "src/os/view.h:1: a prefetch that is not blt__ask")

    def test_a_left_over_is_found(self):
        self.write("src/a.c", "/* FIX" "ME later */\n")
        self.assertEqual(len(list(text.leftovers(self.tree))), 1)

    def test_a_rule_without_a_test_is_found(self):
        self.write("src/os/view.h",
                   "/*\n * view.h\n *\n *   V1  one\n *   V2  two\n */\n")
        self.write("tests/unit/test_view.c", "/* V1 */\nV2\n")
        self.finds(rules.untested_rules(self.tree),
                   "src/os/view.h: no test names V2")

    def test_a_rule_number_of_two_modules_is_found(self):
        rule = "/*\n *   V1  one\n */\n"
        self.write("src/os/view.h", rule)
        self.write("src/os/view.c", rule)
        self.write("src/os/vfs.c", rule)
        self.finds(rules.ambiguous_rules(self.tree),
                   "V1: in src/os/vfs.c and in src/os/view.c",
                   "V1: in src/os/vfs.c and in src/os/view.h")

    def test_a_broken_link_is_found(self):
        self.write("README.md", "[a](docs/a.md) [b](https://example.org)\n")
        self.finds(documents.broken_links(self.tree),
                   "README.md: there is no docs/a.md")

    def test_an_example_that_nobody_compiles_is_found(self):
        self.write("README.md", "```c\nint a;\n```\n```c\nint b;\n```\n")
        self.write("examples/a.c", "/* a.c */\nint a;\n")
        self.finds(documents.unproven_examples(self.tree),
                   "README.md: no file in examples/ has 'int b;\\n'")

    def test_names_of_nm_are_taken_back_to_their_calls(self):
        for symbol, name in [("pread64@GLIBC_2.2.5", "pread"),
                             ("__open64_2", "open"),
                             ("__fprintf_chk", "fprintf"),
                             ("__assert_fail", "__assert_fail"),
                             ("blake2s_init", "blake2s_init")]:
            self.assertEqual(symbols.plain(symbol), name)

    def test_declarations_are_read_from_a_header(self):
        self.write("blt.h", "#define BLT_API \\\n  x(\n/* BLT_API blt_no( */\n"
                   "BLT_API const char *\nblt_one(int a);\n"
                   "BLT_API void blt_two(void);\n")
        self.assertEqual(symbols.declared(self.tree.root / "blt.h"),
                         {"blt_one", "blt_two"})


if __name__ == "__main__":
    if len(sys.argv) not in (2, 3):
        sys.exit(__doc__)
    source_root, build_root = (sys.argv[1:] + [None])[:2]
    unittest.main(argv=sys.argv[:1], verbosity=2)
