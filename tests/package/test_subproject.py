"""blt as a part of somebody else's meson project."""

from support import SOURCE, Case, needs

PROJECT = """\
project('rain', 'c', default_options: ['warning_level=3', 'werror=true'])
blt_dep = dependency('blt', fallback: ['blt', 'blt_dep'])
test('rain', executable('rain', 'rain.c', dependencies: blt_dep))
"""


class ASubproject(Case):
    def needed(self):
        """The shared libraries that the program asks for."""
        head = self.run_it("objdump", "-p", "built/rain")
        return [line.split()[1] for line in head.splitlines()
                if "NEEDED" in line]

    @needs("meson", "ninja", "gcc")
    def test_a_project_has_the_library_shared_or_static(self):
        self.write("rain/meson.build", PROJECT)
        self.write("rain/rain.c", (SOURCE / "examples/first.c").read_text())
        (self.folder / "rain/subprojects").mkdir()
        (self.folder / "rain/subprojects/blt").symlink_to(SOURCE)

        self.run_it("meson", "setup", "built", "rain", "--buildtype=plain",
                    "--wrap-mode=forcefallback")
        self.run_it("meson", "test", "-C", "built", "--print-errorlogs")
        self.assertIn("libblt.so.0", self.needed())

        self.run_it("meson", "configure", "built",
                    "-Dblt:default_library=static")
        self.run_it("meson", "test", "-C", "built", "--print-errorlogs")
        self.assertNotIn("libblt.so.0", self.needed())
