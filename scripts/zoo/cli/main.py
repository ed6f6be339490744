"""`zoo`: the commands by name. What a command needs is imported when it is called."""

import importlib
import shlex
from importlib.metadata import PackageNotFoundError, version
from typing import Any

import click

from zoo.cli.program import run
from zoo.errors import meant

COMMANDS = {
    "init": ("init", "Write a config.yaml for a model, found out by looking at it."),
    "doctor": ("doctor", "What a model becomes, before it is built; without one: is this machine fit?"),
    "build": ("build", "Build models, verified, with what of them to ship."),
    "status": ("status", "What is built, what passed, and what did not."),
    "best": ("best", "Which artifact of a model to ship, and why."),
    "predict": ("predict", "Ask an artifact about images."),
    "serve": ("serve", "Serve an artifact over HTTP."),
    "verify": ("verify", "Verify an artifact where it lies; nothing is built."),
    "bench": ("bench", "Time an artifact where it lies, beside fp32."),
    "compare": ("compare", "How two artifacts differ, layer by layer."),
    "publish": ("publish", "Put what passed of a model on Hugging Face's hub, with its card."),
    "lint-table": ("lint_table", "Check a calibration table against an fp32 ncnn model."),
}
"""A command -> its module, and what it does, in a line. In the order in which a newcomer needs them."""


class Commands(click.Group):
    """A group whose commands are known by name, and imported one at a time."""

    def list_commands(self, context: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, context: click.Context, name: str) -> click.Command | None:
        if name not in COMMANDS:
            return None
        module = COMMANDS[name][0]
        command: click.Command = getattr(importlib.import_module(f"zoo.cli.{module}"), module)
        return command

    def resolve_command(self, context: click.Context, args: list[str]) -> Any:
        if args and args[0] not in COMMANDS:
            hint = meant([args[0]], list(COMMANDS)) or f"there are: {', '.join(COMMANDS)}"
            context.fail(f"there is no command {shlex.quote(args[0])}; {hint}")
        return super().resolve_command(context, args)

    def format_commands(self, context: click.Context, formatter: click.HelpFormatter) -> None:
        """Without importing any of them."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, told) for name, (_, told) in COMMANDS.items()])


def _version() -> str:
    try:
        return version("ncnn-zoo")
    except PackageNotFoundError:
        return "of a folder that is not installed"


@click.command(cls=Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(_version(), prog_name="ncnn-zoo")
def zoo() -> None:
    """Vision models into verified files of ncnn and ONNX.

    \b
    zoo init convnext_atto.d2_in1k      write a config.yaml
    zoo build convnext_atto             build it, verified: results/report.html
    zoo best convnext_atto              what to ship, and why

    \b
    Completion, here of bash: eval "$(_ZOO_COMPLETE=bash_source zoo)"
    """


def main() -> None:
    run(zoo)


if __name__ == "__main__":
    main()
