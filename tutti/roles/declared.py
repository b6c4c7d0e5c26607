"""What a file itself says of a track: by its channel, its name or its program."""

import re

from tutti.roles.kit import drum_share
from tutti.roles.role import BASS, CHANNEL, CHORDS, DRUMS, MELODY, NAME, OTHER, PROGRAM, Role
from tutti.score import Track

# Words in the names of tracks, in some languages.
_WORDS = {
    DRUMS: r"drums?|drum ?(?:set|kit)|kit|perc\w*|kick|snare|hi-?hats?|cymbale?s?|toms?|ride|crash|congas?|bongos?|"
    r"shaker|tamb\w*|claps?|sticks?|wood ?blocks?|cowbells?|timbales|batterie|bater[ií]a|batteria|schlagzeug",
    BASS: r"\w*bass|basse|basso|baixo|bajo|kontrabass|contrebasse",
    MELODY: r"melod\w*|lead|vocals?|vox|voice|voz|voix|solo|singer|gesang|canto|chant|tune",
    CHORDS: r"chords?|accomp\w*|comping|pads?|rhythm|harmony|akkorde?|acordes|accords",
}
_NAMED = {role: re.compile(rf"(?<![^\W_])(?:{words})(?![^\W_])", re.IGNORECASE) for role, words in _WORDS.items()}
# What is neither drums nor the melody.
_NEITHER = re.compile(r"steel ?(?:drum|pan)s?|back(?:ing|ground) ?(?:vocals?|vox|voices?)", re.IGNORECASE)
# A track that is named for drums is one if it plays notes that General MIDI has for drums.
LEAST_DRUM_NOTES = 0.5
BASSES = range(32, 40)
# Percussion with a pitch, and noises: they are no part of the harmony.
EFFECTS = range(112, 128)


def declared(track: Track) -> Role | None:
    """Returns what a file says of a track; None where it says nothing."""
    if track.is_drum:
        return Role(DRUMS, CHANNEL)
    if (role := _of_name(track.name)) and (role != DRUMS or drum_share(track.notes) >= LEAST_DRUM_NOTES):
        return Role(role, NAME)
    if track.program in BASSES:
        return Role(BASS, PROGRAM)
    if track.program in EFFECTS:
        return Role(OTHER, PROGRAM)
    return None


def _of_name(name: str) -> str | None:
    """Returns the role that a track's name names first; drums where it names them at all, as in `bass drum`."""
    name = _NEITHER.sub(" ", name)
    if _NAMED[DRUMS].search(name):
        return DRUMS
    found = [(match.start(), role) for role, words in _NAMED.items() if (match := words.search(name))]
    return min(found)[1] if found else None
