"""Pages name only what there is, and what there is has its place on a page."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import unquote

import pytest
from typer.main import get_command

from cli.commands import app as commands
from local.docs import ROOT
from retrain.errors import RetrainError
from retrain.paths import CONTAINERS
from shared.api.routes import ACTS
from shared.kinds import client_of
from shared.wiring import ENDPOINTS, TRAINERS

SKIPPED = {".venv", ".local", ".git", "node_modules"}
README = (ROOT / "README.md").read_text(encoding="utf-8")


def pages() -> list[Path]:
    """Every Markdown file of the project."""
    found = (path for path in ROOT.rglob("*.md") if not SKIPPED & set(path.relative_to(ROOT).parts))
    return sorted(path for path in found if not any(part.startswith(".") for part in path.relative_to(ROOT).parts))


def page(name: str) -> str:
    return (ROOT / "docs" / name).read_text(encoding="utf-8")


def links(text: str) -> Iterator[str]:
    """Targets of links outside of code blocks."""
    prose = re.sub(r"^```.*?^```", "", text, flags=re.MULTILINE | re.DOTALL)
    yield from re.findall(r"\]\(([^)\s]+)\)", prose)


def anchors(target: Path) -> set[str]:
    """What GitHub makes of a page's headings; of a Python file, its functions."""
    text = target.read_text(encoding="utf-8")
    if target.suffix == ".py":
        return set(re.findall(r"^def (\w+)", text, re.MULTILINE))
    headings = re.findall(r"^#+ (.+)$", text, re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("path", pages(), ids=lambda path: str(path.relative_to(ROOT)))
def test_a_link_leads_somewhere(path: Path) -> None:
    for link in links(path.read_text(encoding="utf-8")):
        file, _, anchor = unquote(link).partition("#")
        if re.match(r"[a-z]+:", link):
            continue
        target = (path.parent / file) if file else path
        assert target.exists(), f"{path.name} links to {link}"
        if anchor:
            assert anchor in anchors(target), f"{path.name} links to {link}"


def test_every_page_is_reached_from_the_readme() -> None:
    reached, todo = set[Path](), [ROOT / "README.md"]
    while todo:
        path = todo.pop()
        if path.suffix == ".md" and path not in reached and path.exists():
            reached.add(path)
            local = (link.partition("#")[0] for link in links(path.read_text(encoding="utf-8")) if ":" not in link)
            todo += [(path.parent / link).resolve() for link in local if link]
    assert set(pages()) <= reached


def test_make_has_every_target_that_a_page_names() -> None:
    there = set(re.findall(r"^(\w+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
    for path in pages():
        named = set(re.findall(r"(?:^|`)make (\w+)", path.read_text(encoding="utf-8"), re.MULTILINE))
        assert named <= there, f"{path.name}: make {named - there}"


def test_the_readme_uses_commands_that_there_are() -> None:
    known = get_command(commands).commands  # type: ignore[attr-defined]
    used = re.findall(r"^retrain (\w+)(?: (\w+))?", README, re.MULTILINE)
    assert used
    for name, second in used:
        assert name in known, f"retrain {name}"
        group = getattr(known[name], "commands", None)
        assert group is None or second in group, f"retrain {name} {second}"


def test_every_function_and_route_of_the_app_is_told() -> None:
    text, app = page("triggers.md"), (ROOT / "function_app.py").read_text(encoding="utf-8")
    functions = re.findall(r"^ *@app\.\w+\(.*\)\n *def (\w+)", app, re.MULTILINE)
    assert len(functions) == app.count("@app.") > 15
    assert [name for name in functions if f"`{name}`" not in text] == []
    routes = re.findall(r'route="([^"]+)", methods=\[([^\]]+)\]', app)
    named = [(route, method) for route, methods in routes for method in re.findall(r"\w+", methods)]
    spelled = [(method, route.replace("{act}", act)) for route, method in named for act in ACTS]
    assert [route for method, route in spelled if f"`{method} /{route}`" not in text] == []


def test_every_error_code_is_told() -> None:
    def kinds(kind: type[RetrainError]) -> Iterator[type[RetrainError]]:
        for below in kind.__subclasses__():
            yield below
            yield from kinds(below)

    text = page("triggers.md").partition("### Errors")[2]
    assert {kind.code for kind in kinds(RetrainError) if f"`{kind.code}`" not in text} == set()


def test_every_container_is_told() -> None:
    storage, azure = page("storage.md"), page("running-in-azure.md")
    made = re.search(r"for name in (.+); do\n\s+az storage container", azure)
    assert made is not None
    assert set(made[1].split()) == set(CONTAINERS)
    assert [name for name in CONTAINERS if f"| `{name}/" not in storage] == []


def test_every_service_is_told_with_every_method_of_its_port() -> None:
    text = page("services.md")
    both = TRAINERS.keys() & ENDPOINTS.keys()
    roles = [("trainer", *one) for one in TRAINERS.items()] + [("endpoint", *one) for one in ENDPOINTS.items()]
    for role, kind, settings in roles:
        heading = f"`{kind}`, the {role}" if kind in both else f"`{kind}`"
        table = text.partition(f"\n## {heading}")[2].partition("\n## ")[0]
        named = {name for part in client_of(settings).__mro__[:-1] for name in vars(part)}
        methods = {name for name in named if not name.startswith("_")} - {"of", "registers", "management"}
        assert [name for name in sorted(methods) if f"`{name}`" not in table] == []


def test_every_decision_is_listed_once() -> None:
    folder = ROOT / "docs" / "adr"
    numbers = sorted(path.name[:4] for path in folder.glob("[0-9]*.md"))
    assert numbers == [f"{n:04}" for n in range(1, len(numbers) + 1)]
    assert re.findall(r"^\| \[(\d{4})\]", (folder / "README.md").read_text(encoding="utf-8"), re.MULTILINE) == numbers
