"""What every command shares: how it ends, and the kinds of values that it takes."""

import json
import shlex
import sys
from collections.abc import Callable
from typing import Any

import click

from zoo.errors import ZooError

COUNT = click.IntRange(min=1)
DEVICE = click.Choice(("cpu", "gpu"))


class Program(click.Command):
    """A command that ends with what its function returns, None being 0, and with 1, after a sentence, for
    what a user can mend. Wrong usage ends with 2."""

    def parse_args(self, context: click.Context, args: list[str]) -> list[str]:
        ours = args[: args.index("--")] if "--" in args else args
        if "" in ours and not context.resilient_parsing:
            context.fail(f"an argument is empty: {context.command_path} {shlex.join(args)}")
        return super().parse_args(context, args)

    def invoke(self, context: click.Context) -> Any:
        try:
            status = super().invoke(context)
        except (ZooError, OSError) as error:
            fail(error)
            status = 1
        context.exit(status or 0)


def fail(error: Exception) -> None:
    click.echo(f"error: {error}", err=True)


def note(sentence: str) -> None:
    click.echo(f"note: {sentence}", err=True)


def print_json(value: Any) -> None:
    """One line, so that several can be told apart."""
    click.echo(json.dumps(value, ensure_ascii=False))


def as_json(what: str = "print JSON") -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """The option --json."""
    return click.option("--json", "json_wanted", is_flag=True, help=f"{what[0].upper()}{what[1:]}.")


def card_option(what: str) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """The option --card, for artifacts that lie outside of a zoo."""
    told = f"The model card, where {what} lies outside of a zoo."
    return click.option("--card", metavar="FILE", help=told)


def run(command: click.Command) -> None:
    """End this process with a command, as a script of `scripts/` does."""
    if hasattr(sys.stdout, "reconfigure"):
        sys.stdout.reconfigure(errors="backslashreplace")  # a file's name need not be UTF-8
    command()
