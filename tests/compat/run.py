"""
run.py - all tests of compatibility with booklet

    BLT_LIB=path/to/libblt.so python run.py [name of a test ...]

BLT_COMPAT_OPS is the number of random operations for each kind of file,
BLT_SEED repeats a run. Without BLT_LIB only booklet and spec_reader are
compared. 0: all passed, 1: not, 77: cannot run here.
"""
import os
import sys
import unittest

HERE = os.path.dirname(os.path.abspath(__file__))
MODULES = ["test_binding", "test_files", "test_faults", "test_read",
           "test_write", "test_turns", "test_first", "test_zeros"]


def main(names):
    sys.path.insert(0, HERE)
    try:
        import booklet  # noqa: F401  is it there?
    except ImportError as error:
        print("skipped: booklet cannot be imported (%s)" % error)
        return 77
    import support
    if support.bltlib is None:
        print("BLT_LIB is not set: libblt is not tested")
    print("BLT_SEED=%d BLT_COMPAT_OPS=%d" % (support.SEED, support.N_OPS),
          flush=True)
    suite = unittest.defaultTestLoader.loadTestsFromNames(names or MODULES)
    result = unittest.TextTestRunner(verbosity=1).run(suite)
    if not result.wasSuccessful():
        print("repeat with BLT_SEED=%d" % support.SEED)
    return 0 if result.wasSuccessful() else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
