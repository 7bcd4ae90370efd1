"""What users of booklet rely on: names, parameters, serializers.
On booklet and on blt alike."""

import inspect
import time
import weakref
from collections.abc import MutableMapping
from datetime import datetime, timedelta, timezone

import pytest
from conftest import original
from stores import VALUE_LEN, fill, new, value

import blt.booklet

# ------------------------------------------------------------ the surface


def test_the_module_has_all_names(package):
    for name in package.__all__:
        assert hasattr(package, name), name
    assert package.available_serializers[0] is None
    assert len(package.available_serializers) == 32
    assert issubclass(package.LockTimeoutError, TimeoutError)
    assert isinstance(package.__version__, str)


def test_utils_has_the_names_that_others_use(package):
    utils = package.utils
    assert utils.int_to_bytes(513, 2) == b"\x01\x02"
    assert utils.bytes_to_int(b"\x01\x02") == 513
    assert utils.hash_key(utils.metadata_key_bytes) == utils.metadata_key_hash
    assert set(utils.reserved_slot_key_bytes) == {1, 2}
    assert utils.n_keys_pos == 33 and utils.sub_index_init_pos == 200
    assert utils.n_keys_crash == 2**32 - 1
    assert len(utils.uuid_variable_blt) == len(utils.uuid_fixed_blt) == 16


def test_codes_of_serializers_are_those_of_the_format(package):
    names = package.serializers.serial_name_dict
    assert [names[n] for n in (None, "str", "orjson", "uint8", "bytes")] == [
        1, 2, 5, 14, 32,
    ]
    for name, code in names.items():
        cls = package.serializers.serial_dict[name]
        assert package.serializers.serial_int_dict[code] is cls


def test_timestamps_of_all_forms(package):
    make = package.make_timestamp_int
    assert make(42) == 42
    assert abs(make() - time.time() * 1e6) < 5e6
    assert make("2024-01-01T00:00:00+00:00") == 1704067200000000
    zone = timezone(timedelta(hours=2))
    assert make(datetime(2024, 1, 1, 2, tzinfo=zone)) == 1704067200000000
    for wrong in ("2024-01-01T00:00:00", datetime(2024, 1, 1)):
        with pytest.raises(ValueError):
            make(wrong)
    with pytest.raises(TypeError):
        make(1.5)


def test_a_store_is_a_mutable_mapping(package, path):
    with new(package, path) as b:
        assert isinstance(b, MutableMapping)
        fill(b, 3)
        assert b == {f"k{i}": value(i) for i in range(3)}
        assert b.pop("k0") == value(0) and b.pop("zz", 7) == 7
        assert b.setdefault("k1", b"other") == value(1)
        assert b.setdefault("new", b"made") == b"made"
        key, _ = b.popitem()
        assert key not in b
        assert weakref.ref(b)() is b
        with pytest.raises(TypeError):
            hash(b)


def test_classes_can_be_patched_and_subclassed(package, path, monkeypatch):
    monkeypatch.setattr(package.FixedLengthValue, "prune", lambda self: "hi")

    class Mine(package.FixedLengthValue):
        def __getitem__(self, key):
            return super().__getitem__(key)[::-1]

    with Mine(path, "n", "str", VALUE_LEN) as b:
        b["a"] = b"12345678"
        assert b["a"] == b"87654321" and b.prune() == "hi"


def test_update_takes_its_argument_by_booklets_name(package, path, kind):
    name = "key_value_dict" if kind == "fixed" else "key_value"
    with new(package, path, kind) as b:
        b.update(**{name: {"a": value(1), "b": value(2)}})
        assert dict(b.items()) == {"a": value(1), "b": value(2)}


def parameters_of(function):
    """(name, default) of each that may be given by position and by name, but
    for self; those that are by position only are None."""
    return [
        (p.name, p.default) if p.kind is p.POSITIONAL_OR_KEYWORD else None
        for p in inspect.signature(function).parameters.values()
        if p.kind in (p.POSITIONAL_OR_KEYWORD, p.POSITIONAL_ONLY)
        and p.name != "self"
    ]


def functions_of(package):
    """(path of the name, function) of all that is public."""
    for name in ("open", "make_timestamp_int"):
        yield (name,), getattr(package, name)
    for module in ("utils", "serializers", "parallel"):
        for name, item in vars(getattr(package, module)).items():
            if inspect.isfunction(item):
                yield (module, name), item
    for name in ("VariableLengthValue", "FixedLengthValue"):
        cls = getattr(package, name)
        yield (name,), cls
        for method in dir(cls):
            if not method.startswith("_") and callable(getattr(cls, method)):
                yield (name, method), getattr(cls, method)


