"""The models that a server has: found, loaded, replaced by newer versions, and let go."""

from __future__ import annotations

import asyncio
import gc
import logging
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import TypeVar

import tensorflow as tf

from serving.server.config import ServerConfig
from serving.server.engine.engine import Observer
from serving.server.errors import Code, ServingError
from serving.server.models import loading
from serving.server.models.model import Model, not_found
from serving.server.models.sources import Source
from serving.server.models.status import VersionStatus
from serving.server.models.version import ServedVersion
from serving.server.models.watch import Found, Watch
from serving.server.priority import give_way
from tutti.errors import Error

log = logging.getLogger(__name__)

T = TypeVar("T")


class Repository:
    """The models that are served; all of it belongs to the event loop, but for what its one thread looks for and loads.

    Args:
      config: of the server.
      observer: returns, for the name of a model, what hears its engine.
    """

    def __init__(self, config: ServerConfig, observer: Callable[[str], Observer] | None = None) -> None:
        self._config, self._observer = config, observer
        self._watch = Watch(config.models)
        self._models: dict[str, Model] = {}
        self._first: frozenset[str] | None = None
        self._round = asyncio.Lock()
        # TensorFlow's own threads begin with the first model, and are like the one that loads it.
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="models", initializer=give_way)
        self._polling: asyncio.Task[None] | None = None
        self._draining: dict[asyncio.Task[None], ServedVersion] = {}
        self._closing = False

    @property
    def folder(self) -> str:
        """The folder whose models are served."""
        return self._watch.folder

    async def start(self) -> None:
        """Loads what there is, and looks for more from then on.

        Raises:
          Error: if there is no such folder, or the file that lists the models is wrong.
        """
        try:
            await self._look()
        except tf.errors.OpError as error:
            raise Error(f"cannot read {self._config.models}: {error.message}") from None
        if not self._closing:
            self._polling = asyncio.create_task(self._poll())

    def ready(self) -> bool:
        """Returns whether all models that were there at the start could be served."""
        return (
            not self._closing
            and self._first is not None
            and all(self._models[name].was_available for name in self._first)
        )

    def names(self) -> list[str]:
        """Returns the names of the models that can be asked."""
        return sorted(name for name, model in self._models.items() if model.available)

    def find(self, name: str, version: int | None = None, label: str | None = None) -> ServedVersion:
        """Returns a version of a model; the newest, where none is named.

        Whoever waits for anything before asking it holds it by its `used()`, or it may be gone.

        Raises:
          ServingError: if there is none, or not yet, or the server is about to stop.
        """
        if self._closing:
            raise ServingError(Code.UNAVAILABLE, "the server is about to stop", 1.0)
        try:
            return self._found(name, version, label)
        except ServingError as error:
            if error.code is Code.NOT_FOUND and self._polling is None:
                raise ServingError(Code.UNAVAILABLE, "the models are still being loaded", 1.0) from None
            raise

    def status(self, name: str, version: int | None = None) -> list[VersionStatus]:
        """Returns what there is to say of a model's versions, or of one; the newest first.

        Raises:
          ServingError: if there is none.
        """
        model = self._models.get(name)
        found = [x for x in model.status() if version is None or x.version == version] if model else []
        if not found:
            what = "any versions" if version is None else f"version {version}"
            raise ServingError(Code.NOT_FOUND, f"Could not find {what} of model {name}")
        return found

    def labelled(self, name: str, label: str) -> int:
        """Returns the number of the version that has a label.

        Raises:
          ServingError: if there is none.
        """
        model = self._models.get(name)
        if model is None or label not in model.source.labels:
            raise ServingError(Code.INVALID_ARGUMENT, f"Unrecognized servable version label: {label}")
        return model.source.labels[label]

    async def reload(self, models: Sequence[Source]) -> None:
        """Serves these models and no others, until the file that lists models changes.

        Raises:
          ServingError: if a model is not inside the folder that is served, or a label is for a version that cannot be
            served yet, in which case nothing changes; or if a new model cannot be served.
        """
        for source in models:
            self._check_reload(source)
        self._watch.replace(models)
        try:
            # To its end, even if whoever asked for it is gone.
            await asyncio.shield(self._look())
        except (Error, tf.errors.OpError) as error:
            log.warning("cannot look for models: %s", error)
        missing = ", ".join(source.name for source in models if source.name not in self.names())
        if missing:
            raise ServingError(Code.FAILED_PRECONDITION, f"Some models did not become available: {{{missing}}}")

    async def close(self, seconds: float) -> None:
        """Takes no more requests, waits for those that run, and ends those that are left after some time."""
        self._closing = True
        # What is being loaded now is let go of like the rest.
        with suppress(asyncio.TimeoutError):
            await asyncio.wait_for(self._round.acquire(), seconds)
        if self._polling:
            self._polling.cancel()
        for model in self._models.values():
            model.follow(model.source, {})
        self._retire()
        if self._draining:
            await asyncio.wait([*self._draining], timeout=seconds)
        left = dict(self._draining)
        await asyncio.gather(*(served.close(abort=True) for served in left.values()))
        for task in left:
            task.cancel()
        self._thread.shutdown(wait=False, cancel_futures=True)

    def _found(self, name: str, version: int | None, label: str | None) -> ServedVersion:
        if label is not None:
            version = self.labelled(name, label)
        if name not in self._models:
            raise not_found(name, version)
        return self._models[name].find(version)

    def _check_reload(self, source: Source) -> None:
        known = self._models.get(source.name)
        if not (known and known.source.path == source.path) and not self._watch.holds(source.path):
            raise ServingError(
                Code.PERMISSION_DENIED, f"base_path of model {source.name} is not inside the folder that is served"
            )
        for version in source.labels.values():
            if known is None or version not in known.available:
                raise ServingError(
                    Code.FAILED_PRECONDITION,
                    f"Request to assign label to version {version} of model {source.name}, "
                    "which is not currently available for inference",
                )

    async def _poll(self) -> None:
        while True:
            await asyncio.sleep(self._config.poll)
            try:
                await self._look()
            except (Error, tf.errors.OpError) as error:
                log.warning("cannot look for models, those that are served stay: %s", error)
            except Exception:
                log.exception("looking for models failed")

    async def _look(self) -> None:
        """Looks once for what there is to serve, loads what is new, and lets go of what is replaced."""
        async with self._round:
            found = await self._in_thread(self._watch.look)
            self._follow(found)
            for model in [*self._models.values()]:
                while (version := model.next()) and not self._closing:
                    await self._load(model, *version)
                    self._retire()
            self._retire()

    def _follow(self, found: Found) -> None:
        sources = {source.name: source for source in found.sources}
        for name, source in sources.items():
            model = self._models.setdefault(name, Model(source))
            if name in found.versions:
                model.follow(source, found.versions[name])
        for name, model in self._models.items():
            if name not in sources:
                model.follow(model.source, {})
        if self._first is None:
            self._first = frozenset(sources)

    async def _load(self, model: Model, number: int, path: str) -> None:
        name = model.source.name
        model.loading(number)
        observer = self._observer(name) if self._observer else None
        try:
            served = await self._in_thread(lambda: loading.load(name, number, path, self._config, observer))
        except Exception as error:
            expected = isinstance(error, (Error, tf.errors.OpError))
            log.warning("cannot load version %s of %s: %s", number, name, error, exc_info=not expected)
            model.failed(number, f"version {number} of {name} cannot be loaded")
            return
        log.info("version %s of %s is served", number, name)
        model.loaded(number, served)

    def _retire(self) -> None:
        """Lets go of versions, each as soon as no request needs it."""
        for model in self._models.values():
            for served in model.retire():
                task = asyncio.create_task(self._drain(model, served))
                self._draining[task] = served
                task.add_done_callback(self._drained)

    def _drained(self, task: asyncio.Task[None]) -> None:
        del self._draining[task]
        if not self._closing:
            # A loaded model refers to itself in many places, and Python may not look for such for a long time.
            self._thread.submit(gc.collect)

    async def _drain(self, model: Model, served: ServedVersion) -> None:
        await served.close()
        model.unloaded(served)
        log.info("version %s of %s is served no more", served.version, served.name)

    async def _in_thread(self, work: Callable[[], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._thread, work)
