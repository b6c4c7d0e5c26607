"""Worker processes of a local run: a run ends when one of them never reports.

Beam starts such a process and waits until it calls; for one that ends before that it waits for ever. Here whoever waits
for it is answered with an error instead, in whatever thread that is.
"""

import threading
from typing import Any

from apache_beam.portability.api import beam_fn_api_pb2
from apache_beam.runners.portability import local_job_service
from apache_beam.runners.portability.fn_api_runner.worker_handlers import SubprocessSdkWorkerHandler, WorkerHandler
from apache_beam.transforms.environments import Environment, SubprocessSDKEnvironment

from tutti.errors import Error

URN = "tutti:env:worker_process:v1"
# Seconds that Beam has to notice the end of a worker process itself, and to say more.
PATIENCE = 5.0
LOST = "a worker process could not start, or was ended; with --direct_running_mode in_memory you see why"


@Environment.register_urn(URN, bytes)
class WorkerEnvironment(SubprocessSDKEnvironment):
    """Worker processes that are started by a command of the shell and watched by `WatchedWorker`."""

    def to_runner_api_parameter(self, context: Any) -> tuple[str, bytes]:
        return URN, self.command_string.encode()

    @staticmethod
    def from_runner_api_parameter(
        payload: bytes, capabilities: Any, artifacts: Any, resource_hints: Any, context: Any
    ) -> "WorkerEnvironment":
        return WorkerEnvironment(payload.decode(), capabilities, artifacts, resource_hints)


@WorkerHandler.register_environment(URN, bytes)
class WatchedWorker(SubprocessSdkWorkerHandler):
    """One worker process; if it ends by itself, what waits for its answers gets an error."""

    def start_worker(self) -> None:
        self.closing = threading.Event()
        self.worker = local_job_service.SubprocessSdkWorker(
            self._worker_command_line, self.control_address, self.provision_info, self.worker_id
        )
        self.worker_thread = threading.Thread(name="run_worker", target=self._watch, daemon=True)
        self.worker_thread.start()

    def close(self) -> None:
        self.closing.set()
        super().close()

    def _watch(self) -> None:
        try:
            self.worker.run()
        except Exception:
            # Again and again, as what waits may ask for more.
            while not self.closing.wait(PATIENCE):
                self._answer_with_an_error()

    def _answer_with_an_error(self) -> None:
        text = f"{Error.__module__}.{Error.__name__}: {LOST}"
        for number, answer in list(self.control_conn._futures_by_id.items()):
            if not answer.is_done():
                answer.set(beam_fn_api_pb2.InstructionResponse(instruction_id=number, error=text))
