"""A small composer: drum songs and piano pieces from a seed, to try the whole path without a corpus of one's own.

`compose` is the command; `drums`, `piano` and `sound` write one piece each. What they draw on stands beside them:
`grooves` and `fills` for the drums; `harmony`, `textures`, `melody` and the public-domain `tunes` for the piano.
"""
