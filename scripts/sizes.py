"""Fails when a file or a function has grown past what one can read at once."""

import ast
import subprocess
import sys
from pathlib import Path

FILE_LINES = 600
FUNCTION_LINES = 60
LEFT_OUT = ("/migrations/", "/static/", "/vendor/")


def main() -> int:
    """Print each one that is too long; the exit status says whether there was one."""
    listed = subprocess.run(["git", "ls-files", "*.py"], check=True, capture_output=True, text=True)  # noqa: S607
    paths = [Path(name) for name in listed.stdout.split() if not any(part in f"/{name}" for part in LEFT_OUT)]
    found = [line for path in paths if path.exists() for line in too_long(path)]
    print("\n".join(found) if found else f"sizes: {len(paths)} files are fine")
    return 1 if found else 0


def too_long(path: Path) -> list[str]:
    """What is too long in this file, as `path:line: …`."""
    text = path.read_text()
    lines = text.count("\n")
    found = [f"{path}:1: {lines} lines, {FILE_LINES} are the limit"] if lines > FILE_LINES else []
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            length = (node.end_lineno or node.lineno) - node.lineno + 1
            if length > FUNCTION_LINES:
                found.append(
                    f"{path}:{node.lineno}: {node.name} has {length} lines, {FUNCTION_LINES} are the limit"
                )
    return found


if __name__ == "__main__":
    sys.exit(main())
