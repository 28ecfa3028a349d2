"""No test is lost: every file, function and class below tests/ is collected, or something else uses it."""

import ast
from pathlib import Path

import pytest

HERE = Path(__file__).parent
FILES = {path.relative_to(HERE).as_posix(): ast.parse(path.read_bytes()) for path in sorted(HERE.rglob("*.py"))}
TESTS = [name for name in FILES if Path(name).name.startswith("test_")]
HELPERS = [name for name in FILES if name not in TESTS and Path(name).name != "conftest.py"]


def used(tree: ast.AST) -> set[str]:
    """Return every name that the code reads or imports."""
    names = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load)}
    names |= {node.attr for node in ast.walk(tree) if isinstance(node, ast.Attribute)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Import | ast.ImportFrom):
            names |= {alias.name for alias in node.names} | {getattr(node, "module", None)}
    return names


def definitions(tree: ast.Module) -> list[ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef]:
    return [node for node in tree.body if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef)]


def collected(node: ast.AST) -> bool:
    """Whether pytest runs it: by its name; a class needs such methods and no __init__."""
    if not isinstance(node, ast.ClassDef):
        return node.name.startswith("test")
    methods = {one.name for one in node.body if isinstance(one, ast.FunctionDef)}
    return node.name.startswith("Test") and any(m.startswith("test") for m in methods) and "__init__" not in methods


@pytest.mark.parametrize("name", HELPERS)
def test_file_without_tests_is_a_helper_of_others(name):
    stem = Path(name).stem
    assert any(stem in used(tree) for other, tree in FILES.items() if other != name), f"no test is in {name}: test_*.py"
    assert not [node.name for node in definitions(FILES[name]) if collected(node)]


@pytest.mark.parametrize("name", TESTS)
def test_everything_in_a_file_runs_or_is_used(name):
    nodes = definitions(FILES[name])
    assert any(collected(node) for node in nodes), f"no test is in {name}"
    names = [node.name for node in nodes]
    assert sorted(set(names)) == sorted(names), f"{name}: the same name twice, the first does not run"
    idle = [n.name for n in nodes if not collected(n) and not n.decorator_list and n.name not in used(FILES[name])]
    assert idle == [], f"{name}: neither collected (test_…, Test…) nor used"


def test_every_name_is_there_once():
    """pytest imports test files by their name alone."""
    names = [Path(name).name for name in TESTS]
    assert sorted(set(names)) == sorted(names)


def test_no_conftest_leaves_files_out():
    shared = [name for name in FILES if Path(name).name == "conftest.py"]
    assert [name for name in shared if "collect_ignore" in ast.dump(FILES[name])] == []
