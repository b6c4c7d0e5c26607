"""The 128 instruments of General MIDI, by program. Source: MIDI Manufacturers Association, General MIDI 1, 1991."""

# Sixteen families of eight, each line one family.
_FAMILIES = """
Piano, Bright Piano, Electric Grand, Honky-tonk Piano, Electric Piano 1, Electric Piano 2, Harpsichord, Clavinet
Celesta, Glockenspiel, Music Box, Vibraphone, Marimba, Xylophone, Tubular Bells, Dulcimer
Drawbar Organ, Percussive Organ, Rock Organ, Church Organ, Reed Organ, Accordion, Harmonica, Bandoneon
Nylon Guitar, Steel Guitar, Jazz Guitar, Clean Guitar, Muted Guitar, Overdriven Guitar, Distorted Guitar, Harmonics
Acoustic Bass, Fingered Bass, Picked Bass, Fretless Bass, Slap Bass 1, Slap Bass 2, Synth Bass 1, Synth Bass 2
Violin, Viola, Cello, Contrabass, Tremolo Strings, Pizzicato Strings, Harp, Timpani
Strings 1, Strings 2, Synth Strings 1, Synth Strings 2, Choir, Voice, Synth Voice, Orchestra Hit
Trumpet, Trombone, Tuba, Muted Trumpet, Horn, Brass, Synth Brass 1, Synth Brass 2
Soprano Sax, Alto Sax, Tenor Sax, Baritone Sax, Oboe, English Horn, Bassoon, Clarinet
Piccolo, Flute, Recorder, Pan Flute, Blown Bottle, Shakuhachi, Whistle, Ocarina
Square Lead, Saw Lead, Calliope Lead, Chiff Lead, Charang Lead, Voice Lead, Fifths Lead, Bass and Lead
New Age Pad, Warm Pad, Polysynth Pad, Choir Pad, Bowed Pad, Metallic Pad, Halo Pad, Sweep Pad
Rain, Soundtrack, Crystal, Atmosphere, Brightness, Goblins, Echoes, Sci-fi
Sitar, Banjo, Shamisen, Koto, Kalimba, Bagpipe, Fiddle, Shanai
Tinkle Bell, Agogo, Steel Drums, Woodblock, Taiko, Melodic Tom, Synth Drum, Reverse Cymbal
Fret Noise, Breath Noise, Seashore, Bird, Telephone, Helicopter, Applause, Gunshot
"""
GENERAL_MIDI = tuple(name.strip() for family in _FAMILIES.split("\n") if family for name in family.split(","))
