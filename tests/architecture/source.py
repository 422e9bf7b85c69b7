"""The package as text: its files, its imports, its calls."""

import ast
import subprocess
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PACKAGE = ROOT / "jaxem"


def modules() -> dict[str, Path]:
    """Every module of the package: dotted name -> file."""
    found = {}
    for path in sorted(PACKAGE.rglob("*.py")):
        parts = path.relative_to(ROOT).with_suffix("").parts
        found[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path
    return found


@cache
def tree(path: Path) -> ast.Module:
    """The syntax tree of a file."""
    return ast.parse(path.read_text(encoding="utf-8"), str(path))


def imports(path: Path, at_load: bool = False) -> set[str]:
    """Dotted names of what a file imports from the package.

    `from a.b import c` counts as `a.b.c` when that is a module, and as `a.b` when c is a name in
    it.

    Args:
        path: The file.
        at_load: Only what is imported when the module is loaded; by default also what stands in
            functions, or is for the type checker.
    """
    known = modules()
    found = set()
    for node in tree(path).body if at_load else ast.walk(tree(path)):
        if isinstance(node, ast.Import):
            found.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            source = f"{_package(path, node.level)}.{node.module or ''}".strip(".")
            for alias in node.names:
                inner = f"{source}.{alias.name}"
                found.add(inner if inner in known else source)
        elif isinstance(node, ast.Call) and _called(node) in {"import_module", "__import__"}:
            found.update(a.value for a in node.args if isinstance(a, ast.Constant))
    return {name for name in found if name == "jaxem" or str(name).startswith("jaxem.")}


def _package(path: Path, level: int) -> str:
    """What the leading dots of a relative import mean in this file."""
    if level == 0:
        return ""
    folder = path.parent
    for _ in range(level - 1):
        folder = folder.parent
    return ".".join(folder.relative_to(ROOT).parts)


def _called(node: ast.Call) -> str:
    function = node.func
    return function.attr if isinstance(function, ast.Attribute) else getattr(function, "id", "")


def names_used(path: Path) -> set[str]:
    """Every plain name and attribute that a file mentions, and every name it imports."""
    found = set()
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.Name):
            found.add(node.id)
        elif isinstance(node, ast.Attribute):
            found.add(node.attr)
        elif isinstance(node, ast.ImportFrom):
            found.update(alias.name for alias in node.names)
    return found


def kept_files() -> list[Path]:
    """Every file of the repository that version control keeps or would keep."""
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard"]
    try:
        listed = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    except (OSError, subprocess.CalledProcessError):
        hidden = {".git", ".venv", "__pycache__"}
        every = (p for p in ROOT.rglob("*") if not hidden & set(p.relative_to(ROOT).parts))
        return sorted(p for p in every if p.is_file())
    return sorted(p for p in (ROOT / line for line in listed.stdout.splitlines()) if p.is_file())


def loaded(path: Path) -> set[str]:
    """Dotted names of the modules that a file imports anything from, of any package."""
    found = set()
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.Import):
            found.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and not node.level:
            found.update({str(node.module), *(f"{node.module}.{a.name}" for a in node.names)})
    return found
