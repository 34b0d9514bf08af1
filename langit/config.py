"""Configs as frozen dataclasses: read from dicts and files, overridden by ``key=value``, dumped and hashed.

A wrong key or value is the user's mistake, so errors name it. Knows nothing of the meaning of any config.
"""

from __future__ import annotations

import dataclasses
import difflib
import hashlib
import json
import os
import types
import typing
from pathlib import Path
from typing import Any, TypeVar

import platformdirs

Config = TypeVar("Config")


def home() -> Path:
    """The folder of Langit's state (ledger, caches, keys): ``LANGIT_HOME``, or else the platform's data folder."""
    chosen = os.environ.get("LANGIT_HOME")
    return Path(chosen).expanduser() if chosen else Path(platformdirs.user_data_dir("langit"))


def canonical(value: object) -> bytes:
    """Canonical JSON, the bytes that digests are computed from: sorted keys, no spaces, UTF-8."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False).encode()


MAX_DEPTH = 64  # levels of nesting that are read: configs have about ten, and deep nesting overflows the stack


def parse_json(text: str | bytes, name: str, *, constants: bool = False) -> Any:
    """Parse JSON that may come from anywhere.

    Of a key that is there twice, parsers take the first or the last; and NaN is not JSON. Both are refused, so that all
    who read a file read the same.

    Args:
        text: the JSON text; bytes are UTF-8.
        name: the file, for messages.
        constants: read NaN and Infinity as Python does, for a caller that refuses them with its own words.

    Raises:
        ValueError: the text is not JSON, not UTF-8, has a key twice, or is nested deeper than ``MAX_DEPTH``.
    """
    try:
        decoded = text.decode("utf-8-sig") if isinstance(text, bytes) else text
        plain = json.loads(
            decoded, object_pairs_hook=_unambiguous, parse_constant=float if constants else _refuse_constant
        )
    except RecursionError as error:
        raise ValueError(f"{name} is nested too deeply: at most {MAX_DEPTH} levels are read") from error
    except ValueError as error:  # JSONDecodeError, UnicodeDecodeError, or a number with too many digits
        raise ValueError(f"{name} is not JSON ({error}): restore the file") from error
    level, depth = [plain], 0
    while level := [
        item
        for value in level
        if isinstance(value, (dict, list))
        for item in (value.values() if isinstance(value, dict) else value)
    ]:
        depth += 1
        if depth > MAX_DEPTH:
            raise ValueError(f"{name} is nested too deeply: at most {MAX_DEPTH} levels are read")
    return plain


def _unambiguous(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        names = [name for name, _ in pairs]
        raise ValueError(f"key {next(name for name in found if names.count(name) > 1)!r} is there twice")
    return found


def _refuse_constant(name: str) -> Any:
    raise ValueError(f"{name} is not a number of JSON")


def dump(config: object) -> dict[str, Any]:
    """A config as plain dicts, lists, strings and numbers, exactly as parsing its JSON would return it."""
    assert dataclasses.is_dataclass(config) and not isinstance(config, type)
    plain: dict[str, Any] = json.loads(canonical(dataclasses.asdict(config)))
    return plain


def added_field(default: Any) -> Any:
    """The default of a field that was added to a config later.

    :func:`identifying` leaves such a field out while it holds its default, so that older configs keep their digests.
    """
    return dataclasses.field(default=default, metadata={"added": True})


def identifying(config: object) -> dict[str, Any]:
    """A config as :func:`dump` gives it, without :func:`added` fields that hold their default; for digests."""
    assert dataclasses.is_dataclass(config) and not isinstance(config, type)
    plain: dict[str, Any] = json.loads(canonical(_identifying(config)))
    return plain


def _identifying(value: Any) -> Any:
    if dataclasses.is_dataclass(value):
        return {
            field.name: _identifying(getattr(value, field.name))
            for field in dataclasses.fields(value)
            if not ("added" in field.metadata and getattr(value, field.name) == field.default)
        }
    if isinstance(value, dict):
        return {key: _identifying(item) for key, item in value.items()}
    return [_identifying(item) for item in value] if isinstance(value, (list, tuple)) else value


def digest_of(plain: object) -> str:
    """``sha256:`` and the SHA-256 of a plain value's canonical JSON, in hex."""
    return "sha256:" + hashlib.sha256(canonical(plain)).hexdigest()


def digest(config: object) -> str:
    """``sha256:`` and the SHA-256 of a config's canonical JSON, in hex."""
    return digest_of(dump(config))


