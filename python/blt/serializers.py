"""Serializers: classes with the functions dumps and loads, and their codes in
the header of the file.

Packages that are not installed are missed when they are used, not before.
"""

import functools
import importlib
import io
import json
import pickle


class _Later:
    """A module that is imported when it is first used."""

    def __init__(self, name, used_for):
        self._name, self._used_for = name, used_for

    def __getattr__(self, attribute):
        try:
            module = importlib.import_module(self._name)
        except ImportError as error:
            raise NameError(
                f"name {self._name!r} is not defined: the serializer "
                f"{self._used_for} needs this package, which is not installed"
            ) from error
        self.__dict__.update(vars(module))
        return getattr(module, attribute)


orjson = _Later("orjson", "orjson")
zstd = _Later("zstandard", "zstd")
np = _Later("numpy", "numpy_int")
pd = _Later("pandas", "pd_zstd")
gpd = _Later("geopandas", "gpd_zstd")
wkb = _Later("shapely.wkb", "wkb")
msgpack = _Later("msgpack", "msgpack")


class Bytes:
    def dumps(obj):
        return obj

    def loads(obj):
        return obj


class Str:
    def dumps(obj):
        return obj.encode()

    def loads(obj):
        return obj.decode()


class Pickle:
    def dumps(obj):
        return pickle.dumps(obj, 5)

    def loads(obj):
        return pickle.loads(obj)


class Json:
    def dumps(obj):
        return json.dumps(obj).encode()

    def loads(obj):
        return json.loads(obj.decode())


def _orjson_options():
    return (
        orjson.OPT_NON_STR_KEYS
        | orjson.OPT_OMIT_MICROSECONDS
        | orjson.OPT_SERIALIZE_NUMPY
    )


class Orjson:
    def dumps(obj):
        return orjson.dumps(obj, option=_orjson_options())

    def loads(obj):
        return orjson.loads(obj)


class Zstd:
    def dumps(obj):
        return zstd.compress(obj, 1)

    def loads(obj):
        return zstd.decompress(obj)


class Wkb:
    def dumps(obj):
        return wkb.dumps(obj)

    def loads(obj):
        return wkb.loads(obj)


class Msgpack:
    def dumps(obj):
        return msgpack.dumps(obj)

    def loads(obj):
        return msgpack.loads(obj)


def _int(name, width, signed):
    """A number of so many bytes, little-endian."""

    def dumps(obj):
        return int(obj).to_bytes(width, "little", signed=signed)

    def loads(obj):
        return int.from_bytes(obj, "little", signed=signed)

    return type(
        name,
        (),
        {"dumps": dumps, "loads": loads, "width": width, "signed": signed},
    )


def _numpy(name, dtype):
    """An array of signed numbers of one width."""

    def dumps(obj):
        return obj.astype(dtype).tobytes()

    def loads(obj):
        return np.frombuffer(obj, dtype)

    return type(name, (), {"dumps": dumps, "loads": loads})


def _zstd(name, inner):
    """The same bytes, compressed."""

    def dumps(obj):
        return zstd.compress(inner.dumps(obj), 1)

    def loads(obj):
        return inner.loads(zstd.decompress(obj))

    return type(name, (), {"dumps": dumps, "loads": loads})


def _feather(name, package):
    """A data frame as a compressed feather file."""

    def dumps(obj):
        file = io.BytesIO()
        obj.to_feather(file, compression="zstd", compression_level=1)
        return file.getvalue()

    def loads(obj):
        return package.read_feather(io.BytesIO(obj))

    return type(name, (), {"dumps": dumps, "loads": loads})


Uint1 = _int("Uint1", 1, False)
Int1 = _int("Int1", 1, True)
Uint2 = _int("Uint2", 2, False)
Int2 = _int("Int2", 2, True)
Uint4 = _int("Uint4", 4, False)
Int4 = _int("Int4", 4, True)
Uint5 = _int("Uint5", 5, False)
Int5 = _int("Int5", 5, True)
Uint8 = _int("Uint8", 8, False)
Int8 = _int("Int8", 8, True)
PickleZstd = _zstd("PickleZstd", Pickle)
OrjsonZstd = _zstd("OrjsonZstd", Orjson)
NumpyInt1 = _numpy("NumpyInt1", "i1")
NumpyInt2 = _numpy("NumpyInt2", "i2")
NumpyInt4 = _numpy("NumpyInt4", "i4")
NumpyInt8 = _numpy("NumpyInt8", "i8")
NumpyInt2Zstd = _zstd("NumpyInt2Zstd", NumpyInt2)
NumpyInt4Zstd = _zstd("NumpyInt4Zstd", NumpyInt4)
NumpyInt8Zstd = _zstd("NumpyInt8Zstd", NumpyInt8)
PdZstd = _feather("PdZstd", pd)
GpdZstd = _feather("GpdZstd", gpd)
WkbZstd = _zstd("WkbZstd", Wkb)
MsgpackZstd = _zstd("MsgpackZstd", Msgpack)

