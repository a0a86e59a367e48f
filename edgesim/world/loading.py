"""Loading a world file: all mistakes at once, each with its line, its path and what to do."""

from __future__ import annotations

import copy
import os
from collections.abc import Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import Any, get_args, get_origin

from pydantic import BaseModel, JsonValue, ValidationError
from pydantic_core import ErrorDetails

from edgesim.errors import ConfigError, EdgesimError
from edgesim.world.checking import Known, check
from edgesim.world.commands import Configure
from edgesim.world.documents import Document, Steps, parse_document, plain_value, read_document, spell
from edgesim.world.fields import show
from edgesim.world.models import WorldFile
from edgesim.world.public_keys import read_key_files

MOST_ROUNDS = 50  # of taking broken parts out, so that the rest can still be checked

Overrides = Mapping[str, Mapping[str, str]]
"""``{"origins": {"site": "http://127.0.0.1:3000"}}``: what the command line says instead of the file."""


class ConfigErrors(EdgesimError):
    """Everything wrong with a configuration, in the order of its lines."""

    def __init__(self, errors: list[ConfigError]) -> None:
        super().__init__("\n".join(map(str, errors)))
        self.errors = errors


@dataclass(frozen=True)
class Checked:
    """A file that was looked at: ``file`` is None when there are errors, ``data`` the document with all filled in."""

    source: str
    data: JsonValue
    file: WorldFile | None
    errors: list[ConfigError]
    warnings: list[ConfigError]

    @property
    def world(self) -> WorldFile:
        """The file's model; raises ``ConfigErrors``."""
        if self.file is None:
            raise ConfigErrors(self.errors)
        return self.file

    def configure(self, real: float) -> Configure:
        """The command that makes a World of it, at a real time; raises ``ConfigErrors``."""
        if self.world and isinstance(self.data, dict):
            return Configure(source=self.source, document=self.data, real=real)
        raise ConfigErrors(self.errors)


def load_world(path: str | Path, env: Mapping[str, str] | None = None, overrides: Overrides | None = None) -> WorldFile:
    """The world of a file; raises ``ConfigErrors``. ``env`` is for ``${NAME}``, the process's own unless given."""
    return check_world(path, env, overrides).world


def check_world(path: str | Path, env: Mapping[str, str] | None = None, overrides: Overrides | None = None) -> Checked:
    """Everything there is to say about a file."""
    return _checked(read_document(Path(path), os.environ if env is None else env), overrides or {})


def check_text(text: str, env: Mapping[str, str] | None = None, file: str = "<text>") -> Checked:
    """The same for a text."""
    return _checked(parse_document(text, env or {}, file), {})


def check_data(data: JsonValue, file: str = "<document>") -> Checked:
    """The same for a document that was read already, as the command log keeps it."""
    return _checked(Document(file, data), {})


def _checked(document: Document, overrides: Overrides) -> Checked:
    if document.data is None and document.mistakes:
        return Checked(document.file, None, None, document.mistakes, [])
    errors = [*document.mistakes, *_override(document, overrides), *read_key_files(document)]
    if not isinstance(document.data, dict):
        errors.append(document.mistake((), show(document.data), "a mapping of settings"))
        return Checked(document.file, document.data, None, errors, [])
    reported = {error.path for error in errors}
    file, wrong, shift, hidden = _validated(document)
    reported |= hidden
    findings = check(file, Known.of(document.data)) if file else []
    warnings: list[ConfigError] = []
    known = {error.path for error in wrong}
    for finding in findings:
        steps = shift.original(finding.steps)
        error = document.mistake(steps, finding.found, finding.expected, finding.hint)
        if error.path not in known:
            (warnings if finding.warning else wrong).append(error)
    errors += [error for error in wrong if error.path not in reported]  # an unset variable is one mistake, not two
    errors.sort(key=lambda error: error.line)
    return Checked(document.file, document.data, None if errors else file, errors, warnings)


def _override(document: Document, overrides: Overrides) -> list[ConfigError]:
    """Put the command line's words into the document."""
    errors = []
    data = document.data if isinstance(document.data, dict) else {}
    for name, url in overrides.get("origins", {}).items():
        origins = data.get("origins")
        if not isinstance(origins, dict) or not isinstance(origins.get(name), dict):
            known = ", ".join(origins) if isinstance(origins, dict) else "none"
            errors.append(document.mistake((), f"--origin {name}={url}", f"an origin of the file: {known}"))
            continue
        origin: dict[str, Any] = origins[name]  # type: ignore[assignment]
        for key in ("toy_site", "protocol", "http_port", "https_port", "address", "domain"):
            origin.pop(key, None)
        origin["url"] = url
    for key, value in overrides.get("latency", {}).items():
        section = data.setdefault("latency", {})
        if isinstance(section, dict):
            section[key] = plain_value(value)
    return errors


class _Shift:
    """Which items were taken out of lists, to find the original place of those that stayed."""

    def __init__(self) -> None:
        self.gone: dict[Steps, list[int]] = {}

    def original(self, steps: Steps) -> Steps:
        """The path in the whole document of a path in the pruned one."""
        found: Steps = ()
        for step in steps:
            if isinstance(step, int):
                for index in self.gone.get(found, ()):
                    step += step >= index
            found = (*found, step)
        return found

    def take_out(self, whole: Steps) -> None:
        """Remember that the item at this path of the whole document went."""
        self.gone[whole[:-1]] = sorted([*self.gone.get(whole[:-1], []), int(whole[-1])])


