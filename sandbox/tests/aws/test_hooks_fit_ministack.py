"""The guard: the hooks fit the pinned ministack, and a changed one is noticed."""

from __future__ import annotations

import ast
import importlib
import importlib.metadata
import json
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any, cast

import pytest

from sandbox.aws import hooking
from sandbox.aws.hooking import Hook, IncompatibleMinistack
from sandbox.tests.aws.fingerprints import RECORDED, fingerprint, first_hooks
from sandbox.tests.aws.support import PROJECT

FINGERPRINTS: dict[str, str] = json.loads(RECORDED.read_text())
SOURCES = sorted((PROJECT / "sandbox" / "aws").rglob("*.py"))


@pytest.mark.parametrize("label", sorted(FINGERPRINTS.keys() | first_hooks().keys()))
def test_ministack_is_unchanged_where_it_is_hooked(label: str) -> None:
    hook = first_hooks().get(label)
    assert hook is not None, "a fingerprint without a hook: record them again"
    assert hook.fault() is None
    assert fingerprint(hook.original()) == FINGERPRINTS.get(label)


def test_ministack_is_the_pinned_release_everywhere() -> None:
    assert importlib.metadata.version("ministack") == hooking.PINNED_VERSION
    assert f"ministack=={hooking.PINNED_VERSION}\n" in (PROJECT / "requirements-dev.in").read_text()


def ministack_names(source: Path) -> set[tuple[str, str]]:
    """The (module, name) pairs of ministack that a source file imports, or uses by attribute."""
    tree = ast.parse(source.read_text())
    imports = [node for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)]
    pairs = {(node.module, name.name) for node in imports for name in node.names if node.module}
    ours = {(module, name) for module, name in pairs if module.split(".")[0] == "ministack"}
    modules = {name: f"{module}.{name}" for module, name in ours if module in ("ministack.core", "ministack.services")}
    used = {
        (modules[node.value.id], node.attr)
        for node in ast.walk(tree)
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id in modules
    }
    return used | {pair for pair in ours if pair[1] not in modules}


@pytest.mark.parametrize("source", SOURCES, ids=lambda path: path.stem)
def test_every_name_of_ministack_that_is_used_exists(source: Path) -> None:
    missing = [
        f"{module}.{name}"
        for module, name in ministack_names(source)
        if not hasattr(importlib.import_module(module), name) and not _is_module(f"{module}.{name}")
    ]
    assert missing == []


def _is_module(name: str) -> bool:
    try:
        importlib.import_module(name)
    except ImportError:
        return False
    return True


def fake_module(**names: Any) -> ModuleType:
    return cast(ModuleType, SimpleNamespace(__name__="ministack.services.fake", **names))


def test_no_hook_is_put_in_place_unless_all_fit(monkeypatch: pytest.MonkeyPatch) -> None:
    module = fake_module(there=len, table={"Known": len})
    monkeypatch.setattr(hooking, "version", lambda _name: "1.6.0")
    hooks = [
        hooking.replace(module, "there", max),
        hooking.replace(module, "gone", max),
        Hook(module, "table", lambda original: original, key="Known", is_new=True),
        Hook(module, "table", lambda original: original, key="Unknown"),
    ]
    with pytest.raises(IncompatibleMinistack) as error:
        hooking.install(hooks)
    message = str(error.value)
    assert "version 1.6.0 is installed, the sandbox's hooks are written for 1.5.33" in message
    assert "services.fake.gone is missing" in message
    assert "services.fake.table[Known] exists already" in message
    assert "services.fake.table[Unknown] is missing" in message
    assert "pip install ministack==1.5.33" in message
    assert module.there is len


def test_hooks_replace_and_wrap_functions_and_entries() -> None:
    module = fake_module(plain=abs, wrapped=abs, table={})
    hooking.install(
        [
            hooking.replace(module, "plain", max),
            hooking.wrap(module, "wrapped", lambda original, value: -original(value)),
            Hook(module, "table", lambda _original: "new", key="Added", is_new=True),
        ]
    )
    assert (module.plain, module.wrapped(-3), module.table) == (max, -3, {"Added": "new"})
