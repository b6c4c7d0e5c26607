"""The engine: many requests stepped together, each as if it were alone."""

import asyncio
import time
from collections.abc import Iterator
from contextlib import aclosing
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tensorflow as tf

import tutti
from serving.saved_model import SavedModel
from serving.server.call import Call
from serving.server.config import Limits
from serving.server.engine import blocks
from serving.server.engine.engine import QUANTUM, Engine
from serving.server.engine.pace import Pace
from serving.server.engine.sequence import Row
from serving.server.errors import Code, ServingError
from serving.server.models.version import ServedVersion

NOTHING = np.zeros(0, np.int32)


@pytest.fixture(scope="module")
def model(models: Path) -> SavedModel:
    return tutti.load(models)


@pytest.fixture
def engine(model: SavedModel) -> Iterator[Engine]:
    engine = Engine(model, slots=4, block=8, queue=64)
    yield engine
    engine.close(abort=True)


def asked(count: int = 12) -> dict[str, Any]:
    """The inputs of `generate` for some rows, all different."""
    chance = np.random.default_rng(1)
    prompt = np.zeros((count, 70), np.int32)
    for row in range(count):
        prompt[row, : 7 * row % 71] = chance.integers(3, 500, 7 * row % 71)
    return {
        "prompt": prompt,
        "steps": chance.integers(0, 100, count).astype(np.int32),
        "temperature": chance.choice([0, 0.7, 1, 1.3], count).astype(np.float32),
        "top_k": chance.choice([0, 5], count).astype(np.int32),
        "top_p": chance.choice([0, 0.9], count).astype(np.float32),
        "seed": chance.integers(0, 1 << 40, count),
        "label": np.zeros(count, np.int32),
    }


def test_requests_that_are_stepped_together_get_what_the_model_gives_each(model: SavedModel, engine: Engine) -> None:
    served = ServedVersion("drums", 1, model, engine, Limits())
    inputs = asked()
    expected = {name: value.numpy() for name, value in model.call("generate", inputs).items()}

    async def all_at_once() -> list[dict[str, Any]]:
        alone = [{name: value[row : row + 1] for name, value in inputs.items()} for row in range(12)]
        return await asyncio.gather(
            *(served.predict("generate", some, Call(str(n % 3))) for n, some in enumerate(alone))
        )

    together = asyncio.run(served.predict("serving_default", inputs, Call()))
    for name, value in expected.items():
        assert together[name].tobytes() == value.tobytes(), name
    for row, answer in enumerate(asyncio.run(all_at_once())):
        assert answer["tokens"][0].tolist() == expected["tokens"][row, : inputs["steps"][row]].tolist()
        assert answer["log_prob"][0] == expected["log_prob"][row]


def test_padding_before_a_prompt_counts_for_nothing(model: SavedModel, engine: Engine) -> None:
    served = ServedVersion("drums", 1, model, engine, Limits())
    inputs = asked()
    padded = inputs | {"prompt": np.pad(inputs["prompt"], [(0, 0), (1, 0)])}
    plain, answer = (asyncio.run(served.predict("generate", some, Call())) for some in (inputs, padded))
    assert all(answer[name].tobytes() == value.tobytes() for name, value in plain.items())


def test_a_bad_row_is_refused_and_its_neighbours_are_not(model: SavedModel, engine: Engine) -> None:
    async def mixed() -> list[Any]:
        rows = [
            Row(NOTHING, 40, seed=1),
            Row(NOTHING, 40, temperature=-1.0),
            Row(NOTHING, 40, label=7),
            Row(NOTHING, 3),
        ]
        return await asyncio.gather(*(blocks.complete(engine, [row], Call()) for row in rows), return_exceptions=True)

    good, cold, unknown, short = asyncio.run(mixed())
    assert isinstance(cold, ServingError) and "temperature must be" in cold.message
    assert isinstance(unknown, ServingError) and "label must be 0" in unknown.message
    assert len(good[0].tokens) == 40 or good[0].ended
    assert len(short[0].tokens) == 3 or short[0].ended


def test_a_long_request_makes_room_for_those_that_wait(engine: Engine) -> None:
    async def crowd() -> float:
        endless = [Row(NOTHING, None, seed=seed, min_steps=1 << 30) for seed in range(4)]
        async with aclosing(blocks.blocks(engine, endless, Call("greedy"))) as stream:
            await anext(stream)
            drain = asyncio.ensure_future(_drained(stream))
            (block,) = await blocks.complete(engine, [Row(NOTHING, 20, seed=5, min_steps=20)], Call("small"))
            drain.cancel()
            await asyncio.gather(drain, return_exceptions=True)
        return float(len(block.tokens))

    assert asyncio.run(asyncio.wait_for(crowd(), 60)) == 20


async def _drained(stream: Any) -> None:
    async for _ in stream:
        pass


