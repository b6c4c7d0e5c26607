"""Music from a model: the loop that feeds it its own tokens, inside the graph, for many requests at once.

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

from typing import Any, NamedTuple

import tensorflow as tf

from serving.graph.tiling import LANES, check_tile, tiled
from trainer import rng
from tutti.encodings.vocabulary import BOS, EOS, PAD

Tensor = Any

MAX_STEPS = 1 << 16
MAX_TEMPERATURE = 1000.0
# Temperature 0 divides by nothing: this factor sends all but the greatest logit to minus infinity, and this lot then
# falls on the first token that has any probability left, the arg-max.
COLDEST, GREEDY_DRAW = 1e30, 1e-30


class SamplingRequests(NamedTuple):
    """What each row asks for.

    Attributes:
      prompt: int32[B, P], tokens to continue, without BOS, right-padded with PAD.
      steps: int32[B], new tokens wanted, at most `MAX_STEPS`; EOS ends a row earlier.
      temperature: float32[B], 0 (arg-max) to `MAX_TEMPERATURE`.
      top_k: int32[B], sample from the k likeliest tokens only; 0 for all.
      top_p: float32[B], sample from the fewest likeliest tokens that together have this probability, of what
        temperature and top_k leave; 0, or 1 and more, for all.
      seed: int64[B].
      label: int32[B], what to condition on, 0 for nothing in particular.
    """

    prompt: Tensor
    steps: Tensor
    temperature: Tensor
    top_k: Tensor
    top_p: Tensor
    seed: Tensor
    label: Tensor


class Sampler:
    """Generates with a model and scores with it (`trainer.models.base.Model`).

    Args:
      model: what predicts the next token.
      vocabulary_size: V, the width of its logits.
      tile: rows in every matrix product; 0 fits it to the batch, see the module's text.
      labels: how many labels the model was trained with, numbered from 1.
    """

    def __init__(self, model: Any, vocabulary_size: int, tile: int = 0, labels: int = 0) -> None:
        check_tile(tile)
        self.model, self.size, self.tile, self.labels = model, vocabulary_size, tile, labels
        padded = -(-vocabulary_size // LANES) * LANES
        self.excess = padded - vocabulary_size
        never = [0.0] * padded
        never[PAD] = never[BOS] = -float("inf")
        self.never = tf.constant(never)

    def generate(self, requests: SamplingRequests) -> tuple[Tensor, Tensor, Tensor]:
        """Continues each row's prompt.

        Returns:
          tokens int32[B, N], N the most steps asked for, right-padded with PAD; EOS, where reached, is the last.
          length int32[B], how many they are.
          log_prob float32[B], the sum of their log-probabilities by the model as it is, at temperature 1 and over
          all of the vocabulary, whatever they were sampled with. It equals the sum of `score`.

        Raises:
          tf.errors.InvalidArgumentError: a request is out of bounds; the text says which and how.
        """
        with tf.control_dependencies(_check_requests(requests, self.size, self.labels)):
            requests = SamplingRequests(*map(tf.identity, requests))
        width = tf.reduce_max(tf.pad(requests.steps, [[0, 1]]))
        tokens, length, log_prob = tiled(
            lambda *tile: self._generate(SamplingRequests(*tile), width),
            requests,
            (tf.TensorSpec([None, None], tf.int32), tf.TensorSpec([None], tf.int32), tf.TensorSpec([None], tf.float32)),
            self.tile,
        )
        return tokens, length, log_prob

    def score(self, tokens: Tensor, label: Tensor) -> Tensor:
        """The log-probability of each token given those before it; BOS comes first by itself.

        Args:
          tokens: int32[B, T], right-padded with PAD.
          label: int32[B].

        Returns:
          float32[B, T], 0 at PAD.

        Raises:
          tf.errors.InvalidArgumentError: a token or a label is none, or a row is longer than `MAX_STEPS`.
        """
        rows = tf.stack([tf.shape(tokens)[0], tf.shape(label)[0]])
        checks = [*_check_rows(rows), *_check_tokens("tokens", tokens, self.size), _check_label(label, self.labels)]
        with tf.control_dependencies(checks):
            tokens, label = tf.identity(tokens), tf.identity(label)
        (scores,) = tiled(self._score, (tokens, label), (tf.TensorSpec([None, None], tf.float32),), self.tile)
        return scores

    def _generate(self, requests: SamplingRequests, width: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """`generate` for one tile; `width` is N."""
        given, steps = _lengths(requests.prompt), requests.steps
        # In step t a row's token number t is read, BOS being 0, and number t + 1 chosen: from the prompt as long as
        # that lasts, then by lot. `stop` is the number of steps a row takes; it shrinks where EOS is chosen. Even a
        # row that wants nothing takes one, because an array of no steps cannot be stacked.
        stop = tf.where(steps > 0, given + steps, 1)
        prompt = tf.pad(tf.transpose(requests.prompt), [[0, 1], [0, 0]])
        prompt_end = tf.shape(requests.prompt)[1]
        draws, sharpness = _lots(requests, tf.range(tf.reduce_max(stop))[:, None] - given)
        limits = _Limits.of(requests, self.size)

        def body(t: Tensor, token: Tensor, stop: Tensor, state: Any, *kept: Any) -> tuple[Any, ...]:
            logits, state = self._step(token, state)
            allowed = logits + self.never
            best = tf.reduce_max(allowed, 1, keepdims=True)
            allowed = limits.applied(allowed, best, sharpness)
            mass = tf.cumsum(tf.exp((allowed - best) * sharpness), 1)
            token = tf.searchsorted(mass, draws[t] * mass[:, -1:], side="right")[:, 0]
            reading = t < given
            stop = tf.where((token == EOS) & ~reading, tf.minimum(stop, t + 1), stop)
            token = tf.where(reading, prompt[tf.minimum(t, prompt_end)], token)
            chosen = (token, *_above_and_total(logits, best, token))
            return t + 1, token, stop, state, *(array.write(t, x) for array, x in zip(kept, chosen, strict=True))

        kept = [tf.TensorArray(dtype, 0, dynamic_size=True) for dtype in (tf.int32, tf.float32, tf.float32)]
        start = (0, tf.fill(tf.shape(given), BOS), stop, self._start(tf.shape(given)[0], requests.label), *kept)
        _, _, stop, _, *kept = tf.while_loop(lambda t, _, stop, *__: t < tf.reduce_max(stop), body, start)
        tokens, above, total = (array.stack() for array in kept)
        # From step by step to row by row, each from its own first new token on.
        length = tf.clip_by_value(stop - given, 0, steps)
        new = tf.range(width) < length[:, None]
        place = tf.where(new, given[:, None] + tf.range(width), 0)
        tokens, log_probs = (tf.gather(tf.transpose(x), place, batch_dims=1) for x in (tokens, above - _log(total)))
        return tf.where(new, tokens, PAD), length, _sum(tf.where(new, log_probs, 0))

    def _score(self, tokens: Tensor, label: Tensor) -> tuple[Tensor]:
        """`score` for one tile."""
        length, width = _lengths(tokens), tf.shape(tokens)[1]
        sequence = tf.pad(tf.pad(tf.transpose(tokens), [[1, 0], [0, 0]], constant_values=BOS), [[0, 1], [0, 0]])
        steps = tf.maximum(tf.reduce_max(length), 1)

        def body(t: Tensor, state: Any, *kept: Any) -> tuple[Any, ...]:
            logits, state = self._step(sequence[t], state)
            best = tf.reduce_max(logits + self.never, 1, keepdims=True)
            parts = _above_and_total(logits, best, sequence[t + 1])
            return t + 1, state, *(array.write(t, x) for array, x in zip(kept, parts, strict=True))

        kept = [tf.TensorArray(tf.float32, steps) for _ in range(2)]
        start = (0, self._start(tf.shape(length)[0], label), *kept)
        _, _, *kept = tf.while_loop(lambda t, *_: t < steps, body, start)
        above, total = (array.stack() for array in kept)
        scores = tf.transpose(above - _log(total))[:, :width]
        scores = tf.pad(scores, [[0, 0], [0, width - tf.shape(scores)[1]]])
        return (tf.where(tf.range(width) < length[:, None], scores, 0),)

    def _start(self, batch: Tensor, label: Tensor) -> Any:
        """The model's state before BOS, which carries the label where it has any."""
        return self.model.initial_state(batch, label) if self.labels else self.model.initial_state(batch)

    def _step(self, token: Tensor, state: Any) -> tuple[Tensor, Any]:
        """The model's step, its logits filled up to a multiple of `LANES` with minus infinity."""
        logits, state = self.model.step(token, state)
        if self.excess:
            logits = tf.pad(logits, [[0, 0], [0, self.excess]], constant_values=-float("inf"))
        return logits, state


