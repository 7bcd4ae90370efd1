"""The stubs say what the module has, no less and no more."""

import ast
import inspect
import pathlib

import pytest

import blt
from blt import _core

STUB = pathlib.Path(blt.__file__).with_name("_core.pyi")


def members(body):
    """Name and node of what a module or class defines."""
    found = {}
    for node in body:
        if isinstance(node, (ast.FunctionDef, ast.ClassDef)):
            found[node.name] = node
        elif isinstance(node, ast.AnnAssign):
            found[node.target.id] = node
    return found


def parameters(node):
    """(name, has a default) of a function in the stub, without self."""
    args = node.args
    names = [a.arg for a in args.posonlyargs + args.args]
    n_plain = len(names) - len(args.defaults)
    pairs = [(name, i >= n_plain) for i, name in enumerate(names)]
    return [pair for pair in pairs if pair[0] != "self"]


@pytest.fixture(scope="module")
def stub():
    return members(ast.parse(STUB.read_text()).body)


def test_the_package_says_that_it_is_typed():
    assert STUB.with_name("py.typed").exists()


def test_each_name_of_the_module_is_in_the_stub(stub):
    names = {n for n in vars(_core) if not n.startswith("__")}
    assert names == set(stub)


def test_each_member_of_a_store_is_in_the_stub(stub):
    told = set(members(stub["Store"].body))
    names = {n for n in vars(_core.Store) if not n.startswith("__")}
    assert names == {n for n in told if not n.startswith("__")}
    for name in told:
        assert hasattr(_core.Store, name), name


def test_parameters_are_as_the_stub_has_them(stub):
    n = 0
    for name, node in members(stub["Store"].body).items():
        function = getattr(_core.Store, name)
        try:
            signature = inspect.signature(function)
        except (ValueError, TypeError):
            continue
        if not isinstance(node, ast.FunctionDef) or name.startswith("__"):
            continue
        real = [
            (p.name, p.default is not p.empty)
            for p in signature.parameters.values()
            if p.name != "self"
        ]
        assert real == parameters(node), name
        n += 1
    assert n >= 14


def test_classes_accept_what_booklet_accepts():
    for cls, last in ((blt.VariableLengthValue, 9), (blt.FixedLengthValue, 8)):
        names = list(inspect.signature(cls).parameters)
        assert names[:2] == ["file_path", "flag"] and names[last - 1] == "timeout"


def test_mypy_agrees(tmp_path):
    stubtest = pytest.importorskip("mypy.stubtest")
    args = stubtest.parse_options(["blt._core", "--ignore-missing-stub"])
    assert stubtest.test_stubs(args, use_builtins_fixtures=False) == 0
