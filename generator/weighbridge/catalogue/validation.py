"""Documents against their shapes: pydantic finds what is wrong, this module says it to people.

Every problem carries the place in the file, the field's path as the user wrote it, and what to do.
"""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, TypeVar, get_args, get_origin

from pydantic import BaseModel, TypeAdapter, ValidationError

from weighbridge.catalogue.names import FORMS
from weighbridge.catalogue.yaml_nodes import Places, field_path
from weighbridge.errors import InputError, Problem

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from pydantic_core import ErrorDetails

D = TypeVar("D", bound=BaseModel)
_KINDS = {
    "string_type": "text",
    "int_type": "a whole number",
    "int_from_float": "a whole number",
    "float_type": "a number",
    "bool_type": "`true` or `false`",
    "tuple_type": "a list",
    "list_type": "a list",
    "dict_type": "a mapping",
    "model_type": "a mapping",
    "model_attributes_type": "a mapping",
}
"""pydantic's error types for a value of the wrong kind, and what was expected."""


def validate(
    model: type[D],
    value: Any,
    file: str,
    places: Callable[[], Places] = lambda: Places(None),
    prefix: tuple[str | int, ...] = (),
) -> D:
    """The document as its model.

    Args:
        model: the document's model.
        value: plain JSON values.
        file: the name for errors.
        places: called only when there is something wrong.
        prefix: where in the file the value stands.

    Raises:
        InputError: with every problem of the document.
    """
    try:
        return model.model_validate(value)
    except ValidationError as error:
        raise InputError(_problems(model, error, file, places(), prefix)) from error


def validate_value(kind: Any, value: Any, field: str) -> None:
    """Check one value, such as an option's, against one of the types in `weighbridge.catalogue.names`.

    Raises:
        InputError: naming the field.
    """
    try:
        TypeAdapter(kind).validate_python(value, strict=True)
    except ValidationError as error:
        details = error.errors(include_url=False)
        raise InputError(Problem("", 0, 0, field, *_explain(BaseModel, detail, ())) for detail in details) from error


def validate_partly(model: type[D], value: Any, file: str, places: Places) -> tuple[D | None, list[Problem]]:
    """The document as its model without the parts that are wrong, so that the rest can still be checked.

    Returns:
        The document, None if nothing usable is left, and every problem. With any problem, the document must not be used
        for anything but finding more of them.
    """
    problems: list[Problem] = []
    for _ in range(10):
        try:
            return model.model_validate(value), problems
        except ValidationError as error:
            # Problems that only show because something was taken out are not the user's.
            problems = problems or _problems(model, error, file, places)
            value = _without(value, {_prunable(detail) for detail in error.errors(include_url=False)})
    return None, problems


def _prunable(detail: ErrorDetails) -> tuple[str | int, ...]:
    path = _path(detail)
    return path[:-1] if detail["type"] == "missing" else path


def _without(value: Any, paths: set[tuple[str | int, ...]]) -> Any:
    if () in paths:
        return None
    inner: dict[str | int, set[tuple[str | int, ...]]] = {}
    for path in paths:
        inner.setdefault(path[0], set()).add(path[1:])
    if isinstance(value, Mapping):
        return {
            key: _without(item, inner[key]) if key in inner else item
            for key, item in value.items()
            if () not in inner.get(key, ())
        }
    if isinstance(value, list):
        return [item for index, item in enumerate(value) if index not in inner]
    return None


def _problems(
    model: type[BaseModel], error: ValidationError, file: str, places: Places, prefix: tuple[str | int, ...] = ()
) -> list[Problem]:
    problems = []
    details = error.errors(include_url=False)
    wrong_inside = {detail["loc"][:length] for detail in details for length in range(len(detail["loc"]))}
    for detail in details:
        if detail["type"] == "too_short" and detail["loc"] in wrong_inside:
            continue  # only what is wrong in the list makes it too short
        path = _path(detail)
        whole = prefix + path
        message, fix = _explain(model, detail, path)
        # What is wrong with a mapping as a whole is told at its key.
        of_key = detail["type"] == "extra_forbidden" or _of_key(detail)
        of_key = of_key or (detail["type"] == "value_error" and isinstance(detail["input"], Mapping))
        if detail["type"] == "missing":
            at = places.key(whole[:-1])
        else:
            at = places.key(whole) if of_key else places.value(whole)
        problems.append(Problem(file, at[0], at[1], field_path(whole), message, fix))
    return problems


def _path(detail: ErrorDetails) -> tuple[str | int, ...]:
    return detail["loc"][:-1] if _of_key(detail) else detail["loc"]


