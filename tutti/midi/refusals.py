"""Why a MIDI file cannot be read, in plain words instead of a parser's.

The reasons hold no figures, so that the files of a corpus that share a reason are counted together.
"""

import re

from tutti.errors import RejectedFile

# What symusic or mido says -> what it means, the first that fits. Found by damaging files in many ways.
REASONS = {
    r"Unexpected EOF|^$": "it ends within an event",  # mido's EOFError is empty
    r"running status": "an event does not say of which kind it is",
    r"status byte|wrong number of bytes": "it holds an event that no MIDI file can have",
    r"Message length": "an event claims more than a million bytes",
    r"Get velocity": "the loudness of a note is above 127",
    r"Get pitch": "the pitch of a note is above 127",
    r"Get program": "the number of an instrument is above 127",
    r"Get control": "the number or the value of a controller is above 127",
    r"data byte": "a pitch, a loudness or another value is above 127",
    r"index out of range": "an event is shorter than its kind must be",
}
OTHERWISE = "its events cannot be read"


def rejected(error: Exception) -> RejectedFile:
    """Returns the rejection of a file for which a parser raised an error."""
    said = str(error)
    meaning = (meaning for pattern, meaning in REASONS.items() if re.search(pattern, said))
    return RejectedFile(f"damaged: {next(meaning, OTHERWISE)}")
