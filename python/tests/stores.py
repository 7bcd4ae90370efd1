"""The stores that the tests of the contract use, of either package."""

VALUE_LEN = 8


def new(package, where, kind="variable", **more):
    more.setdefault("n_buckets", 101)
    if kind == "fixed":
        return package.FixedLengthValue(
            where, "n", "str", value_len=VALUE_LEN, **more
        )
    more.setdefault("value_serializer", "bytes")
    return package.open(where, "n", "str", **more)


def old(package, where, kind="variable", flag="r", **more):
    cls = package.FixedLengthValue if kind == "fixed" else package.open
    return cls(where, flag, **more)


def value(i):
    return b"%08d" % i


def fill(store, n, begin=0):
    for i in range(begin, begin + n):
        store[f"k{i}"] = value(i)


def expect(store, n):
    assert dict(store.items()) == {f"k{i}": value(i) for i in range(n)}
    assert len(store) == n
