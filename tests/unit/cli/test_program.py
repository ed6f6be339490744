"""How commands end."""

import click
import pytest
from click.testing import CliRunner

from zoo.cli.program import Program
from zoo.errors import ZooError


@pytest.mark.parametrize(("answer", "status"), [(None, 0), (0, 0), (3, 3)])
def test_a_command_ends_with_what_its_function_returns(answer: int | None, status: int):
    assert CliRunner().invoke(click.command(cls=Program)(lambda: answer)).exit_code == status


@pytest.mark.parametrize("error", [ZooError("mine: no such layer"), FileNotFoundError("mine: no such layer")])
def test_what_a_user_can_mend_is_one_sentence_and_ends_with_one(error: Exception):
    @click.command(cls=Program)
    def program() -> None:
        raise error

    done = CliRunner().invoke(program)
    assert done.exit_code == 1 and done.stderr == "error: mine: no such layer\n" and not done.stdout


def test_wrong_usage_ends_with_two():
    assert CliRunner().invoke(click.command(cls=Program)(lambda: None), ["--what"]).exit_code == 2
