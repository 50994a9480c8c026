"""Rules of the tree as a whole that no linter knows."""

import ast
import re
import subprocess
import sys
from pathlib import Path

import grimp
import pytest

from backend.settings import Settings

ROOT = Path(__file__).resolve().parents[2]
REQUIREMENT_FILES = [
    "requirements.txt",
    "requirements-demo.txt",
    "requirements-dev.txt",
    "requirements-patchright.txt",
    "constraints.txt",
    "demo/model-wheels.txt",
]
IO_LIBRARIES = {
    "aiohttp", "anyio", "asyncio", "asyncpg", "fastapi", "playwright", "socket", "starlette", "subprocess",
}  # fmt: skip


def tracked_files():
    """Every file that is or would be committed."""
    command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, check=False)
    if done.returncode != 0:
        pytest.skip("this copy of the project is not a git checkout")
    return [ROOT / name for name in done.stdout.decode().split("\0") if name and (ROOT / name).is_file()]


def test_no_python_file_lies_under_selectors():
    found = sorted((ROOT / "selectors").rglob("*.py"))

    # With an __init__.py the folder would shadow the standard library's `selectors`, and `import asyncio` would die.
    assert found == []


def test_asyncio_can_be_imported_from_the_root_of_the_project():
    command = [sys.executable, "-c", "import selectors, asyncio; print(selectors.DefaultSelector)"]

    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)

    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("name", REQUIREMENT_FILES)
def test_every_requirement_is_pinned_to_one_version(name):
    lines = [line.split("#")[0].strip() for line in (ROOT / name).read_text("utf-8").splitlines()]

    loose = [line for line in lines if line and not re.fullmatch(r"-[rc] \S+|[\w.\[\]-]+==[\w.]+", line)]

    assert loose == []


def test_no_package_is_pinned_to_two_versions():
    pins: dict[str, set[str]] = {}
    for name in REQUIREMENT_FILES:
        for package, version in re.findall(
            r"^([\w.-]+)(?:\[\w+\])?==(\S+)", (ROOT / name).read_text("utf-8"), re.MULTILINE
        ):
            pins.setdefault(re.sub(r"[-_.]+", "-", package).lower(), set()).add(version)

    assert {package: versions for package, versions in pins.items() if len(versions) > 1} == {}


def test_the_readme_is_short_enough_to_be_read():
    readme = ROOT / "README.md"
    if not readme.exists():
        pytest.skip("there is no README.md yet")

    assert len(readme.read_text("utf-8").splitlines()) <= 150


def example_settings():
    text = (ROOT / ".env.example").read_text("utf-8")
    return dict(re.findall(r"^([A-Z_]+)=(.*)$", text, re.MULTILINE))


def test_the_example_environment_names_exactly_the_settings_that_exist():
    assert set(example_settings()) == {name.upper() for name in Settings.model_fields}


def test_every_line_of_the_example_environment_shows_the_default(monkeypatch):
    defaults = {
        name: field.get_default(call_default_factory=True) for name, field in Settings.model_fields.items()
    }
    for name in defaults:
        monkeypatch.delenv(name.upper(), raising=False)

    shown = Settings(_env_file=ROOT / ".env.example").model_dump()

    assert shown == defaults


def test_no_path_of_one_machine_is_in_the_tree():
    pattern = re.compile(rb"/(?:work|farm|tmp/lab|root|Users)/")

    found = [
        f"{path.relative_to(ROOT)}: {match.group().decode()}"
        for path in tracked_files()
        if path != Path(__file__).resolve() and (match := pattern.search(path.read_bytes()))
    ]

    assert found == []


def test_an_environment_is_never_committed_not_even_as_a_link():
    """Git takes an ignored folder for expendable: a merge of such a link would put it in the folder's place."""
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard", ".venv"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        pytest.skip("this copy of the project is not a git checkout")

    assert done.stdout == ""


def test_every_program_of_the_makefile_exists():
    modules = re.findall(r"-m ((?:backend|demo|tools)[.\w]*)", (ROOT / "Makefile").read_text("utf-8"))

    missing = [module for module in modules if not (ROOT / f"{module.replace('.', '/')}.py").exists()]

    assert modules
    assert missing == []


def is_pure(path):
    return "Pure." in (ast.get_docstring(ast.parse(path.read_text("utf-8"))) or "")


def test_no_module_that_calls_itself_pure_imports_an_io_library_even_through_others():
    graph = grimp.build_graph(
        "automation",
        "backend",
        include_external_packages=True,
        exclude_type_checking_imports=True,
        cache_dir=None,
    )
    paths = [
        path for room in ("automation", "backend") for path in (ROOT / room).rglob("*.py") if is_pure(path)
    ]
    modules = [
        ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__") for path in paths
    ]

    impure = {module: graph.find_upstream_modules(module) & IO_LIBRARIES for module in modules}

    assert "automation.turn" in modules
    assert {module: libraries for module, libraries in impure.items() if libraries} == {}
