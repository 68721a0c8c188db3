"""`./airdesk completion`: what a shell sources to complete commands, options and choices."""

from __future__ import annotations

import argparse

import shtab

from trading.entrypoints.parsers import PROGRAM

SHELLS = {
    "bash": "source <(./airdesk completion bash)         # or into ~/.bashrc, with the folder of the checkout",
    "zsh": "./airdesk completion zsh > ~/.zfunc/_airdesk  # a folder of your $fpath; then: compinit",
    "fish": "./airdesk completion fish > ~/.config/fish/completions/airdesk.fish",
}
"""How each shell takes it."""


def register(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command."""
    parser = subparsers.add_parser(
        "completion",
        help="print what completes commands in bash, zsh or fish",
        description="Print a completion script, made of the commands as they are now: print it again after an update. "
        + " ".join(f"{name}: {line.split('#')[0].strip()}." for name, line in SHELLS.items()),
    )
    parser.add_argument("shell", choices=list(SHELLS), help="whose completion")
    parser.set_defaults(run=run, needs_database=False)


def run(options: argparse.Namespace) -> int:
    """Print the script; completes `airdesk` and `./airdesk`."""
    from trading.entrypoints.cli import build_parser

    # The first line of a file of zsh's must say whose completion it is.
    first, _, rest = shtab.complete(build_parser(), options.shell).partition("\n")
    print(first, f"# {SHELLS[options.shell]}", rest, sep="\n")
    if options.shell == "bash":
        print(f"complete -o filenames -F _shtab_{PROGRAM} ./{PROGRAM}")
    return 0
