"""TensorFlow Serving's gRPC services: PredictionService and ModelService, with the messages of its package."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeAlias

import grpc
from tensorflow_serving.apis import model_service_pb2_grpc, prediction_service_pb2_grpc
from tensorflow_serving.apis.model_management_pb2 import ReloadConfigResponse
from tensorflow_serving.apis.predict_pb2 import PredictResponse

from serving.server.call import Call
from serving.server.errors import Code, ServingError
from serving.server.models import sources
from serving.server.models.repository import Repository
from serving.server.tensorflow_serving import examples, metadata, tensors
from serving.server.tensorflow_serving.checks import check_names, check_types, output_names
from serving.server.tensorflow_serving.json_tensors import invalid
from serving.server.tensorflow_serving.spec import DEFAULT, ModelSpec
from tutti.errors import Error

Context: TypeAlias = "grpc.aio.ServicerContext[Any, Any]"
Calls: TypeAlias = Callable[[Context], Call]


def add(server: grpc.aio.Server, repository: Repository, calls: Calls) -> None:
    """Adds the services to a server, which turns the errors that they raise into codes.

    Args:
      server: it need not be started.
      repository: the models.
      calls: returns on whose behalf a request comes, and until when.
    """
    prediction_service_pb2_grpc.add_PredictionServiceServicer_to_server(_Prediction(repository, calls), server)
    model_service_pb2_grpc.add_ModelServiceServicer_to_server(_Models(repository), server)


class _Prediction:
    """PredictionService, with the methods of its definition."""

    def __init__(self, repository: Repository, calls: Calls) -> None:
        self._repository, self._calls = repository, calls

    async def Predict(self, request: Any, context: Context) -> Any:  # noqa: N802
        spec = _spec(request)
        version = spec.find(self._repository)
        with version.used():
            name = spec.signature or DEFAULT
            if name not in version.signatures:
                raise ServingError(Code.FAILED_PRECONDITION, f'Serving signature key "{name}" not found.')
            version.check_room(name)
            signature = version.signatures[name]
            check_names(signature, set(request.inputs))
            check_types(
                signature,
                {
                    key: (value.dtype, tuple(dim.size for dim in value.tensor_shape.dim))
                    for key, value in request.inputs.items()
                },
            )
            wanted = output_names(signature, [*request.output_filter])
            most = version.limits.body
            inputs = {key: tensors.to_array(key, value, most) for key, value in request.inputs.items()}
            outputs = await version.predict(name, inputs, self._calls(context))
            response = PredictResponse(model_spec=metadata.model_spec(version, name))
            for key in wanted:
                response.outputs[key].CopyFrom(tensors.to_proto(outputs[key]))
            return response

    async def GetModelMetadata(self, request: Any, context: Context) -> Any:  # noqa: N802
        spec = _spec(request)
        wrong = metadata.unsupported_fields(request.metadata_field)
        if wrong:
            raise invalid(wrong)
        return metadata.metadata(spec.find(self._repository))

    async def Classify(self, request: Any, context: Context) -> Any:  # noqa: N802
        spec = _spec(request)
        raise examples.refusal(spec.find(self._repository), "classify", spec.signature)

    async def Regress(self, request: Any, context: Context) -> Any:  # noqa: N802
        spec = _spec(request)
        raise examples.refusal(spec.find(self._repository), "regress", spec.signature)

    async def MultiInference(self, request: Any, context: Context) -> Any:  # noqa: N802
        if not request.tasks:
            raise invalid("ModelSpec has no name specified.")
        examples.check_multi_inference(request.tasks)
        version = _spec(request.tasks[0]).find(self._repository)
        for task in request.tasks:
            methods = [name for name, (_, wanted) in examples.METHODS.items() if wanted == task.method_name]
            if not methods:
                raise ServingError(Code.UNIMPLEMENTED, f"Unsupported signature method_name: {task.method_name}")
            raise examples.refusal(version, methods[0], task.model_spec.signature_name)


class _Models:
    """ModelService, with the methods of its definition."""

    def __init__(self, repository: Repository) -> None:
        self._repository = repository

    async def GetModelStatus(self, request: Any, context: Context) -> Any:  # noqa: N802
        return metadata.status(self._repository, _spec(request))

    async def HandleReloadConfigRequest(self, request: Any, context: Context) -> Any:  # noqa: N802
        config = request.config
        if config.WhichOneof("config") != "model_config_list":
            raise invalid(
                "ServerModelConfig type not supported by HandleReloadConfigRequest. "
                "Only ModelConfigList is currently supported"
            )
        try:
            listed = sources.listed(config, self._repository.folder)
        except Error as error:
            raise invalid(str(error)) from None
        await self._repository.reload(listed)
        return ReloadConfigResponse()


def _spec(request: Any) -> ModelSpec:
    """Returns which model a request asks.

    Raises:
      ServingError: if it does not say.
    """
    if not request.HasField("model_spec"):
        raise invalid("Missing ModelSpec")
    spec = request.model_spec
    return ModelSpec(
        spec.name,
        spec.version.value if spec.HasField("version") else None,
        spec.version_label if spec.HasField("version_label") else None,
        spec.signature_name,
    )
