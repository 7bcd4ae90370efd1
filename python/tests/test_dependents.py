"""Programs that are built on booklet, unchanged: ebooklet and cfdb from PyPI.

Each runs in a process of its own, once on booklet and once on blt, and reads
what the other wrote.
"""

import importlib.util
import itertools
import subprocess
import sys

import pytest
from conftest import HAS_BOOKLET

PACKAGES = ["booklet", "blt"]
TURNS = list(itertools.product(PACKAGES, PACKAGES))

BEGIN = """
import sys
package, path, mode = sys.argv[1:]
if package == "blt":
    import blt.as_booklet
import booklet
assert booklet.open.__module__ == package + ".main"
"""

CFDB = BEGIN + """
import cfdb, numpy as np
lat = np.linspace(0, 19.9, 200)
time = np.arange("2020-01-01", "2020-03-01", dtype="datetime64[D]")
data = np.outer(lat, np.arange(len(time))).round(1)
if mode == "write":
    with cfdb.open_dataset(path, "n") as ds:
        ds.create.coord.lat(data=lat, chunk_shape=(20,))
        ds.create.coord.time(data=time)
        rain = ds.create.data_var.generic(
            "rain", ("latitude", "time"), dtype="float32", chunk_shape=(20, 30)
        )
        rain[:] = data.astype("f4")
        rain.attrs["units"] = "mm"
elif mode == "change":
    with cfdb.open_dataset(path, "w") as ds:
        ds["rain"][0:20, 0:30] = np.zeros((20, 30), "f4")
        ds.prune()
else:
    if mode == "changed":
        data[0:20, 0:30] = 0
    with cfdb.open_dataset(path) as ds:
        rain = ds["rain"]
        assert np.allclose(np.asarray(rain.values), data, atol=1e-3)
        assert rain.attrs["units"] == "mm"
        assert (ds["time"].values == time).all()
"""

EBOOKLET = BEGIN + """
import ebooklet
if mode == "write":
    with booklet.open(path, "n", "str", "orjson") as b:
        b.update({f"k{i}": {"v": i} for i in range(50)})
        b.set_metadata({"m": 1})
else:
    with ebooklet.open_ebooklet(
        "https://localhost:1/none", path, "r", offline=True
    ) as e:
        assert e.offline and len(e) == 50 and e["k7"] == {"v": 7}
        assert e.get_metadata() == {"m": 1} and "k8" in e
        assert sorted(e.keys()) == sorted(f"k{i}" for i in range(50))
        assert {k: v["v"] for k, v in e.items()}["k9"] == 9
        assert e.get_timestamp("k1") > 0
"""


def needs(name):
    return pytest.mark.skipif(
        not HAS_BOOKLET or importlib.util.find_spec(name) is None,
        reason=f"{name} (from PyPI) is not installed",
    )


def run(code, package, path, mode):
    done = subprocess.run(
        [sys.executable, "-c", code, package, path, mode],
        capture_output=True, text=True, timeout=120,
    )
    assert done.returncode == 0, done.stderr


@needs("cfdb")
@pytest.mark.parametrize("writer, reader", TURNS)
def test_a_dataset_of_cfdb(tmp_path, writer, reader):
    path = tmp_path / "a.cfdb"
    run(CFDB, writer, path, "write")
    run(CFDB, reader, path, "read")
    run(CFDB, reader, path, "change")
    run(CFDB, writer, path, "changed")


@needs("ebooklet")
@pytest.mark.parametrize("writer, reader", TURNS)
def test_an_offline_session_of_ebooklet(tmp_path, writer, reader):
    path = tmp_path / "a.blt"
    run(EBOOKLET, writer, path, "write")
    run(EBOOKLET, reader, path, "read")
