"""Run the tests of the program: python3 run.py BLT_BINARY [TEST...]"""

import os
import sys
import unittest

HERE = os.path.dirname(os.path.abspath(__file__))


def main():
    if len(sys.argv) < 2:
        print("usage: run.py BLT_BINARY [TEST...]", file=sys.stderr)
        return 2
    sys.dont_write_bytecode = True
    os.environ["BLT"] = os.path.abspath(sys.argv[1])
    sys.path.insert(0, HERE)
    loader = unittest.defaultTestLoader
    if len(sys.argv) > 2:
        tests = loader.loadTestsFromNames(sys.argv[2:])
    else:
        tests = loader.discover(HERE, pattern="test_*.py")
    result = unittest.TextTestRunner(verbosity=1).run(tests)
    return 0 if result.wasSuccessful() else 1


if __name__ == "__main__":
    sys.exit(main())