def _validated(document: Document) -> tuple[WorldFile | None, list[ConfigError], _Shift, set[str]]:
    """The model of all that is sound, and the mistakes of the rest: broken parts are taken out until it fits.

    The last of the four has paths that are missing only because their keys are misspelt.
    """
    data, shift, errors, misspelt = copy.deepcopy(document.data), _Shift(), dict[str, ConfigError](), set[str]()
    file, lenient = None, False
    for _ in range(MOST_ROUNDS):
        try:
            file = WorldFile.model_validate(data, context={"lenient": lenient})
            break
        except ValidationError as error:
            details = error.errors()
        doomed: set[Steps] = set()
        for detail in details:
            steps = _steps(detail)
            mistake = _mistake(document, shift.original(steps), detail)
            if detail["type"] == "extra_forbidden" and (near := _near_key(steps)):
                misspelt.add(spell((*shift.original(steps[:-1]), near)))
            if not any(path.startswith((f"{mistake.path}.", f"{mistake.path}[")) for path in errors):
                errors.setdefault(mistake.path, mistake)  # or it only follows from what was taken out
            if detail["type"] != "conflict":
                doomed.add(steps[:-1] if detail["type"] == "missing" else steps)
        lenient = not doomed
        # Later items first, so that the paths of earlier ones stay true.
        order = sorted(doomed, key=lambda steps: [str(step).zfill(9) for step in steps], reverse=True)
        if not all(_take_out(data, steps, shift) for steps in order):
            break
    return file, list(errors.values()), shift, misspelt


def _near_key(steps: Steps) -> str:
    """The key somebody meant who wrote an unknown one; "" when none is near."""
    return next(iter(get_close_matches(str(steps[-1]), keys_at(steps[:-1]), 1, 0.5)), "")


def _written(document: Document, steps: Steps, value: Any) -> Any:
    """A value as the document has it, before units were read."""
    found: Any = document.data
    for step in steps:
        try:
            found = found[step]
        except (KeyError, IndexError, TypeError):
            return value
    return found


def _steps(detail: ErrorDetails) -> Steps:
    """Where in the document; keys that are no text have no better place than their mapping."""
    return tuple(step for step in detail["loc"] if step != "[key]")


def _take_out(data: JsonValue, steps: Steps, shift: _Shift) -> bool:
    """Delete what is at a path. Items are deleted from the end, so the paths still to come stay true."""
    if not steps:
        return False
    holder: Any = data
    for step in steps[:-1]:
        try:
            holder = holder[step]
        except (KeyError, IndexError, TypeError):
            return True  # gone already, with something around it
    try:
        if isinstance(holder, list):
            shift.take_out(shift.original(steps))
        del holder[steps[-1]]
    except (KeyError, IndexError, TypeError):
        return True
    return True


_EXPECTED = {
    "bool": "true or false",
    "int": "a whole number",
    "float": "a number",
    "string": "text",
    "tuple": "a list",
    "dict": "a mapping",
    "model": "a mapping",
}


def _mistake(document: Document, steps: Steps, detail: ErrorDetails) -> ConfigError:
    """A pydantic error in the words of this project."""
    kind, context, value = detail["type"], detail.get("ctx", {}), detail["input"]
    if kind in ("mistake", "conflict"):
        return document.mistake(steps, context["found"], context["expected"], context["hint"])
    if kind == "extra_forbidden":
        near = _near_key(steps)
        hint = f'Did you mean "{near}"?' if near else f"Here go {', '.join(keys_at(steps[:-1]))}"
        return document.mistake(steps, f'unknown key "{steps[-1]}"', "a key edgesim knows", hint)
    if kind == "missing":
        return document.mistake(steps, "nothing", f'the key "{steps[-1]}"')
    if kind == "literal_error":
        expected = context["expected"].replace("'", "")
        close = get_close_matches(str(value), expected.replace(" or ", ", ").split(", "), 1, 0.5)
        return document.mistake(steps, show(value), expected, f'Did you mean "{close[0]}"?' if close else "")
    for bound, word in (("ge", "at least"), ("gt", "more than"), ("le", "at most"), ("lt", "less than")):
        if bound in context:
            written = _written(document, steps, value)
            unit = " s" if isinstance(written, str) and isinstance(value, float) else ""
            return document.mistake(steps, show(written), f"{word} {context[bound]:g}{unit}")
    for bound, word in (("min_length", "at least"), ("max_length", "at most")):
        if bound in context:
            return document.mistake(steps, show(value), f"{word} {context[bound]} of them")
    if kind == "string_pattern_mismatch":
        return document.mistake(steps, show(value), f"text like {context['pattern']}")
    quotes = kind == "string_type" and isinstance(value, bool | int | float)
    expected = _EXPECTED.get(kind.partition("_")[0], detail["msg"])
    return document.mistake(steps, show(value), expected, "Put it in quotes" if quotes else "")


def keys_at(steps: Steps) -> list[str]:
    """The keys the models know at a path."""
    at: Any = WorldFile
    for step in steps:
        models = [one for one in _inside(at) if isinstance(one, type) and issubclass(one, BaseModel)]
        if models:
            field = models[0].model_fields.get(str(step))
            at = field.annotation if field else None
        else:
            at = next(
                (args[-1] if get_origin(one) is dict else args[0] for one in _inside(at) if (args := get_args(one))),
                None,
            )
    return next(
        (list(one.model_fields) for one in _inside(at) if isinstance(one, type) and issubclass(one, BaseModel)), []
    )


def _inside(annotation: Any) -> list[Any]:
    """An annotation, or the members of a union."""
    if get_origin(annotation) in (dict, tuple, list) or isinstance(annotation, type):
        return [annotation]
    return list(get_args(annotation)) or [annotation]
