"""Commands that live in other packages and are loaded when they are called."""

from importlib import import_module
from typing import Any

import typer
from typer.core import TyperGroup

COMMANDS = {
    "calibrate": ("agent.calibration.command:command", "Measure what a prior knows about an environment, untrained."),
    "doctor": ("agent.doctor:command", "Say what this installation, its data and a backend can do."),
    "serve": ("agent.serve:command", "Offer a local prior over HTTP, to many processes and other programs."),
    "train-answer-value": (
        "learners.train_answer_value:command",
        "Learn to tell good InterCode answers from bad ones, across databases.",
    ),
    "train-placement": ("learners.train_placement:command", "Count where things lie: the placement prior of ALFWorld."),
    "train-prior": ("learners.train_prior:command", "Train the small language model that ships as the bundled prior."),
    "train-value": ("learners.train_value:command", "Train the small network that ships as the learned value."),
}
"""Names to (typer function, one line of help). Named, not imported: most of the packages stand above this one."""


class LazyGroup(TyperGroup):
    """A group whose help lists :data:`COMMANDS` without loading them."""

    def list_commands(self, ctx: Any) -> list[str]:
        """Return all names, ours in the order of definition."""
        return [*self.commands, *COMMANDS]

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        """Return a command; of a lazy one only its name and help."""
        if cmd_name in COMMANDS:
            return _command(lambda: None, cmd_name)
        return super().get_command(ctx, cmd_name)

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        """Return the command that is called, loaded."""
        name = args[0]
        if name not in COMMANDS:
            return super().resolve_command(ctx, args)
        module, _, attribute = COMMANDS[name][0].partition(":")
        return name, _command(getattr(import_module(module), attribute), name), args[1:]


def _command(function: Any, name: str) -> Any:
    single = typer.Typer(add_completion=False, pretty_exceptions_enable=False)
    single.command(name, help=COMMANDS[name][1])(function)
    return typer.main.get_command(single)