def load(kind: type[Config], source: dict[str, Any] | Path) -> Config:
    """Build a config from a dict or a JSON file. Missing keys keep their defaults.

    Raises:
        ValueError: the file is not JSON, a key is unknown, or a value has the wrong type.
        OSError: the file cannot be read.
    """
    plain = parse_json(source.read_bytes(), str(source)) if isinstance(source, Path) else source
    return typing.cast(Config, _build(kind, plain, kind.__name__))


def override(config: Config, changes: list[str]) -> Config:
    """A copy with ``path.to.key=value`` changes applied. A value is read as JSON, or else as text.

    An item of a list of tables is addressed by its ``name``, or by its number from 0.

    Raises:
        ValueError: a key is unknown, or a value has the wrong type.
    """
    plain = dump(config)
    for change in changes:
        path, separator, text = change.partition("=")
        if not separator:
            raise ValueError(f"{change!r} is not of the form key=value, for example {_example(dump(config))}")
        try:
            value = json.loads(text)
        except (ValueError, RecursionError):  # not JSON: the text itself
            value = text
        *parents, last = path.split(".")
        place = plain
        for depth, parent in enumerate(parents):
            _check_key(parent, place, ".".join(parents[:depth]))
            place = place[parent]
            if isinstance(place, list) and all(isinstance(item, dict) for item in place):
                place = {str(item.get("name", number)): item for number, item in enumerate(place)}
            if not isinstance(place, dict):
                raise ValueError(f"{path!r}: {parent!r} has no keys of its own")
        _check_key(last, place, ".".join(parents))
        place[last] = value
    return typing.cast(Config, _build(type(config), plain, type(config).__name__))


def _example(plain: Any, path: str = "") -> str:
    """A change that this config takes: its first number or text, with the value that it has."""
    items = plain.items() if isinstance(plain, dict) else ()
    for key, value in items:
        if isinstance(value, int | float | str) and not isinstance(value, bool) and value != "":
            return f"{path}{key}={value}"
    nested = (_example(value, f"{path}{key}.") for key, value in items)
    return next(filter(None, nested), "")


def _check_key(key: str, place: dict[str, Any], where: str) -> None:
    if key not in place:
        near = difflib.get_close_matches(key, place, n=1)
        hint = f"did you mean {near[0]!r}?" if near else "the keys are " + ", ".join(place)
        raise ValueError(f"unknown key {key!r}{f' in {where!r}' if where else ''}: {hint}")


def _build(kind: Any, value: Any, where: str) -> Any:
    """Check ``value`` against the annotation ``kind``, and build dataclasses, tuples and dicts from it."""
    origin, arguments = typing.get_origin(kind), typing.get_args(kind)
    if dataclasses.is_dataclass(kind) and isinstance(kind, type):
        if not isinstance(value, dict):
            raise ValueError(f"{where}: {value!r} is not a table of settings")
        hints = typing.get_type_hints(kind)
        fields = {field.name: hints[field.name] for field in dataclasses.fields(kind)}
        for key in value:
            _check_key(key, fields, where)
        missing = [
            field.name
            for field in dataclasses.fields(kind)
            if field.name not in value
            and field.default is dataclasses.MISSING
            and field.default_factory is dataclasses.MISSING
        ]
        if missing:
            raise ValueError(f"{where} lacks {', '.join(missing)}: add {'them' if len(missing) > 1 else 'it'}")
        return kind(**{key: _build(fields[key], item, f"{where}.{key}") for key, item in value.items()})
    if origin in (typing.Union, types.UnionType):
        for choice in arguments:
            try:
                return _build(choice, value, where)
            except ValueError:
                continue
    elif origin is typing.Literal:
        if value in arguments:
            return value
        raise ValueError(f"{where}: {value!r} is not one of {', '.join(map(str, arguments))}")
    elif origin is tuple and isinstance(value, (list, tuple)):
        if len(arguments) == 2 and arguments[1] is Ellipsis:
            return tuple(_build(arguments[0], item, where) for item in value)
        if len(arguments) == len(value):
            return tuple(_build(item_kind, item, where) for item_kind, item in zip(arguments, value, strict=True))
    elif origin is dict and isinstance(value, dict):
        return {key: _build(arguments[1], item, f"{where}.{key}") for key, item in value.items()}
    elif kind is float and isinstance(value, (int, float)) and not isinstance(value, bool):
        return float(value)
    elif kind is type(None) and value is None:
        return None
    elif isinstance(kind, type) and isinstance(value, kind) and not (kind is int and isinstance(value, bool)):
        return value
    name = getattr(kind, "__name__", str(kind))
    raise ValueError(f"{where}: {value!r} is not of type {name if origin is None else kind}")
