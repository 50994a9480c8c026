"""Rules of the tree as a whole that no linter knows."""

import ast
import importlib
import re
import shutil
import subprocess
import sys
from collections import Counter, defaultdict
from collections.abc import Iterator
from pathlib import Path
from statistics import quantiles

import grimp
import pytest

from backend import app
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
    "aiohttp", "anyio", "asyncio", "asyncpg", "fastapi", "playwright", "socket", "sqlalchemy", "starlette", "subprocess",
}  # fmt: skip
ROOMS = ("automation", "backend")
MOST_FILES = 16
MOST_P95_LINES = 25
MOST_OF_NAMES = 15


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


def test_the_documents_name_every_setting():
    text = "".join(path.read_text("utf-8") for path in (ROOT / "docs").glob("*.md"))
    documented = set(re.findall(r"`([A-Z][A-Z0-9_]+)", text))

    missing = sorted({name.upper() for name in Settings.model_fields} - documented)

    assert missing == [], "add a row for each of these to docs/configuration.md"


def test_every_router_is_served():
    missing = []
    for path in sorted((ROOT / "backend" / "api").rglob("*.py")):
        if re.search(r"^router = APIRouter", path.read_text("utf-8"), re.MULTILINE):
            name = ".".join(path.relative_to(ROOT).with_suffix("").parts)
            if importlib.import_module(name).router not in app._ROUTERS:
                missing.append(name)

    assert missing == [], "add their routers to _ROUTERS in backend/app.py"


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

    paths = {module: ROOT / module.replace(".", "/") for module in modules}
    missing = [
        module
        for module, path in paths.items()
        if not path.with_suffix(".py").exists() and not (path / "__main__.py").exists()
    ]

    assert modules
    assert missing == []


def test_every_module_says_what_it_does_in_a_statement():
    question = re.compile(
        r"(?:(?:By|For|From|In|On|To|With) )?(?:How|What|When|Where|Whether|Which|Who|Whom|Whose|Why)\b"
    )

    wrong = [
        f"{path.relative_to(ROOT)}: begin the docstring with what the module does ('Resolves …', 'Parser of …'),"
        f" not with a question: {first_line!r}"
        for room in ("automation", "backend")
        for path in sorted((ROOT / room).rglob("*.py"))
        if question.match(
            first_line := (ast.get_docstring(ast.parse(path.read_text("utf-8"))) or "").split("\n")[0]
        )
    ]

    assert wrong == []


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


# -- what a newcomer meets -------------------------------------------------------------------------------------------


def product_files() -> list[Path]:
    """Every module of the product but migrations, which are loaded by path and named by Alembic."""
    return [
        path
        for room in ROOMS
        for path in sorted((ROOT / room).rglob("*.py"))
        if "migrations" not in path.relative_to(ROOT).parts
    ]


def functions(tree: ast.AST) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    return (node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef))


def test_no_folder_holds_more_modules_than_a_reader_can_overlook():
    counts = Counter(
        str(path.parent.relative_to(ROOT)) for path in product_files() if path.name != "__init__.py"
    )

    crowded = {folder: count for folder, count in counts.items() if count > MOST_FILES}

    assert crowded == {}, "sort these folders into rooms by subject, as docs/architecture.md shows"


def test_no_public_name_of_a_module_stands_twice():
    places: dict[str, list[str]] = defaultdict(list)
    for path in product_files():
        for node in ast.parse(path.read_text("utf-8")).body:
            if isinstance(node, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
                places[node.name].append(str(path.relative_to(ROOT)))

    twice = {
        name: found
        for name, found in places.items()
        if len(found) > 1 and not name.startswith("_") and name != "main"
    }

    assert twice == {}, "give one of each pair a name that says what it is there"


def test_functions_are_short():
    lengths = [
        (node.end_lineno or node.lineno) - node.lineno + 1
        for path in product_files()
        for node in functions(ast.parse(path.read_text("utf-8")))
    ]

    assert quantiles(lengths, n=20)[-1] <= MOST_P95_LINES


def test_functions_say_what_they_do_instead_of_whose_something_is():
    found = [
        f"{path.relative_to(ROOT)}:{node.lineno} {node.name}"
        for path in product_files()
        for node in functions(ast.parse(path.read_text("utf-8")))
        if node.name.endswith("_of")
    ]

    assert len(found) <= MOST_OF_NAMES, (
        "parse_, build_, find_ and iter_ tell what a function does: " + ", ".join(found)
    )


def lint_imports(root: Path) -> str:
    """What import-linter prints of the contracts in ``root``."""
    command = [str(Path(sys.executable).with_name("lint-imports")), "--no-cache"]
    done = subprocess.run(command, cwd=root, capture_output=True, text=True, check=False)
    return " ".join((done.stdout + done.stderr).split())


def test_a_room_that_is_new_fails_until_it_has_a_layer_and_may_not_import_what_is_others(tmp_path):
    for room in ROOMS:
        shutil.copytree(ROOT / room, tmp_path / room, ignore=shutil.ignore_patterns("__pycache__"))
    (tmp_path / "backend" / "novelty").mkdir()
    lines = ["import fastapi", "import playwright", "import sqlalchemy", "import starlette"]
    (tmp_path / "backend" / "novelty" / "__init__.py").write_text("\n".join(lines) + "\n", "utf-8")
    config = (ROOT / "pyproject.toml").read_text("utf-8")

    (tmp_path / "pyproject.toml").write_text(config, "utf-8")
    without_layer = lint_imports(tmp_path)
    with_layer = config.replace('"(wire)",', '"(wire)", "novelty",')
    (tmp_path / "pyproject.toml").write_text(with_layer, "utf-8")
    verdict = lint_imports(tmp_path)

    assert "not listed as layers: - backend.novelty" in without_layer
    assert with_layer != config
    assert "Playwright is imported only in automation BROKEN" in verdict
    assert "SQLAlchemy is imported only in backend.persistence BROKEN" in verdict
    assert re.search(r"FastAPI is imported only in [\w., ]+ BROKEN", verdict)
    assert re.search(r"know Starlette BROKEN", verdict)
    assert "3 kept, 4 broken" in verdict
