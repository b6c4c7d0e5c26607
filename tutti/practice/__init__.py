"""A small composer: songs from a seed, to try everything on without a corpus.

`compose` writes the corpus. `drums` has `grooves` and `fills` to choose from; `piano` has `tunes`, or makes a piece of
`harmony`, `melody` and `textures`; `voice` and `band` play `songs`, a band in one of `lineups`; `loops` are bars of
`grooves`; `sound` plays melodies on a plucked string.
"""