class _Limits(NamedTuple):
    """top_k and top_p of each row, and whether any row sets one."""

    top_k: Tensor
    top_p: Tensor
    some: Tensor

    @classmethod
    def of(cls, requests: SamplingRequests, size: int) -> _Limits:
        top_k = tf.where(requests.top_k > 0, tf.minimum(requests.top_k, size), size)[:, None]
        # 2 is beyond any sum of probabilities, so that rounding cannot cut off the last token.
        top_p = tf.where((requests.top_p > 0) & (requests.top_p < 1), requests.top_p, 2.0)[:, None]
        return cls(top_k, top_p, tf.reduce_any(top_k < size) | tf.reduce_any(top_p < 1))

    def applied(self, logits: Tensor, best: Tensor, sharpness: Tensor) -> Tensor:
        """`logits` with those of tokens beyond a row's limits at minus infinity, the others as they are."""
        return tf.cond(self.some, lambda: self._cut(logits, best, sharpness), lambda: tf.identity(logits))

    def _cut(self, logits: Tensor, best: Tensor, sharpness: Tensor) -> Tensor:
        # Equal logits are in the order of their ids, here and where the line is drawn between kept and cut.
        values, ids = tf.math.top_k(logits, logits.shape[1])
        near = tf.range(logits.shape[1]) < self.top_k
        mass = tf.where(near, tf.exp((values - best) * sharpness), 0)
        kept = near & (tf.cumsum(mass, 1, exclusive=True) < self.top_p * tf.reduce_sum(mass, 1, keepdims=True))
        last = tf.reduce_sum(tf.cast(kept, tf.int32), 1, keepdims=True) - 1
        value, place = tf.gather(values, last, batch_dims=1), tf.gather(ids, last, batch_dims=1)
        keep = (logits > value) | ((logits == value) & (tf.range(logits.shape[1]) <= place))
        return tf.where(keep, logits, -float("inf"))


