"""Importing this makes `import booklet` give blt. For programs that one does
not want to change: python -m pytest -p blt.as_booklet tests/"""

import blt

blt.install_as_booklet()
