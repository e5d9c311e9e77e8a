"""The documents say what is so: names exist, generated pages are up to date, examples run."""

import ast
import importlib.util
import os
import re
import tomllib
from pathlib import Path

import pytest

from gateway import api, config, configure

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", ROOT / "CHANGELOG.md", ROOT / "DECISIONS.md", *sorted((ROOT / "docs").glob("*.md"))]
TEST_ID = re.compile(r"`(?:tests/)?((?:unit|walks|contract|crash|appliance)/\w+\.py)::([\w:]+)`")
FILE = re.compile(r"`((?:gateway|drivers|systemd|tests|docs|examples)/[\w/.-]*)`")
NAMES = re.compile(r"`((?:gateway|drivers)/[\w/]+\.py)`((?: `[\w.]+`)+)")
LINK = re.compile(r"\]\((?!https?://)([^)#]+)")
BLOCK = re.compile(r"^```(\w+)[^\n]*\n(.*?)^```$", re.MULTILINE | re.DOTALL)

pages = pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)


def generator():
    spec = importlib.util.spec_from_file_location("generate", ROOT / "docs/generate.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def blocks(page, kind):
    return [text for found, text in BLOCK.findall(page.read_text(encoding="utf-8")) if found == kind]


def defined(path):
    """What a module defines: functions, classes, and methods as ``Class.method``."""
    functions = ast.FunctionDef | ast.AsyncFunctionDef
    names = set()
    for node in ast.parse(path.read_text(encoding="utf-8")).body:
        if isinstance(node, functions | ast.ClassDef):
            names.add(node.name)
        if isinstance(node, ast.ClassDef):
            names |= {f"{node.name}.{each.name}" for each in node.body if isinstance(each, functions)}
    return names


@pytest.mark.parametrize("name", ["config.md", "cli.md"])
def test_what_is_generated_is_up_to_date(name):
    made = generator().pages()[name]
    assert (ROOT / "docs" / name).read_text(encoding="utf-8") == made, "run: python docs/generate.py"


def test_every_key_of_the_config_has_its_words_and_no_word_is_left_over():
    generate = generator()
    words = generate.words()
    assert {section: set(words[section]["keys"]) for section in generate.SECTIONS} == {
        section: set(generate.keys(section)) for section in generate.SECTIONS
    }


@pages
def test_tests_that_are_named_exist(page):
    for path, name in TEST_ID.findall(page.read_text(encoding="utf-8")):
        assert name.replace("::", ".") in defined(ROOT / "tests" / path), f"{path}::{name}"


@pages
def test_files_that_are_named_exist(page):
    for name in FILE.findall(page.read_text(encoding="utf-8")):
        assert (ROOT / name).exists(), name


@pages
def test_functions_and_classes_that_are_named_exist(page):
    for path, names in NAMES.findall(page.read_text(encoding="utf-8")):
        assert set(re.findall(r"`([\w.]+)`", names)) <= defined(ROOT / path), (path, names)


@pages
def test_links_lead_somewhere(page):
    for link in LINK.findall(page.read_text(encoding="utf-8")):
        assert (page.parent / link).exists(), link


@pages
def test_configs_that_are_shown_are_good(page, tmp_path, monkeypatch):
    for name in ("ACME_PASSWORD", "PARTNER_TOKEN"):
        monkeypatch.setenv(name, "secret")
    for text in blocks(page, "toml"):
        config.from_text(text, path=tmp_path / "gateway.toml", secrets=config.Secrets.CHECK)


def test_the_python_of_the_readme_runs(tmp_path):
    configure({"gateway": {"state": str(tmp_path), "region": "KE"}, "modem": {"mtn": {"port": "virtual"}}})
    try:
        space = {"__name__": "readme"}
        exec(compile(blocks(ROOT / "README.md", "python")[0], "README.md", "exec"), space)
        assert [each.text for each in space["messages"](direction="out")] == ["hello"]
        assert space["message"].refresh().transmissions[0].connection.identity == "+254700000001"
    finally:
        api.adopt(None)


def test_the_app_of_the_readme_passes_its_test(gateway_router):
    _, app, test = blocks(ROOT / "README.md", "python")
    space = {"__name__": "readme"}
    exec(compile(app + test, "README.md", "exec"), space)
    space["test_balance"](gateway_router)


def test_the_python_of_the_api_page_runs(tmp_path, capsys):
    backend = {"kenya": {"class": "gateway.testing.doubles:MockBackend"}}
    configure({"gateway": {"state": str(tmp_path), "region": "KE", "router": "blocking"}, "backend": backend})
    try:
        space = {"__name__": "page"}
        for text in blocks(ROOT / "docs/api.md", "python"):
            exec(compile(text, "api.md", "exec"), space)
        assert capsys.readouterr().out == "+254700000001 sent \n+254700000002 sent \n"
    finally:
        api.adopt(None)


def test_the_site_has_every_page():
    tree = (ROOT / "mkdocs.yml").read_text(encoding="utf-8")
    assert {page.name for page in PAGES if page.parent.name == "docs"} == set(re.findall(r"\b([\w-]+\.md)\b", tree))


def test_the_words_are_toml():
    assert tomllib.loads((ROOT / "docs/words.toml").read_text(encoding="utf-8"))["gateway"]["about"]
    assert os.access(ROOT / "docs/overview.svg", os.R_OK)
