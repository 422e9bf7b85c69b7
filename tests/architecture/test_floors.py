"""Folders are the stages of the data's way: a module imports only from lower floors."""

import pytest

from tests.architecture.source import imports, modules

FLOORS = {
    "version": 0,
    "types": 0,
    "digest": 0,
    "status": 0,
    "numerics": 0,
    "datasets": 0,
    "traces": 0.3,
    "compiled": 0.5,
    "latent": 1,
    "supports": 1,
    "model": 2,
    "programs": 3,
    "algebra": 3,
    "initial": 4,
    "estep": 4,
    "mstep": 4,
    "algorithm": 5,
    "likelihood": 5,
    "errors": 5.5,
    "simulation": 5.5,
    "data": 5.6,
    "predict": 5.6,
    "objective": 5.7,
    "optimise": 5.8,
    "verdict": 5.9,
    "fitting": 6,
    "inspection": 7,
    "posterior": 7,
    "resampling": 7,
    "selection": 7,
    "derivatives": 7,
    "diagnostics": 7,
    "zoo": 7,
    "estimators": 8,
    "cli": 9,
}

#: Neighbours on one floor that may be used, in this direction only.
BESIDE = {
    ("numerics", "types"),
    ("numerics", "status"),
    ("datasets", "types"),
    ("mstep", "estep"),
    ("initial", "estep"),
    ("initial", "mstep"),
    ("selection", "resampling"),
    ("zoo", "inspection"),
}

#: Where the public face, `import jaxem`, stands: on the library, under those who only use it.
FACE = 7.5


def stage(module: str) -> str:
    """The folder or file directly under jaxem that holds a module; empty for jaxem itself."""
    return module.split(".")[1] if "." in module else ""


def floor(stage_name: str) -> float:
    return FLOORS[stage_name] if stage_name else FACE


def upward(module: str) -> list[str]:
    """What a module imports that it must not."""
    here = stage(module)
    wrong = []
    for target in sorted(imports(modules()[module])):
        there = stage(target)
        own = there == here
        if not own and (here, there) not in BESIDE and floor(there) >= floor(here):
            wrong.append(f"{module} (floor {floor(here)}) imports {target} (floor {floor(there)})")
    return wrong


def test_every_folder_has_a_floor():
    assert {stage(name) for name in modules()} - {""} <= set(FLOORS)


@pytest.mark.parametrize("module", [name for name in modules() if name != "jaxem"])
def test_imports_go_down(module):
    assert not upward(module)


def test_modules_load_in_an_order():
    """No circle of imports that run when a module is loaded, inside a folder either."""
    known = modules()
    graph = {name: imports(path, at_load=True) & set(known) for name, path in known.items()}
    while graph:
        leaves = {name for name, targets in graph.items() if not targets & set(graph)}
        assert leaves, f"a circle among {sorted(graph)}"
        graph = {name: targets for name, targets in graph.items() if name not in leaves}
