"""Who plays in a band, with names and programs as people write them into files."""

from dataclasses import dataclass

# What a part does, and the role that it has by that.
ROLES = {
    "drums": "drums",
    "bass": "bass",
    "chords": "chords",
    "pad": "chords",
    "melody": "melody",
    "second voice": "other",
    "arpeggio": "other",
}


@dataclass(frozen=True)
class Player:
    """A player of a band.

    Attributes:
      part: one of `ROLES`.
      name: that of the track.
      program: the General MIDI program.
    """

    part: str
    name: str
    program: int = 0

    @property
    def role(self) -> str:
        """What the track is to the whole: drums, bass, chords, melody or other."""
        return ROLES[self.part]


LINEUPS = (
    (Player("melody", "Lead Vocal", 53), Player("chords", "Piano", 0), Player("bass", "Bass", 33),
     Player("drums", "Drums")),
    (Player("drums", "Drum Kit"), Player("bass", "Fingered Bass", 33), Player("chords", "Acoustic Gtr", 25),
     Player("melody", "Melody", 73)),
    (Player("melody", "Alto Sax", 65), Player("chords", "E.Piano 1", 4), Player("pad", "Strings", 48),
     Player("bass", "Fretless Bs", 35), Player("drums", "Std Kit")),
    (Player("drums", "drums"), Player("bass", "bass", 34), Player("chords", "rhythm guitar", 27),
     Player("pad", "organ", 18), Player("melody", "vocals", 52)),
    (Player("melody", "Violin", 40), Player("second voice", "Violin II", 40), Player("chords", "Accordion", 21),
     Player("bass", "Kontrabass", 32), Player("drums", "Schlagzeug")),
    (Player("bass", "Synth Bass", 38), Player("drums", "TR-808"), Player("pad", "Warm Pad", 89),
     Player("arpeggio", "Arp", 81), Player("melody", "Square Lead", 80)),
    (Player("drums", "DRUMS"), Player("bass", "SLAP BASS", 36), Player("chords", "CLAVI", 7),
     Player("melody", "TRUMPET", 56), Player("second voice", "TROMBONE", 57)),
    (Player("melody", "Flute", 73), Player("arpeggio", "Harp", 46), Player("pad", "String Ensemble", 48),
     Player("bass", "Acoustic Bass", 32), Player("drums", "Percussion")),
    (Player("melody", "Clarinet in Bb", 71), Player("chords", "Nylon Guitar", 24), Player("bass", "Upright", 32),
     Player("drums", "Brush Kit")),
    (Player("melody", "Voice", 54), Player("second voice", "Backing Vox", 52), Player("chords", "Grand Piano", 0),
     Player("pad", "Pad", 88), Player("bass", "E-Bass", 33), Player("drums", "Drums")),
)  # fmt: skip
