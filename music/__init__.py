"""What all stages share: MIDI bytes <-> notes <-> tokens, and the dataset's manifest.

Imports neither Beam nor TensorFlow, so every stage can use it.
"""
