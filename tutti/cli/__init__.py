"""The command line: one thin front to the stages."""

import errno
import importlib
import sys

from tutti.errors import Error

# command -> (module with `main(argv)`, the extra that installs what it imports, what it does)
COMMANDS = {
    "ingest": ("pipelines.cli.ingest", "pipelines", "MIDI corpora -> dataset of token windows (Apache Beam)"),
    "inspect": ("pipelines.cli.inspect", "pipelines", "check a dataset against its manifest and show what is in it"),
    "show": ("pipelines.cli.show", "pipelines", "files or a dataset -> piano rolls, drum grids, spectrograms"),
    "loops": ("pipelines.cli.loops", "pipelines", "drum loops -> General MIDI drums, and new loops combined from them"),
    "train": ("trainer.cli.train", "trainer", "dataset -> run directory (tf.distribute)"),
    "evaluate": ("trainer.cli.evaluate", "trainer", "bits per token of a run on a split, beside an n-gram baseline"),
    "export": ("serving.export", "serving", "run directory -> SavedModel for TensorFlow Serving"),
    "generate": ("serving.cli.generate", "serving", "SavedModel -> MIDI or WAV, picture and text"),
    "encode": ("tutti.cli.text", "", "MIDI or WAV file -> tokens as text"),
    "decode": ("tutti.cli.text", "", "tokens as text -> MIDI or WAV file"),
    "compose": ("tutti.practice.compose", "", "a practice corpus of drums, piano and sound, from a seed"),
}

USAGE = (
    "usage: tutti COMMAND [OPTIONS]    (tutti COMMAND --help says more)\n\n"
    + "\n".join(f"  {name:<10}{about}" for name, (_, _, about) in COMMANDS.items())
    + "\n\nMIDI corpora in, music out. Start with:\n"
    "  tutti compose corpus && tutti ingest corpus/drums --dataset data/drums --encoding drums\n"
)


def main(argv: list[str] | None = None) -> int:
    """Runs one command; returns the exit status: 0, or 2 for an error that the user can mend."""
    argv = sys.argv[1:] if argv is None else argv
    if not argv or argv[0] in ("-h", "--help", "help"):
        print(USAGE, end="")
        return 0 if argv else 2
    command, *rest = argv
    if command not in COMMANDS:
        return fail(f"unknown command {command!r}; there are {', '.join(COMMANDS)}")
    module_name, extra, _ = COMMANDS[command]
    try:
        module = importlib.import_module(module_name)
        return run(module.main, [command, *rest] if module_name == "tutti.cli.text" else rest)
    except ModuleNotFoundError as missing:
        if not extra or missing.name in (None, module_name):
            raise
        return fail(f"{command} needs {missing.name}; install it with: pip install 'tutti[{extra}]'")


def run(stage, arguments: list[str]) -> int:  # type: ignore[no-untyped-def]
    """Calls a stage's `main`, turning errors that a user can cause into one line and status 2."""
    try:
        stage(arguments)
        return 0
    except Error as error:
        return fail(str(error))
    except BrokenPipeError:
        return 0
    except OSError as error:
        if error.errno not in (errno.ENOSPC, errno.EACCES, errno.EROFS, errno.ENOENT, errno.EDQUOT):
            raise
        return fail(f"{error.strerror}: {error.filename}" if error.filename else str(error.strerror))
    except KeyboardInterrupt:
        return 130


def fail(reason: str) -> int:
    print(f"tutti: error: {' '.join(reason.split())}", file=sys.stderr)
    return 2


if __name__ == "__main__":
    sys.exit(main())