def _lots(requests: SamplingRequests, place: Tensor) -> tuple[Tensor, Tensor]:
    """float32[T, B, 1] in (0, 1), where in its distribution each row's token number place[T, B] falls, and
    float32[B, 1], what its logits are multiplied with: 1 / temperature."""
    greedy = requests.temperature <= 1 / COLDEST
    draws = tf.where(greedy, GREEDY_DRAW, rng.uniform(requests.seed, place))
    # A division of its own for each row would be one of a short axis.
    spread = tf.tile(requests.temperature[:, None], [1, LANES])
    return draws[..., None], tf.where(greedy[:, None], COLDEST, (1 / spread)[:, :1])


def _above_and_total(logits: Tensor, best: Tensor, token: Tensor) -> tuple[Tensor, Tensor]:
    """float32[B] each: a and z, where a - log(z) is the log-probability of `token`."""
    above = logits - best
    return tf.gather(above, token, batch_dims=1), tf.reduce_sum(tf.exp(above), 1)


def _log(x: Tensor) -> Tensor:
    """Logarithms, all of them by the vectorised kernel."""
    flat = tf.reshape(x, [-1])
    size = tf.size(flat)
    padded = tf.pad(flat, [[0, -size % LANES]], constant_values=1.0)
    return tf.reshape(tf.math.log(padded)[:size], tf.shape(x))


def _sum(x: Tensor) -> Tensor:
    """Row sums, added up from left to right: a tree would depend on the width, which is the longest row's."""
    return tf.cast(tf.cumsum(tf.pad(tf.cast(x, tf.float64), [[0, 0], [0, 1]]), 1)[:, -1], tf.float32)


def _lengths(tokens: Tensor) -> Tensor:
    """int32[B]: the number of tokens before the padding."""
    return tf.reduce_sum(tf.cast(tokens != PAD, tf.int32), 1)


def _check_tokens(name: str, tokens: Tensor, size: int) -> list[Any]:
    inner = (tokens[:, :-1] == PAD) & (tokens[:, 1:] != PAD)
    return [
        _check(tf.shape(tokens)[1] <= MAX_STEPS, f"{name} may be at most {MAX_STEPS} tokens long", tf.shape(tokens)[1]),
        _check((tokens >= 0) & (tokens < size), f"{name} holds ids outside 0 to {size - 1}", tokens),
        _check(tokens != BOS, f"{name} holds id {BOS} (BOS), which comes first by itself", tokens),
        _check(~inner, f"{name} has padding (id {PAD}) before tokens; pad on the right", tokens),
    ]


def _check_rows(rows: Tensor) -> list[Any]:
    return [_check(rows == rows[0], "inputs differ in their number of rows", rows)]


def _check_label(label: Tensor, labels: int) -> Any:
    wanted = f"label must be from 0 (none) to {labels}" if labels else "label must be 0, as the model has no labels"
    return _check((label >= 0) & (label <= labels), wanted, label)


def _check_requests(requests: SamplingRequests, size: int, labels: int) -> list[Any]:
    steps, temperature, top_k, top_p = requests[1:5]
    return [
        *_check_rows(tf.stack([tf.shape(x)[0] for x in requests])),
        *_check_tokens("prompt", requests.prompt, size),
        _check((steps >= 0) & (steps <= MAX_STEPS), f"steps must be from 0 to {MAX_STEPS}", steps),
        # Comparisons with NaN are false, and it is turned away like the rest.
        _check(
            (temperature >= 0) & (temperature <= MAX_TEMPERATURE),
            f"temperature must be from 0 to {MAX_TEMPERATURE:g}",
            temperature,
        ),
        _check(top_k >= 0, "top_k must be 0 (off) or more", top_k),
        _check(top_p >= 0, "top_p must be 0 (off) or more", top_p),
        _check_label(requests.label, labels),
    ]


def _check(fine: Tensor, text: str, value: Tensor) -> Any:
    return tf.debugging.Assert(tf.reduce_all(fine), [text, value], summarize=16)
