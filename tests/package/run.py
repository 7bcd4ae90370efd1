"""Run these tests: python3 run.py SOURCE_ROOT BUILD_ROOT [TEST...]"""

import os
import sys
import unittest

HERE = os.path.dirname(os.path.abspath(__file__))


def main():
    if len(sys.argv) < 3:
        print("usage: run.py SOURCE_ROOT BUILD_ROOT [TEST...]",
              file=sys.stderr)
        return 2
    sys.dont_write_bytecode = True
    os.environ["SOURCE_ROOT"] = os.path.abspath(sys.argv[1])
    os.environ["BUILD_ROOT"] = os.path.abspath(sys.argv[2])
    sys.path.insert(0, HERE)
    loader = unittest.defaultTestLoader
    if len(sys.argv) > 3:
        tests = loader.loadTestsFromNames(sys.argv[3:])
    else:
        tests = loader.discover(HERE, pattern="test_*.py")
    result = unittest.TextTestRunner(verbosity=2).run(tests)
    return 0 if result.wasSuccessful() else 1


if __name__ == "__main__":
    sys.exit(main())
