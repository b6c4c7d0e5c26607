"""Draws music from a model: the loop that feeds it its own tokens, inside the graph, for many requests at once.

A row's answer depends on its own inputs alone, to the last bit: never on the other rows, their order or the padding.
What that takes, beside rows that never mix:
- Matrix products run over 4 to 64 rows. With oneDNN, TensorFlow's default on CPUs with AVX-512 VNNI, a row is then
  added up in the same order whatever their number; a single row would take a matrix-vector kernel, and more than about
  a hundred another split. oneDNN's AVX2 kernels take six rows at a time and do the same for a remainder of none, four
  or five, on few threads. On other CPUs it holds for one number of rows, whichever that is: `Sampler(tile=...)`.
- Kernels treat what is left behind the last full vector differently from the rest, so functions that are
  approximated (exp, log, division) are only called on axes of a multiple of 16.
- A prompt is read token by token with the same step that continues it, not as a window whose shape it would share;
  or, where one asks for that, as a window of its own.
- A row's random numbers come from its own seed and the number of its token.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import tensorflow as tf

from serving.graph.arithmetic import above_and_total, row_lengths, row_sums, uniform_draws, vector_log
from serving.graph.bounds import NEVER, Bounds, bounds_checks, masks
from serving.graph.requests import SamplingRequests, aligned, prompt_checks, request_checks, score_checks
from serving.graph.stream import Stream, flat, where
from serving.graph.tiling import VECTOR, by_row_tiles, check_tile
from serving.graph.truncation import Truncation
from trainer.types import Tensor
from tutti.encodings.durations import Durations
from tutti.encodings.vocabulary import BOS, EOS, PAD

# What is computed of each row.
TOKENS, TOKEN_SCORES = tf.TensorSpec([None, None], tf.int32), tf.TensorSpec([None, None], tf.float32)
ROWS, SCORES, FLAGS = (tf.TensorSpec([None], dtype) for dtype in (tf.int32, tf.float32, tf.bool))


class Sampler:
    """Generates with a model and scores with it (`trainer.models.base.Model`).

    Args:
      model: what predicts the next token.
      vocabulary_size: V, the width of its logits.
      tile: rows in every matrix product; 0 fits it to the batch, see the module's text.
      labels: how many labels the model was trained with, numbered from 1.
      durations: how long tokens last; None where that depends on more than the token.
      windows: whether a prompt is read all at once, each row by itself, which is faster where a model computes a
        window's tokens side by side. What it gives differs, by rounding, from what tokens one by one or in pieces do.
    """

    def __init__(
        self,
        model: Any,
        vocabulary_size: int,
        tile: int = 0,
        labels: int = 0,
        durations: Durations | None = None,
        windows: bool = False,
    ) -> None:
        check_tile(tile)
        self.model, self.size, self.tile, self.labels = model, vocabulary_size, tile, labels
        self.durations, self.windows = durations, windows
        self.padded = -(-vocabulary_size // VECTOR) * VECTOR
        never = [0.0] * self.padded
        never[PAD] = never[BOS] = NEVER
        self.never = tf.constant(never)
        # The TensorSpecs of the model's state.
        self.state = tf.nest.map_structure(
            lambda x: tf.TensorSpec([None, *x.shape[1:]], x.dtype), self._start(1, tf.zeros([1], tf.int32))
        )

    def generate(self, requests: SamplingRequests, bounds: Bounds | None = None) -> tuple[Tensor, Tensor, Tensor]:
        """Continues each row's prompt, within bounds.

        Where the model gives none of the tokens that a row may choose any probability, they are equally likely.

        Returns:
          tokens int32[B, N], N the most steps asked for, right-padded with PAD; EOS, where reached, is the last.
          length int32[B], how many they are.
          log_prob float32[B], the sum of their log-probabilities by the model as it is, at temperature 1 and over
          all of the vocabulary, whatever they were sampled with. It equals the sum of `score`.

        Raises:
          tf.errors.InvalidArgumentError: a request is out of bounds; the text says which and how.
        """
        requests = requests._replace(prompt=aligned(requests.prompt))
        bounds = Bounds.none(requests) if bounds is None else bounds
        checks = request_checks(requests, self.size, self.labels)
        checks += bounds_checks(bounds, requests, self.size, self.durations)
        with tf.control_dependencies(checks):
            requests, bounds = SamplingRequests(*map(tf.identity, requests)), Bounds(*map(tf.identity, bounds))
        width = tf.reduce_max(tf.pad(requests.steps, [[0, 1]]))

        def work(*tile: Tensor) -> tuple[Tensor, ...]:
            asked, bound = SamplingRequests(*tile[:-3]), Bounds(*tile[-3:])
            begun = self._read(asked.prompt, self._begun(asked.label))
            timed = tf.reduce_any(bound.duration > 0)
            position = tf.zeros_like(asked.steps)
            tokens, length, log_probs, _ = self._draw(asked, bound, begun, position, width, timed, kept=False)
            return tokens, length, row_sums(log_probs)

        tokens, length, log_prob = by_row_tiles(work, (*requests, *bounds), (TOKENS, ROWS, SCORES), self.tile)
        return tokens, length, log_prob

    def start(self, prompt: Tensor, label: Tensor) -> list[Tensor]:
        """Reads prompts.

        Args:
          prompt: int32[B, P], without BOS, padded with PAD on the right, or on both sides.
          label: int32[B].

        Returns:
          The state of each row, as `state_specs` describes it: what `continued` goes on from.

        Raises:
          tf.errors.InvalidArgumentError: a token or a label is none, or a prompt is longer than `MAX_STEPS`.
        """
        prompt = aligned(prompt)
        with tf.control_dependencies(prompt_checks(prompt, label, self.size, self.labels)):
            prompt, label = tf.identity(prompt), tf.identity(label)

        def work(prompt: Tensor, label: Tensor) -> tuple[Tensor, ...]:
            return flat(self._read(prompt, self._begun(label)))

        return [*by_row_tiles(work, (prompt, label), self.state_specs(), self.tile)]

    def read(self, state: Sequence[Tensor], prompt: Tensor) -> list[Tensor]:
        """Reads on from states: a prompt read in pieces of any size gives what `start` gives of all of it.

        Args:
          state: of each row, from `start`, `continued` or from here.
          prompt: int32[B, P], what comes next, padded as for `start`.

        Returns:
          The state of each row.

        Raises:
          tf.errors.InvalidArgumentError: a token is none, or a prompt is longer than `MAX_STEPS`.
        """
        prompt = aligned(prompt)
        with tf.control_dependencies(prompt_checks(prompt, tf.zeros_like(state[0]), self.size, self.labels)):
            prompt = tf.identity(prompt)

        def work(*tile: Tensor) -> tuple[Tensor, ...]:
            return flat(self._read(tile[-1], self._stream(tile[:-1])))

        return [*by_row_tiles(work, (*state, prompt), self.state_specs(), self.tile)]

    def continued(
        self, state: Sequence[Tensor], position: Tensor, requests: SamplingRequests, bounds: Bounds
    ) -> tuple[Tensor, Tensor, Tensor, Tensor, list[Tensor]]:
        """Goes on from states, in which rows may be of any age: pieces of any size make up what `generate` gives.

        Args:
          state: of each row, from `start` or from here.
          position: int32[B], how many new tokens a row has already.
          requests: what each row asks for now; the prompt is not looked at, and a label is part of the state. A row
            of 0 steps stays as it is.
          bounds: of the whole row, from its first new token on, as in `generate`.

        Returns:
          tokens int32[B, N] and length int32[B], as `generate` has them, and the log-probability of each token,
          float32[B, N].
          ended bool[B], whether a row has ended, by EOS or by its duration; its state is of no use then.
          The state of each row.

        Raises:
          tf.errors.InvalidArgumentError: a request is out of bounds; the text says which and how.
        """
        checks = request_checks(requests, self.size, self.labels)
        checks += bounds_checks(bounds, requests, self.size, self.durations, position)
        with tf.control_dependencies(checks):
            requests, bounds = SamplingRequests(*map(tf.identity, requests)), Bounds(*map(tf.identity, bounds))
        width = tf.reduce_max(tf.pad(requests.steps, [[0, 1]]))
        count = len(state)

        def work(*tile: Tensor) -> tuple[Tensor, ...]:
            asked, bound = SamplingRequests(*tile[count + 1 : -3]), Bounds(*tile[-3:])
            begun = self._stream(tile[:count])
            tokens, length, log_probs, after = self._draw(asked, bound, begun, tile[count], width, timed=True)
            complete = (bound.duration > 0) & (after.at >= tf.cast(bound.duration, tf.int64)) & (asked.steps > 0)
            ended = (length < asked.steps) | tf.reduce_any(tokens == EOS, 1) | complete
            return tokens, length, log_probs, ended, *flat(after)

        inputs = (*state, position, *requests, *bounds)
        specs = (TOKENS, ROWS, TOKEN_SCORES, FLAGS, *self.state_specs())
        tokens, length, log_probs, ended, *after = by_row_tiles(work, inputs, specs, self.tile)
        return tokens, length, log_probs, ended, after

    def state_specs(self) -> list[tf.TensorSpec]:
        """Returns the tensors of a state: the last token, how long all tokens last, and the model's own."""
        return [ROWS, tf.TensorSpec([None], tf.int64), *tf.nest.flatten(self.state)]

    def score(self, tokens: Tensor, label: Tensor) -> Tensor:
        """Returns the log-probability of each token given those before it; BOS comes first by itself.

        Args:
          tokens: int32[B, T], right-padded with PAD.
          label: int32[B].

        Returns:
          float32[B, T], 0 at PAD.

        Raises:
          tf.errors.InvalidArgumentError: a token or a label is none, or a row is longer than `MAX_STEPS`.
        """
        with tf.control_dependencies(score_checks(tokens, label, self.size, self.labels)):
            tokens, label = tf.identity(tokens), tf.identity(label)
        (scores,) = by_row_tiles(self._score, (tokens, label), (tf.TensorSpec([None, None], tf.float32),), self.tile)
        return scores

    def _begun(self, label: Tensor) -> Stream:
        """Returns where the rows of a tile are before their first tokens."""
        rows = tf.shape(label)[0]
        return Stream(tf.fill([rows], BOS), tf.zeros([rows], tf.int64), self._start(rows, label))

    def _read(self, prompt: Tensor, begun: Stream) -> Stream:
        """Reads the prompts of a tile, all but their last tokens; of a row without a prompt nothing is read."""
        if self.windows:
            return self._read_windows(prompt, begun)
        given, sequence = row_lengths(prompt), tf.pad(tf.transpose(prompt), [[1, 1], [0, 0]])
        # Comparing costs nothing, copying a state does: rows whose prompts are equally long need no copy.
        uneven = tf.reduce_min(given) < tf.reduce_max(tf.pad(given, [[0, 1]]))

        def body(t: Tensor, stream: Stream) -> tuple[Tensor, Stream]:
            _, state = self._step(stream.token, stream.state)
            token = sequence[t + 1]
            after = Stream(token, self._after(stream.at, token), state)
            return t + 1, where(t < given, after, stream, uneven)

        _, read = tf.while_loop(lambda t, _: t < tf.reduce_max(tf.pad(given, [[0, 1]])), body, (0, begun))
        return read

    def _read_windows(self, prompt: Tensor, begun: Stream) -> Stream:
        """Does what `_read` does, the tokens of a row at once, and one row after the other."""
        given = row_lengths(prompt)

        def row(number: Tensor) -> Any:
            """Returns the model's state behind a row's prompt."""
            here = slice(number, number + 1)
            state = tf.nest.map_structure(lambda x: x[here], begun.state)
            tokens = tf.concat([begun.token[here], prompt[number, : given[number] - 1]], 0)[None]
            return tf.cond(given[number] > 0, lambda: self.model(tokens, state)[1], lambda: state)

        def body(number: Tensor, *arrays: Any) -> tuple[Any, ...]:
            parts = tf.nest.flatten(row(number))
            return number + 1, *(array.write(number, part[0]) for array, part in zip(arrays, parts, strict=True))

        rows = tf.shape(given)[0]
        arrays = [tf.TensorArray(part.dtype, rows) for part in tf.nest.flatten(self.state)]
        _, *arrays = tf.while_loop(lambda number, *_: number < rows, body, (0, *arrays), parallel_iterations=1)
        state = tf.nest.pack_sequence_as(begun.state, [array.stack() for array in arrays])
        last = tf.gather(tf.pad(prompt, [[0, 0], [1, 0]]), given, batch_dims=1)
        _, at = tf.while_loop(
            lambda t, _: t < tf.shape(prompt)[1],
            lambda t, at: (t + 1, tf.where(t < given, self._after(at, prompt[:, t]), at)),
            (0, begun.at),
        )
        return Stream(tf.where(given > 0, last, begun.token), at, state)

    def _draw(
        self,
        requests: SamplingRequests,
        bounds: Bounds,
        stream: Stream,
        position: Tensor,
        width: Tensor,
        timed: Tensor | bool,
        kept: bool = True,
    ) -> tuple[Tensor, Tensor, Tensor, Stream]:
        """Draws the next tokens of a tile, of which `position` are there already.

        `width` is N; `timed` says whether anybody wants to know how long the tokens last, `kept` whether the streams
        are to stay where each row's last step takes them.
        """
        # In step t a row's new token number `position` + t is chosen. `stop` is the number of steps a row takes; it
        # shrinks where EOS is chosen, or where `at`, how long the tokens last so far, reaches `end`. One step is always
        # taken, because an array of no steps cannot be stacked. The loop goes by the step before (`known`), so that a
        # step's products with the state need not wait for the token; after an early end it takes a step in vain.
        steps = requests.steps
        most = tf.maximum(tf.reduce_max(tf.pad(steps, [[0, 1]])), 1)
        uneven = tf.reduce_min(steps) < most
        draws, sharpness = uniform_draws(requests, tf.range(most)[:, None] + position)
        truncation = Truncation.of(requests, self.size)
        mask = masks(bounds, self.size, self.padded)
        end = tf.where(bounds.duration > 0, tf.cast(bounds.duration, tf.int64), tf.int64.max)
        # What no row of a tile asks for is not computed.
        restricted = bounds.restrict | truncation.some

        def choice(t: Tensor, logits: Tensor) -> tuple[Tensor, Tensor]:
            """Returns the logits of what can be chosen in step t, minus infinity for the rest, and the greatest."""
            # The least number there is keeps tokens with a logit of minus infinity above those that are masked.
            allowed = tf.maximum(logits, logits.dtype.min)
            allowed += tf.gather(mask, tf.cast(position + t >= bounds.min_steps, tf.int32), batch_dims=1)
            top = tf.reduce_max(allowed, 1, keepdims=True)
            return truncation.applied(allowed, top, sharpness), top

        def body(t: Tensor, _: Tensor, known: Tensor, before: Stream, *arrays: Any) -> tuple[Any, ...]:
            logits, state = self._step(before.token, before.state)
            allowed = logits + self.never
            best = tf.reduce_max(allowed, 1, keepdims=True)
            allowed, top = tf.cond(restricted, lambda: choice(t, logits), lambda: (allowed, best))
            mass = tf.cumsum(tf.exp((allowed - top) * sharpness), 1)
            token = tf.searchsorted(mass, draws[t] * mass[:, -1:], side="right")[:, 0]
            at = tf.cond(tf.convert_to_tensor(timed), lambda: self._after(before.at, token), lambda: before.at)
            chosen = (token, *above_and_total(logits, best, token))
            after = Stream(token, at, state)
            stream = where(t < steps, after, before, uneven) if kept else after
            stop = tf.where((token == EOS) | (at >= end), tf.minimum(known, t + 1), known)
            return t + 1, known, stop, stream, *(array.write(t, x) for array, x in zip(arrays, chosen, strict=True))

        arrays = [tf.TensorArray(dtype, 0, dynamic_size=True) for dtype in (tf.int32, tf.float32, tf.float32)]
        begun = (0, tf.maximum(steps, 1), tf.maximum(steps, 1), stream, *arrays)
        _, _, stop, stream, *arrays = tf.while_loop(lambda t, known, *_: t < tf.reduce_max(known), body, begun)
        tokens, above, total = (array.stack() for array in arrays)
        length = tf.minimum(stop, steps)
        new = tf.range(width) < length[:, None]
        place = tf.where(new, tf.range(width), 0)
        tokens, log_probs = (
            tf.gather(tf.transpose(x), place, batch_dims=1) for x in (tokens, above - vector_log(total))
        )
        return tf.where(new, tokens, PAD), length, tf.where(new, log_probs, 0), stream

    def _score(self, tokens: Tensor, label: Tensor) -> tuple[Tensor]:
        """Does the work of `score` for one tile."""
        length, width = row_lengths(tokens), tf.shape(tokens)[1]
        sequence = tf.pad(tf.pad(tf.transpose(tokens), [[1, 0], [0, 0]], constant_values=BOS), [[0, 1], [0, 0]])
        steps = tf.maximum(tf.reduce_max(length), 1)

        def body(t: Tensor, state: Any, *arrays: Any) -> tuple[Any, ...]:
            logits, state = self._step(sequence[t], state)
            best = tf.reduce_max(logits + self.never, 1, keepdims=True)
            parts = above_and_total(logits, best, sequence[t + 1])
            return t + 1, state, *(array.write(t, x) for array, x in zip(arrays, parts, strict=True))

        arrays = [tf.TensorArray(tf.float32, steps) for _ in range(2)]
        start = (0, self._start(tf.shape(length)[0], label), *arrays)
        _, _, *arrays = tf.while_loop(lambda t, *_: t < steps, body, start)
        above, total = (array.stack() for array in arrays)
        scores = tf.transpose(above - vector_log(total))[:, :width]
        scores = tf.pad(scores, [[0, 0], [0, width - tf.shape(scores)[1]]])
        return (tf.where(tf.range(width) < length[:, None], scores, 0),)

    def _stream(self, state: Sequence[Tensor]) -> Stream:
        """Returns a state from its tensors."""
        token, at, *own = state
        return Stream(token, at, tf.nest.pack_sequence_as(self.state, own))

    def _start(self, batch: Tensor, label: Tensor) -> Any:
        """Returns the model's state before BOS, which carries the label where it has any."""
        return self.model.initial_state(batch, label) if self.labels else self.model.initial_state(batch)

    def _step(self, token: Tensor, state: Any) -> tuple[Tensor, Any]:
        """Takes the model's step; its logits are filled up to a multiple of `VECTOR` with minus infinity."""
        logits, state = self.model.step(token, state)
        if excess := self.padded - self.size:
            logits = tf.pad(logits, [[0, 0], [0, excess]], constant_values=NEVER)
        return logits, state

    def _after(self, at: Tensor, token: Tensor) -> Tensor:
        """Returns int64[B]: how long a row's tokens last with one more, in units; see `tutti.encodings.durations`."""
        durations = self.durations
        if durations is None:
            return at
        at += tf.gather(tf.constant(durations.units, tf.int64), token)
        if durations.bar_line is None:
            return at
        # Half-way between two bar lines it is the earlier one.
        nearest = (at + (durations.bar - 1) // 2) // durations.bar * durations.bar
        return tf.where(token == durations.bar_line, nearest, at)
