"""Requests that TensorFlow Serving sends to a model while it loads it, so that the first client does not wait.

See "SavedModel Warmup" in TensorFlow Serving's documentation: a TFRecord of `PredictionLog` messages.
"""

from collections.abc import Mapping
from typing import Any

import tensorflow as tf
from tensorflow_serving.apis.predict_pb2 import PredictRequest
from tensorflow_serving.apis.prediction_log_pb2 import PredictionLog, PredictLog

FOLDER, FILE = "assets.extra", "tf_serving_warmup_requests"


def write(path: str, model: str, requests: Mapping[str, Mapping[str, Any]]) -> None:
    """Writes `requests` as warm-up requests.

    Args:
      path: the file to write.
      model: the name under which the model is served.
      requests: for each signature its inputs, as arrays by name.
    """
    with tf.io.TFRecordWriter(path) as writer:
        for signature, inputs in requests.items():
            request = PredictRequest()
            request.model_spec.name, request.model_spec.signature_name = model, signature
            for name, value in inputs.items():
                request.inputs[name].CopyFrom(tf.make_tensor_proto(value))
            writer.write(PredictionLog(predict_log=PredictLog(request=request)).SerializeToString())
