"""What pieces look like, as the bytes of files.

`picture` draws PNGs: scores as piano rolls and grids of drums (`roll`), recordings as spectrograms (`spectrogram`).
`sheet` makes sheet music: `notation` decides bars, keys and staves, `voices` the notes and rests of a staff, `spelling`
their names in a key; `musicxml` writes all that, bar by bar (`measure`), and programs that engrave make pages of it.
"""