# The code in the header is the position, from 1. Never change the order.
serial_dict = {
    None: Bytes,
    "str": Str,
    "pickle": Pickle,
    "json": Json,
    "orjson": Orjson,
    "uint1": Uint1,
    "int1": Int1,
    "uint2": Uint2,
    "int2": Int2,
    "uint4": Uint4,
    "int4": Int4,
    "uint5": Uint5,
    "int5": Int5,
    "uint8": Uint8,
    "int8": Int8,
    "pickle_zstd": PickleZstd,
    "orjson_zstd": OrjsonZstd,
    "numpy_int1": NumpyInt1,
    "numpy_int2": NumpyInt2,
    "numpy_int4": NumpyInt4,
    "numpy_int8": NumpyInt8,
    "numpy_int2_zstd": NumpyInt2Zstd,
    "numpy_int4_zstd": NumpyInt4Zstd,
    "numpy_int8_zstd": NumpyInt8Zstd,
    "pd_zstd": PdZstd,
    "gpd_zstd": GpdZstd,
    "zstd": Zstd,
    "wkb": Wkb,
    "wkb_zstd": WkbZstd,
    "msgpack": Msgpack,
    "msgpack_zstd": MsgpackZstd,
    "bytes": Bytes,
}
serial_name_dict = {name: i + 1 for i, name in enumerate(serial_dict)}
serial_int_dict = {i + 1: cls for i, cls in enumerate(serial_dict.values())}

_CUSTOM = 65536  # BLT_SERIALIZER_CUSTOM, stored as 0
_BYTES, _STR, _INT, _CALL = range(4)


def _check(serializer, which):
    if hasattr(serializer, "dumps") and hasattr(serializer, "loads"):
        return serializer
    if isinstance(serializer, type):
        raise ValueError(
            "If a class is passed for a serializer, then it must have dumps "
            "and loads methods."
        )
    names = ", ".join(str(name) for name in serial_dict)
    raise ValueError(
        f"{which} serializer must be one of {names}, or a serializer class "
        f"with dumps and loads methods, not {serializer!r}."
    )


def choose(wanted, which):
    """(class, code) for a new file, by name or class."""
    if wanted is None or isinstance(wanted, str):
        if wanted in serial_dict:
            return serial_dict[wanted], serial_name_dict[wanted]
    return _check(wanted, which), _CUSTOM


def stored(code, given, which):
    """The class for the code in a file; 0 is the user's own, which has to be
    given again."""
    if code in serial_int_dict:
        return serial_int_dict[code]
    if code != 0:
        raise ValueError(
            f"the file's {which} serializer has the code {code}, which this "
            "version does not know."
        )
    if given is None or isinstance(given, str):
        raise ValueError(
            f"the file was made with a {which} serializer of its own: pass "
            "the same class again."
        )
    return _check(given, which)


def codec(serializer):
    """How _core.Store is told: kind, width, signed, dumps, loads."""
    dumps, loads = serializer.dumps, serializer.loads
    if serializer is Bytes:
        return _BYTES, 0, False, dumps, loads
    if serializer is Str:
        return _STR, 0, False, dumps, loads
    if any(serializer is known for known in _INTS):
        return _INT, serializer.width, serializer.signed, dumps, loads
    # Without a Python function in between.
    if serializer is Pickle:
        dumps = functools.partial(pickle.dumps, protocol=5)
        loads = pickle.loads
    elif serializer is Orjson:
        dumps = functools.partial(orjson.dumps, option=_orjson_options())
        loads = orjson.loads
    return _CALL, 0, False, dumps, loads


_INTS = (Uint1, Int1, Uint2, Int2, Uint4, Int4, Uint5, Int5, Uint8, Int8)
