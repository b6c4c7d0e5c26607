"""The flags of commands that write MIDI, for how it sounds."""

import argparse
from pathlib import Path


def add_sound_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds --sound and --soundfont."""
    parser.add_argument("--sound", action="store_true", help="write OUT.wav too, how the MIDI file sounds")
    parser.add_argument(
        "--soundfont", type=Path, metavar="FILE.sf2", help="the same, on instruments of your own (General MIDI)"
    )
