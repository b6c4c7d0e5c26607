"""Imports TensorFlow quietly. Import this before anything that imports TensorFlow."""

from tutti.quiet import importing

with importing():
    import tensorflow as tf

tf.get_logger().setLevel("ERROR")
