"""Draws music from a model: the loop that feeds it its own tokens, inside the graph, for many requests at once.

A row's answer depends on its own inputs alone, to the last bit: never on the other rows, their order or the padding.
What that takes, beside rows that never mix:
- Matrix products run over 4 to 64 rows. With oneDNN, TensorFlow's default on CPUs with AVX-512 VNNI, a row is then
  added up in the same order whatever their number; a single row would take a matrix-vector kernel, and more than about
  a hundred another split. oneDNN's AVX2 kernels take six rows at a time and do the same for a remainder of none, four
  or five, on few threads. On other CPUs it holds for one number of rows, whichever that is: `Sampler(tile=...)`.
- Kernels treat what is left behind the last full vector differently from the rest, so functions that are
  approximated (exp, log, division) are only called on axes of a multiple of 16.
- A prompt is read token by token with the same step that continues it, not as a window whose shape it would share.
- A row's random numbers come from its own seed and the number of its token.
"""

from __future__ import annotations

from typing import Any

import tensorflow as tf

from serving.graph.bounds import NEVER, Bounds, bounds_checks, masks
from serving.graph.requests import SamplingRequests, request_checks, score_checks
from serving.graph.tiling import VECTOR, by_row_tiles, check_tile
from serving.graph.truncation import Truncation
from trainer import rng
from trainer.types import Tensor
from tutti.encodings.durations import Durations
from tutti.encodings.vocabulary import BOS, EOS, PAD

# Temperature 0 divides by nothing: this factor sends all but the greatest logit to minus infinity, and this draw then
# falls on the first token that has any probability left, the arg-max.
COLDEST, GREEDY_DRAW = 1e30, 1e-30


