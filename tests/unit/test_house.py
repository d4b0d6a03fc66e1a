"""The rules of the house: who imports whom, what is documented, and what may not be written."""

import ast
import gc
import inspect
import subprocess
import sys
import typing
from pathlib import Path

import pytest

import components

ROOT = Path(__file__).parents[2]
THE_PROJECTS_OWN = {"benchmarks", "components", "doctor", "policies", "sandbox", "settings", "outputs", "tests"}


def parse(text):
    # What programs of other tests left behind, collected meanwhile, would end CPython 3.11's parser with a SystemError.
    gc.disable()
    try:
        return ast.parse(text)
    finally:
        gc.enable()


def sources(folder):
    # A checkout that served as a plugin has a virtual environment in `components/`.
    return sorted(path for path in (ROOT / folder).rglob("*.py") if not {"__pycache__", "venv"} & set(path.parts))


def imports(path):
    """Top-level names that a file imports; a relative import counts as the package that holds it."""
    found = set()
    for node in ast.walk(parse(path.read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            found.add(path.relative_to(ROOT).parts[0] if node.level else (node.module or "").split(".")[0])
    return found


def names(path):
    """Every name and attribute that a file uses."""
    tree = parse(path.read_text())
    used = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)}
    return used | {node.attr for node in ast.walk(tree) if isinstance(node, ast.Attribute)}


@pytest.mark.parametrize(
    ("folder", "may_import"),
    [
        ("components", {"components"}),
        ("settings", {"settings", "components"}),
        ("policies", {"policies"}),
        ("doctor", {"doctor", "components"}),
        ("sandbox", {"sandbox"}),
        ("benchmarks", {"benchmarks", "sandbox"}),
    ],
)
def test_each_package_imports_only_what_it_may(folder, may_import):
    for path in sources(folder):
        not_allowed = (imports(path) & THE_PROJECTS_OWN) - may_import
        if folder == "policies" and path.name == "__main__.py":
            not_allowed -= {"rules"}
        assert not not_allowed, f"{path.relative_to(ROOT)} imports {not_allowed}"


@pytest.mark.parametrize("path", sources("components"), ids=lambda path: path.name)
def test_components_read_no_config_no_environment_and_no_network(path):
    if path.name == "__main__.py":
        return
    forbidden = {"Config", "StackReference", "get_stack", "export", "environ", "getenv", "Provider"}
    assert not names(path) & forbidden
    assert not imports(path) & {"boto3", "requests", "urllib", "socket", "subprocess", "os"}


@pytest.mark.parametrize(
    "path", [ROOT / "__main__.py", ROOT / "outputs.py", *sources("settings")], ids=lambda p: p.name
)
def test_the_program_asks_which_stack_it_is_only_to_read_its_own_outputs(path):
    assert names(path) & {"get_stack", "get_organization"} == (
        {"get_stack", "get_organization"} if path.name == "outputs.py" else set()
    )


@pytest.mark.parametrize("path", sources("components"), ids=lambda path: path.name)
def test_components_keep_annotations_that_the_plugin_host_can_read(path):
    assert "from __future__" not in path.read_text()


@pytest.mark.parametrize("path", sources("components/pure"), ids=lambda path: path.name)
def test_the_pure_package_imports_neither_pulumi_nor_the_components(path):
    assert not any(found.startswith("pulumi") for found in imports(path))
    above = [
        node
        for node in ast.walk(parse(path.read_text()))
        if isinstance(node, ast.ImportFrom) and (node.level > 1 or (node.module or "").split(".")[0] == "components")
    ]
    assert not above, [ast.unparse(node) for node in above]


def test_chart_values_register_nothing():
    assert not imports(ROOT / "components" / "values.py") & {"pulumi_aws", "pulumi_kubernetes", "pulumi_eks"}


@pytest.mark.parametrize(
    ("command", "unneeded"),
    [
        ("import doctor.cli", {"pulumi", "pulumi_aws", "pulumi_eks", "pulumi_kubernetes"}),
        ("import components; components.AutoscalerTags", {"pulumi_eks", "pulumi_kubernetes"}),
    ],
    ids=["the doctor", "one component"],
)
def test_what_is_not_needed_is_not_loaded(command, unneeded):
    imported = subprocess.run(
        [sys.executable, "-c", f"{command}; import sys; print(*sys.modules)"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    assert not unneeded & set(imported.stdout.split())


def test_the_public_names_are_found_and_no_others():
    assert set(components.__all__) <= set(dir(components))
    with pytest.raises(AttributeError, match="'Nonsense'"):
        components.Nonsense  # noqa: B018


def test_no_resource_is_made_inside_an_apply():
    for path in sources("components"):
        for node in ast.walk(parse(path.read_text())):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "apply":
                inside = ast.unparse(node)
                assert not any(f"{package}." in inside for package in ("aws", "kubernetes", "eks")), (path.name, inside)


def test_the_doctor_reaches_components_through_one_module():
    reaching = [path.name for path in sources("doctor") if imports(path) & {"components", "eks_cluster_autoscaler"}]
    assert reaching == ["_shared.py"]


def test_no_package_outside_knows_of_the_sandbox():
    for folder in ("components", "policies", "doctor"):
        for path in sources(folder):
            assert "sandbox" not in imports(path)
    for path in ROOT.glob("*.py"):
        assert "sandbox" not in path.read_text(), path.name


@pytest.mark.parametrize("name", components.__all__)
def test_every_public_name_is_documented(name):
    assert inspect.getdoc(getattr(components, name))


def described_fields(shape):
    """Fields of a class that have a text behind them."""
    found = {}
    for base in shape.__mro__:
        if base.__module__.startswith("components"):
            (tree,) = parse(inspect.getsource(base)).body
            for node, following in zip(tree.body, [*tree.body[1:], None], strict=True):
                if isinstance(node, ast.AnnAssign):
                    found[node.target.id] = isinstance(following, ast.Expr)
    return found


@pytest.mark.parametrize(
    "shape",
    [s for s in (getattr(components, name) for name in components.__all__) if typing.is_typeddict(s)],
    ids=lambda s: s.__name__,
)
def test_every_argument_is_described(shape):
    (tree,) = parse(inspect.getsource(shape)).body
    for node, following in zip(tree.body, [*tree.body[1:], None], strict=True):
        if isinstance(node, ast.AnnAssign):
            assert isinstance(following, ast.Expr), f"{shape.__name__}.{node.target.id} has no description"


@pytest.mark.parametrize(
    "component",
    [
        c
        for c in (getattr(components, name) for name in components.__all__)
        if inspect.isclass(c) and hasattr(c, "register_outputs")
    ],
    ids=lambda c: c.__name__,
)
def test_every_output_is_described(component):
    fields = described_fields(component)
    assert fields
    assert all(fields.values()), [name for name, described in fields.items() if not described]
