"""What a piece looks like: piano rolls, drum grids, spectrograms, contact sheets, and music notation.

`picture` draws with matplotlib; `sheet` writes MusicXML (`voices`, `notation`, `musicxml`) and has it drawn.
"""