class Sampler:
    """Generates with a model and scores with it (`trainer.models.base.Model`).

    Args:
      model: what predicts the next token.
      vocabulary_size: V, the width of its logits.
      tile: rows in every matrix product; 0 fits it to the batch, see the module's text.
      labels: how many labels the model was trained with, numbered from 1.
      durations: how long tokens last; None where that depends on more than the token.
    """

    def __init__(
        self, model: Any, vocabulary_size: int, tile: int = 0, labels: int = 0, durations: Durations | None = None
    ) -> None:
        check_tile(tile)
        self.model, self.size, self.tile, self.labels = model, vocabulary_size, tile, labels
        self.durations = durations
        self.padded = -(-vocabulary_size // VECTOR) * VECTOR
        never = [0.0] * self.padded
        never[PAD] = never[BOS] = NEVER
        self.never = tf.constant(never)

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
        bounds = Bounds.none(requests) if bounds is None else bounds
        checks = request_checks(requests, self.size, self.labels)
        checks += bounds_checks(bounds, requests, self.size, self.durations)
        with tf.control_dependencies(checks):
            requests, bounds = SamplingRequests(*map(tf.identity, requests)), Bounds(*map(tf.identity, bounds))
        width = tf.reduce_max(tf.pad(requests.steps, [[0, 1]]))
        tokens, length, log_prob = by_row_tiles(
            lambda *tile: self._generate(SamplingRequests(*tile[:-3]), Bounds(*tile[-3:]), width),
            (*requests, *bounds),
            (tf.TensorSpec([None, None], tf.int32), tf.TensorSpec([None], tf.int32), tf.TensorSpec([None], tf.float32)),
            self.tile,
        )
        return tokens, length, log_prob

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

    def _generate(self, requests: SamplingRequests, bounds: Bounds, width: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Does the work of `generate` for one tile; `width` is N."""
        given, steps = _lengths(requests.prompt), requests.steps
        # In step t a row's token number t is read, BOS being 0, and number t + 1 chosen: from the prompt as long as
        # that lasts, then drawn. `stop` is the number of steps a row takes; it shrinks where EOS is chosen, or where
        # `at`, how long the tokens last so far, reaches `end`. Even a row that wants nothing takes one step, because
        # an array of no steps cannot be stacked.
        stop = tf.where(steps > 0, given + steps, 1)
        prompt = tf.pad(tf.transpose(requests.prompt), [[0, 1], [0, 0]])
        prompt_end = tf.shape(requests.prompt)[1]
        draws, sharpness = _draws(requests, tf.range(tf.reduce_max(stop))[:, None] - given)
        truncation = Truncation.of(requests, self.size)
        mask, may_end = masks(bounds, self.size, self.padded), given + bounds.min_steps
        end = tf.where(bounds.duration > 0, tf.cast(bounds.duration, tf.int64), tf.int64.max)
        # What no row of a tile asks for is not computed.
        restricted, timed = bounds.restrict | truncation.some, tf.reduce_any(bounds.duration > 0)

        def choice(t: Tensor, logits: Tensor) -> tuple[Tensor, Tensor]:
            """Returns the logits of what can be chosen in step t, minus infinity for the rest, and the greatest."""
            # The least number there is keeps tokens with a logit of minus infinity above those that are masked.
            allowed = tf.maximum(logits, logits.dtype.min)
            allowed += tf.gather(mask, tf.cast(t >= may_end, tf.int32), batch_dims=1)
            top = tf.reduce_max(allowed, 1, keepdims=True)
            return truncation.applied(allowed, top, sharpness), top

        def body(t: Tensor, token: Tensor, stop: Tensor, at: Tensor, state: Any, *arrays: Any) -> tuple[Any, ...]:
            logits, state = self._step(token, state)
            allowed = logits + self.never
            best = tf.reduce_max(allowed, 1, keepdims=True)
            allowed, top = tf.cond(restricted, lambda: choice(t, logits), lambda: (allowed, best))
            mass = tf.cumsum(tf.exp((allowed - top) * sharpness), 1)
            token = tf.searchsorted(mass, draws[t] * mass[:, -1:], side="right")[:, 0]
            reading = t < given
            token = tf.where(reading, prompt[tf.minimum(t, prompt_end)], token)
            at = tf.cond(timed, lambda: self._after(at, token), lambda: at)
            stop = tf.where(((token == EOS) | (at >= end)) & ~reading, tf.minimum(stop, t + 1), stop)
            chosen = (token, *_above_and_total(logits, best, token))
            return t + 1, token, stop, at, state, *(array.write(t, x) for array, x in zip(arrays, chosen, strict=True))

        arrays = [tf.TensorArray(dtype, 0, dynamic_size=True) for dtype in (tf.int32, tf.float32, tf.float32)]
        state = self._start(tf.shape(given)[0], requests.label)
        start = (0, tf.fill(tf.shape(given), BOS), stop, tf.zeros_like(end), state, *arrays)
        _, _, stop, _, _, *arrays = tf.while_loop(lambda t, _, stop, *__: t < tf.reduce_max(stop), body, start)
        tokens, above, total = (array.stack() for array in arrays)
        # From step by step to row by row, each from its own first new token on.
        length = tf.clip_by_value(stop - given, 0, steps)
        new = tf.range(width) < length[:, None]
        place = tf.where(new, given[:, None] + tf.range(width), 0)
        tokens, log_probs = (tf.gather(tf.transpose(x), place, batch_dims=1) for x in (tokens, above - _log(total)))
        return tf.where(new, tokens, PAD), length, _sum(tf.where(new, log_probs, 0))

    def _score(self, tokens: Tensor, label: Tensor) -> tuple[Tensor]:
        """Does the work of `score` for one tile."""
        length, width = _lengths(tokens), tf.shape(tokens)[1]
        sequence = tf.pad(tf.pad(tf.transpose(tokens), [[1, 0], [0, 0]], constant_values=BOS), [[0, 1], [0, 0]])
        steps = tf.maximum(tf.reduce_max(length), 1)

        def body(t: Tensor, state: Any, *arrays: Any) -> tuple[Any, ...]:
            logits, state = self._step(sequence[t], state)
            best = tf.reduce_max(logits + self.never, 1, keepdims=True)
            parts = _above_and_total(logits, best, sequence[t + 1])
            return t + 1, state, *(array.write(t, x) for array, x in zip(arrays, parts, strict=True))

        arrays = [tf.TensorArray(tf.float32, steps) for _ in range(2)]
        start = (0, self._start(tf.shape(length)[0], label), *arrays)
        _, _, *arrays = tf.while_loop(lambda t, *_: t < steps, body, start)
        above, total = (array.stack() for array in arrays)
        scores = tf.transpose(above - _log(total))[:, :width]
        scores = tf.pad(scores, [[0, 0], [0, width - tf.shape(scores)[1]]])
        return (tf.where(tf.range(width) < length[:, None], scores, 0),)

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


def _draws(requests: SamplingRequests, place: Tensor) -> tuple[Tensor, Tensor]:
    """Draws where in its distribution each row's token number place[T, B] falls.

    Returns:
      float32[T, B, 1] in (0, 1), and float32[B, 1], what the logits are multiplied with: 1 / temperature.
    """
    greedy = requests.temperature <= 1 / COLDEST
    draws = tf.where(greedy, GREEDY_DRAW, rng.uniform(requests.seed, place))
    # A division of its own for each row would be one of a short axis.
    spread = tf.tile(requests.temperature[:, None], [1, VECTOR])
    return draws[..., None], tf.where(greedy[:, None], COLDEST, (1 / spread)[:, :1])


def _above_and_total(logits: Tensor, best: Tensor, token: Tensor) -> tuple[Tensor, Tensor]:
    """Returns float32[B] each: a and z, where a - log(z) is the log-probability of `token`."""
    above = logits - best
    return tf.gather(above, token, batch_dims=1), tf.reduce_sum(tf.exp(above), 1)


def _log(x: Tensor) -> Tensor:
    """Returns logarithms, all of them by the vectorised kernel."""
    flat = tf.reshape(x, [-1])
    size = tf.size(flat)
    padded = tf.pad(flat, [[0, -size % VECTOR]], constant_values=1.0)
    return tf.reshape(tf.math.log(padded)[:size], tf.shape(x))


def _sum(x: Tensor) -> Tensor:
    """Returns row sums, added up from left to right: a tree would depend on the width, which is the longest row's."""
    return tf.cast(tf.cumsum(tf.pad(tf.cast(x, tf.float64), [[0, 0], [0, 1]]), 1)[:, -1], tf.float32)


def _lengths(tokens: Tensor) -> Tensor:
    """Returns int32[B]: the number of tokens before the padding."""
    return tf.reduce_sum(tf.cast(tokens != PAD, tf.int32), 1)