def test_a_stream_that_rests_and_is_preempted_goes_on_as_if_it_had_not(model: SavedModel, engine: Engine) -> None:
    steps = 3 * QUANTUM

    async def slow() -> list[int]:
        tokens: list[int] = []
        rows = [Row(NOTHING, steps, seed=9, min_steps=steps)]
        others = asyncio.gather(
            *(blocks.complete(engine, [Row(NOTHING, steps, seed=n, min_steps=steps)], Call(str(n))) for n in range(6))
        )
        async with aclosing(blocks.blocks(engine, rows, Call("slow"))) as stream:
            async for _, block in stream:
                tokens += block.tokens.tolist()
                if len(tokens) < 80:
                    await asyncio.sleep(0.05)
        await others
        return tokens

    inputs = {name: value[:1] for name, value in asked().items()} | {
        "steps": [steps],
        "temperature": [1.0],
        "seed": [9],
    }
    bounds = {"min_steps": [steps], "forbidden": np.zeros((1, 0), np.int32), "duration": [0]}
    inputs |= {"top_k": [0], "top_p": [0.0], "prompt": np.zeros((1, 0), np.int32)}
    tensors = {
        name: tf.cast(value, model._saved.signatures["generate_bounded"].structured_input_signature[1][name].dtype)
        for name, value in (inputs | bounds).items()
    }
    expected = model.call("generate_bounded", tensors)["tokens"][0].numpy().tolist()
    assert asyncio.run(asyncio.wait_for(slow(), 120)) == expected


def test_a_client_that_leaves_frees_its_slot_which_is_zeroed(engine: Engine) -> None:
    async def vanish() -> None:
        endless = [Row(NOTHING, None, seed=seed) for seed in range(4)]
        async with aclosing(blocks.blocks(engine, endless, Call())) as stream:
            await anext(stream)

    asyncio.run(vanish())
    end = time.monotonic() + 10
    while engine._runner.free < 4 and time.monotonic() < end:
        time.sleep(0.01)
    assert engine._runner.free == 4
    assert not any(state.any() for state in engine._runner._states)


def test_a_full_queue_refuses_at_once_and_says_when_to_come_back(engine: Engine) -> None:
    async def flood() -> None:
        async with aclosing(blocks.blocks(engine, [Row(NOTHING, None, min_steps=1 << 30)] * 68, Call())) as stream:
            await anext(stream)
            with pytest.raises(ServingError) as refused:
                await blocks.complete(engine, [Row(NOTHING, 1)] * 8, Call())
            assert refused.value.code is Code.RESOURCE_EXHAUSTED
            assert refused.value.retry_after is not None and refused.value.retry_after >= 1
            with pytest.raises(ServingError, match="the queue is full"):
                engine.check_room()
            assert await blocks.complete(engine, [], Call()) == []

    asyncio.run(flood())


def test_a_deadline_ends_a_request(engine: Engine) -> None:
    with pytest.raises(ServingError) as late:
        asyncio.run(blocks.complete(engine, [Row(NOTHING, None, min_steps=1 << 30)], Call("", time.monotonic() + 0.3)))
    assert late.value.code is Code.DEADLINE_EXCEEDED


def test_what_cannot_be_done_by_its_deadline_is_refused_before_it_waits(engine: Engine) -> None:
    async def crowd() -> None:
        rows = [Row(NOTHING, 2000, seed=seed, min_steps=2000) for seed in range(12)]
        async with aclosing(blocks.blocks(engine, rows, Call("greedy"))) as stream:
            drain = asyncio.ensure_future(_drained(stream))
            while not engine._pace.step(4):
                await asyncio.sleep(0.01)
            seconds = 2000 * engine._pace.step(4)
            soon, late = (Call("small", time.monotonic() + wait) for wait in (seconds / 2, 60 * seconds))
            begun = time.monotonic()
            with pytest.raises(ServingError) as refused:
                await blocks.complete(engine, [Row(NOTHING, 2000)], soon)
            assert time.monotonic() - begun < seconds / 4
            assert refused.value.code is Code.RESOURCE_EXHAUSTED and "the server is busy" in refused.value.message
            assert refused.value.retry_after is not None and refused.value.retry_after >= 1
            # Neither does another's long queue keep a short request out.
            short = Call("small", time.monotonic() + seconds / 2)
            for call in (short, late):
                (block,) = await blocks.complete(engine, [Row(NOTHING, 20, min_steps=20)], call)
                assert len(block.tokens) == 20
            drain.cancel()
            await asyncio.gather(drain, return_exceptions=True)

    asyncio.run(asyncio.wait_for(crowd(), 120))


def test_a_free_slot_is_given_whatever_the_deadline(engine: Engine) -> None:
    engine._pace.took(1, 1000.0)
    (block,) = asyncio.run(blocks.complete(engine, [Row(NOTHING, 20, min_steps=20)], Call("", time.monotonic() + 60)))
    assert len(block.tokens) == 20


def test_a_step_takes_as_long_as_those_of_as_many_rows_did() -> None:
    pace = Pace()
    assert pace.step(5) == 0
    pace.took(4, 1.0)
    pace.took(64, 8.0)
    assert [pace.step(rows) for rows in (1, 3, 4, 5, 64, 100)] == [1, 1, 1, 8, 8, 8]
    for _ in range(100):
        pace.took(3, 2.0)
    assert 1.99 < pace.step(4) < 2