def _of_key(detail: ErrorDetails) -> bool:
    """Whether it is a mapping's key that is wrong: pydantic says (..., key, "[key]"), and "[key]" may be a key, too."""
    location = detail["loc"]
    return len(location) > 1 and location[-1] == "[key]" and location[-2] == detail["input"]


def _explain(model: type[BaseModel], detail: ErrorDetails, path: Sequence[str | int]) -> tuple[str, str]:
    kind, context, given = detail["type"], detail.get("ctx", {}), detail["input"]
    if kind == "extra_forbidden":
        return "is not known here", _nearest(str(path[-1]), _known(model, path[:-1]))
    if kind == "missing":
        return "is missing", f"Add `{path[-1]}`."
    if kind in _KINDS:
        return f"is {_describe(given)}, expected {_KINDS[kind]}", _fix_kind(kind, given)
    if kind == "value_error":
        return _sentence(str(context["error"]), given)
    return _explain_bound(kind, context, given)


def _explain_bound(kind: str, context: Mapping[str, Any], given: Any) -> tuple[str, str]:
    got = f"is {_describe(given)}"
    if kind in {"too_short", "string_too_short"}:
        return "is empty", "Give at least one, or remove the key if it is optional."
    if kind == "string_too_long":
        return f"has {len(given)} characters, at most {context['max_length']} are allowed", "Shorten it."
    bounds = {
        "literal_error": ("", f"Allowed: {str(context.get('expected')).replace(chr(39), '`')}."),
        "string_pattern_mismatch": (", which has not the form expected", _pattern(str(context.get("pattern")))),
        "greater_than_equal": (f", at least {context.get('ge')} is expected", "Correct the number."),
        "less_than_equal": (f", at most {context.get('le')} is allowed", "Correct the number."),
    }
    message, fix = bounds.get(kind, (", which is not acceptable", "See the document's JSON Schema for what is."))
    return got + message, fix


def _describe(given: Any) -> str:
    if given is None:
        return "empty"
    if isinstance(given, bool):
        return f"`{str(given).lower()}`"
    if isinstance(given, int | float):
        return f"the number {given}"
    if isinstance(given, str):
        return f"{given[:80]!a}" + (" ..." if len(given) > 80 else "")
    return "a mapping" if isinstance(given, Mapping) else "a list"


def _fix_kind(kind: str, given: Any) -> str:
    if given is None:
        return "Give a value, or remove the key."
    if kind == "string_type" and isinstance(given, bool | int | float):
        return "Put it in quotes."
    if kind == "bool_type":
        return "Write `true` or `false`, without quotes."
    if kind in {"int_type", "float_type"} and isinstance(given, str):
        return "Write the number in decimal digits, without quotes."
    return "Correct the value."


def _pattern(pattern: str) -> str:
    return FORMS.get(pattern, f"It must match `{pattern}`.")


def _sentence(text: str, given: Any) -> tuple[str, str]:
    message, _, fix = text.partition(". ")
    got = f"is {_describe(given)}, " if isinstance(given, str | int | float) or given is None else ""
    return f"{got}{message}", fix or "Correct the value."


def _nearest(given: str, known: Iterable[str]) -> str:
    names = sorted(known)
    close = difflib.get_close_matches(given, names, n=1, cutoff=0.6)
    if close:
        return f"Did you mean `{close[0]}`?"
    return f"Known: {', '.join(f'`{name}`' for name in names)}." if names else "Remove it."


def _known(model: type[BaseModel], path: Sequence[str | int]) -> list[str]:
    """Keys of the model that stands at a path inside another."""
    current: Any = model
    for part in path:
        current = _step(_bare(current), part)
    bare = _bare(current)
    if isinstance(bare, type) and issubclass(bare, BaseModel):
        return [field.alias or name for name, field in bare.model_fields.items()]
    return []


def _step(current: Any, part: str | int) -> Any:
    if isinstance(current, type) and issubclass(current, BaseModel):
        fields = current.model_fields.items()
        return next((field.annotation for name, field in fields if part in {name, field.alias}), None)
    arguments = get_args(current)
    if get_origin(current) is dict:
        return arguments[1]
    return arguments[0] if arguments else None


def _bare(annotation: Any) -> Any:
    """The annotation without `Annotated` and without `| None`."""
    while True:
        if hasattr(annotation, "__metadata__"):
            annotation = get_args(annotation)[0]
        elif type(None) in get_args(annotation):
            annotation = next(option for option in get_args(annotation) if option is not type(None))
        else:
            return annotation
