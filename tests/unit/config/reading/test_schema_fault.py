"""What the schema refuses of a value, keyword by keyword."""

from typing import Any

import jsonschema
import pytest

from zoo.config.reading.schema_fault import FORM, of, within


def error(schema: dict, value: Any) -> Any:
    return next(jsonschema.Draft202012Validator(schema).iter_errors(value))


@pytest.mark.parametrize(
    ("schema", "value", "sentence"),
    [
        ({"required": ["a"]}, {}, "a is missing"),
        ({"type": "string"}, 7, "7 stands where text belongs; put it in quotes"),
        ({"type": "integer"}, True, "true stands where a whole number belongs"),
        ({"type": ["array", "null"]}, "a", "'a' stands where a list belongs"),
        ({"enum": ["auto", True, None]}, "no", "'no' is none of its values; it takes auto, true"),
        ({"pattern": "^a$"}, "b", "'b' does not belong there, but text of another form"),
        ({"pattern": "^a$", FORM: "an a"}, "b", "'b' does not belong there, but an a"),
        ({"minimum": 1}, 0, "0 is less than the minimum of 1"),
        ({"maximum": 1}, 2, "2 is greater than the maximum of 1"),
        ({"exclusiveMinimum": 0}, 0, "it must be above 0, and is 0"),
        ({"exclusiveMaximum": 1}, 1, "it must be below 1, and is 1"),
        ({"minItems": 1}, [], "the list is empty"),
        ({"minLength": 1}, "", "the text is empty"),
        ({"maxItems": 1}, [1, 2], "[1, 2] has 2 of at most 1 values"),
        ({"oneOf": [{"const": "hub"}, {"type": "object"}]}, "hbu", "'hbu' stands where hub or a mapping"),
        ({"multipleOf": 2}, 3, "3 does not belong there"),
    ],
)
def test_it_is_said_in_a_persons_words(schema: dict, value: Any, sentence: str):
    assert of(error(schema, value)).startswith(sentence)


@pytest.mark.parametrize(
    ("schema", "value", "where"),
    [
        ({"properties": {"a": {}}, "additionalProperties": False}, {"a": 1, "b": 2}, ("b",)),
        ({"uniqueItems": True}, ["a", "b", "a"], (2,)),
        ({"propertyNames": {"pattern": "^a$"}}, {"b": 1}, ("b",)),
        ({"type": "string"}, 7, ()),
    ],
)
def test_the_part_that_is_wrong_is_found(schema: dict, value: Any, where: tuple):
    assert within(error(schema, value)) == where
