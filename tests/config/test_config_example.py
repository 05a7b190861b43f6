"""bridge.yaml.example and the JSON Schema are held to the models."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, get_args

import pytest
from config_texts import write_wav
from pydantic import BaseModel

from bridge.config import load
from bridge.config.models import Config
from bridge.config.schema import schema_text
from bridge.config.sounds import wanted_sounds

ROOT = Path(__file__).parents[2]
EXAMPLE = ROOT / "bridge.yaml.example"


def models(model: type[BaseModel]) -> Iterator[type[BaseModel]]:
    """The model and every model inside it."""
    yield model
    pending: list[Any] = [field.annotation for field in model.model_fields.values()]
    while pending:
        kind = pending.pop()
        if isinstance(kind, type) and issubclass(kind, BaseModel):
            yield from models(kind)
        else:
            pending += get_args(kind)


def fields() -> list[tuple[str, str]]:
    return sorted({(m.__name__, f.alias or name) for m in models(Config) for name, f in m.model_fields.items()})


def test_the_example_is_right_and_warns_of_nothing() -> None:
    loaded = load(EXAMPLE, {}, check_files=False)
    assert loaded.warnings == ()
    assert len(loaded.files) == 2
    assert loaded.directory.lines["sales"].hours is not None


def test_the_example_is_right_with_all_its_files_there(tmp_path: Path) -> None:
    text = EXAMPLE.read_text().replace(": /var/", f": {tmp_path}/var/").replace("file: /etc/", f"file: {tmp_path}/etc/")
    (tmp_path / "bridge.yaml").write_text(text)
    pools = tmp_path / "config/pools"
    pools.mkdir(parents=True)
    for file in (ROOT / "config/pools").glob("*.yaml"):
        (pools / file.name).write_text(file.read_text())
    for name in re.findall(r"{file: (\S+\.secret)}", text):
        Path(name).parent.mkdir(parents=True, exist_ok=True)
        Path(name).write_text("secret\n")
        Path(name).chmod(0o600)
    for wanted in wanted_sounds(load(tmp_path / "bridge.yaml", {}).config):
        wanted.file.parent.mkdir(parents=True, exist_ok=True)
        write_wav(wanted.file)
    loaded = load(tmp_path / "bridge.yaml", {})
    assert (loaded.warnings, loaded.sound_problems) == ((), ())
    assert all(notice.available for notice in loaded.directory.notices.values())


@pytest.mark.parametrize(("model", "key"), fields())
def test_every_option_is_in_the_example(model: str, key: str) -> None:
    assert re.search(rf"(^|[\s{{])(# )?{key}:( |$)", EXAMPLE.read_text(), re.MULTILINE), f"{model}.{key}"


def test_what_is_commented_out_is_right_too(tmp_path: Path) -> None:
    """Every commented option, put in force, is accepted (in place of the one above it where both are the same key)."""
    lines = EXAMPLE.read_text().splitlines()
    result: list[str] = []
    for line in lines:
        found = re.match(r"( +)# (([a-z_]+): .*)", line)
        if found is None:
            result.append(line)
            continue
        result = [old for old in result if not old.startswith(f"{found[1]}{found[3]}: ")]
        result.append(found[1] + found[2])
    (tmp_path / "bridge.yaml").write_text("\n".join(result))
    config = load(tmp_path / "bridge.yaml", {}, check_files=False).config
    assert not config.store.is_sqlite
    assert config.asterisk.agi.allow == ("192.0.2.10",)
    assert config.lines["sales"].hours is not None
    assert config.lines["sales"].hours.holidays_file is not None


def test_every_option_is_described_and_shown() -> None:
    for model in models(Config):
        for name, field in model.model_fields.items():
            assert field.description, f"{model.__name__}.{name}"
            kinds = [field.annotation, *get_args(field.annotation)]
            nested = any(isinstance(k, type) and issubclass(k, BaseModel) for k in kinds)
            assert nested or field.examples, f"{model.__name__}.{name}"


def test_the_schema_is_up_to_date() -> None:
    """Otherwise: python -m bridge.config.schema > config/bridge.schema.json"""
    assert (ROOT / "config/bridge.schema.json").read_text() == schema_text()


def test_the_example_names_the_schema() -> None:
    first = EXAMPLE.read_text().splitlines()[0]
    assert first == "# yaml-language-server: $schema=config/bridge.schema.json"
    assert json.loads(schema_text())["additionalProperties"] is False
