"""Writes the reference pages of settings and commands from the code, so that they cannot fall behind it."""

from pathlib import Path

from cyclopts import App
from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined

from passalong.config.settings import Settings

SETTINGS_INTRO = """# Settings

Read from the environment when a process starts. Written by `python -m passalong.config.reference`.

| setting | meaning | default |
|---|---|---|
"""
COMMANDS_INTRO = """# Commands

`passalong COMMAND --help` says the same. Written by `python -m passalong.config.reference`.

What cannot be done is told on standard error as `code: sentence`, then the next step; the exit status is 1.
Wrong usage is 2. Commands that need the database start the embedded one, or share the running one, unless
`DATABASE_URL` is set.
"""


def settings_page() -> str:
    """`docs/reference/settings.md`."""
    return SETTINGS_INTRO + "".join(_setting(name, field) for name, field in Settings.model_fields.items())


def commands_page(app: App) -> str:
    """`docs/reference/commands.md`."""
    return COMMANDS_INTRO + "".join(_commands(app, ()))


def _setting(name: str, field: FieldInfo) -> str:
    shown = field.validation_alias or f"PASSALONG_{name.upper()}"
    none = field.default is None or field.default is PydanticUndefined
    return f"| `{shown}` | {field.description} | {'none' if none else f'`{field.default}`'} |\n"


def _commands(app: App, path: tuple[str, ...]) -> list[str]:
    pages = []
    for name in sorted(app):
        if name.startswith("-"):
            continue
        command = app[name]
        inner = _commands(command, (*path, name))
        pages += inner or [_command(command, (*path, name))]
    return pages


def _command(command: App, path: tuple[str, ...]) -> str:
    function = command.default_command
    lines = [f"\n## `passalong {' '.join(path)}`\n\n", f"{_summary(function.__doc__ or '')}\n"]
    arguments = list(command.assemble_argument_collection(parse_docstring=True))
    if arguments:
        lines += ["\n| option | meaning | default |\n|---|---|---|\n"]
    for argument in arguments:
        default = argument.field_info.default
        shown = "required" if argument.required else "none" if default is None else f"`{default}`"
        lines.append(f"| `{argument.name}` | {argument.parameter.help or ''} | {shown} |\n")
    return "".join(lines)


def _summary(doc: str) -> str:
    return " ".join(doc.partition("Parameters\n")[0].split())


def main() -> None:
    """Write both pages into the clone's `docs/reference/`."""
    from passalong.cli import app

    folder = Path("docs/reference")
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "settings.md").write_text(settings_page())
    (folder / "commands.md").write_text(commands_page(app))


if __name__ == "__main__":
    main()
