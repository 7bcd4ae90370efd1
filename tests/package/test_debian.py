"""What debian/ says of the rest of the tree still holds."""

import re
import shutil

from support import SOURCE, Case, needs

DEBIAN = SOURCE / "debian"


class Debian(Case):
    def setUp(self):
        super().setUp()
        if not DEBIAN.is_dir():
            self.skipTest("debian/ is not in this tree")

    @needs("patch")
    def test_each_patch_applies(self):
        """One that does not would be found by dpkg-buildpackage only."""
        named = (DEBIAN / "patches/series").read_text("utf-8").split()
        self.assertEqual(
            sorted(named),
            sorted(path.name for path in DEBIAN.glob("patches/*.patch")))
        tree = self.folder / "tree"
        for name in named:
            patch = (DEBIAN / "patches" / name).read_text("utf-8")
            for path in re.findall(r"^--- a/(\S+)", patch, re.MULTILINE):
                copy = tree / path
                copy.parent.mkdir(parents=True, exist_ok=True)
                if not copy.exists():
                    shutil.copy(SOURCE / path, copy)
            self.run_it("patch", "--fuzz=0", "-p1", "-d", tree, "-i",
                        DEBIAN / "patches" / name)

    def test_each_package_has_files_to_install(self):
        control = (DEBIAN / "control").read_text("utf-8")
        self.assertEqual(
            sorted(re.findall(r"^Package: (\S+)", control, re.MULTILINE)),
            sorted(path.stem for path in DEBIAN.glob("*.install")))