def test_parameters_have_booklets_names_order_and_defaults():
    ours = dict(functions_of(blt.booklet))
    n = 0
    for name, function in functions_of(original()):
        if name not in ours and name[0] in ("utils", "parallel"):
            continue  # internals
        wanted = parameters_of(function)
        given = parameters_of(ours[name])
        if name[-1] == "update":  # also without one
            wanted, given = [wanted[0][0]], [given[0][0]]
        assert given == wanted, name
        n += 1
    assert n > 50


def test_all_parameters_may_be_given_by_position(package, path):
    with package.open(
        path, "n", "str", "str", 77, 512, False, None, 5
    ) as b:
        assert b._n_buckets == 77 and b._write_buffer_size == 512
        b["a"] = "b"
    with package.open(path, "r") as b:
        assert b["a"] == "b"
    fixed = path.with_name("f")
    with package.FixedLengthValue(fixed, "n", "str", 4, 77, 512, None, 5) as b:
        assert b._value_len == 4


# ----------------------------------------------------------- serializers


@pytest.mark.parametrize("name, good, bad", [
    ("uint1", [0, 255], [-1, 256]),
    ("int1", [-128, 127], [-129, 128]),
    ("uint2", [0, 65535], [65536]),
    ("int2", [-32768, 32767], [32768]),
    ("uint4", [0, 2**32 - 1], [2**32]),
    ("int4", [-(2**31), 2**31 - 1], [2**31]),
    ("uint5", [0, 2**40 - 1], [2**40]),
    ("int5", [-(2**39), 2**39 - 1], [2**39]),
    ("uint8", [0, 2**63, 2**64 - 1], [-1, 2**64]),
    ("int8", [-(2**63), 2**63 - 1], [2**63]),
])
def test_integers(package, path, name, good, bad):
    with package.open(path, "n", name, name) as b:
        for number in good:
            b[number] = number
        b[str(good[0])] = float(good[-1]) if abs(good[-1]) < 2**50 else good[-1]
        for number in bad:
            with pytest.raises(OverflowError):
                b[number] = 0
            with pytest.raises(OverflowError):
                b[0] = number
        with pytest.raises((TypeError, ValueError)):
            b["word"]
    with package.open(path) as b:
        assert set(b) == set(good)
        for number in good[1:]:
            assert b[number] == number


@pytest.mark.parametrize("name, values", [
    ("str", ["", "a", "é", "日本", "\U0001f600", "x" * 70000]),
    ("bytes", [b"", b"\0", b"x" * 300000]),
    (None, [b"", b"abc"]),
    ("pickle", [{"a": (1, 2)}, [], 0, False, "x" * 300000]),
    ("json", [{"a": [1, 2.5, "é"]}, 0, ""]),
    ("orjson", [{"a": [1, 2.5, "é"]}, 0, ""]),
])
def test_values_come_back(package, path, name, values):
    with package.open(path, "n", "uint4", name) as b:
        for i, item in enumerate(values):
            b[i] = item
        assert [b[i] for i in range(len(values))] == values
    with package.open(path) as b:
        assert [b[i] for i in range(len(values))] == values
        assert dict(b.items()) == dict(enumerate(values))


def test_wrong_types_of_keys_and_values(package, path):
    with package.open(path, "n", "str", "str") as b:
        with pytest.raises(AttributeError):
            b[1]
        with pytest.raises(AttributeError):
            b["a"] = 1
        with pytest.raises(UnicodeEncodeError):
            b["\ud800"] = "a"
        assert len(list(b)) == 0
    with package.open(path, "n") as b:
        with pytest.raises(TypeError):
            b["a"]
        with pytest.raises(TypeError):
            b[b"a"] = "text"
        b[b"a"] = bytearray(b"xyz")
        assert b[b"a"] == b"xyz"


class Reversed:
    def dumps(obj):
        return obj[::-1].encode()

    def loads(data):
        assert type(data) is bytes
        return data.decode()[::-1]


def test_a_class_of_the_users_own_is_given_at_each_open(package, path):
    with package.open(path, "n", Reversed, Reversed) as b:
        b["ab"] = "cd"
        assert list(b.items()) == [("ab", "cd")]
    with package.open(path, "r", Reversed, Reversed) as b:
        assert b["ab"] == "cd"
    with pytest.raises(ValueError):
        package.open(path)

    class Half:
        def dumps(obj):
            return obj

    with pytest.raises(ValueError):
        package.open(path, "n", Half)


def test_errors_of_a_serializer_pass_through(package, path):
    class Picky:
        def dumps(obj):
            if obj == "no":
                raise LookupError("not that one")
            return obj.encode()

        def loads(data):
            return data.decode()

    with package.open(path, "n", "str", Picky) as b:
        with pytest.raises(LookupError):
            b["a"] = "no"
        with pytest.raises(LookupError):
            b.update({"b": "yes", "c": "no", "d": "yes"})
        b.sync()
        assert dict(b) == {"b": "yes"}
