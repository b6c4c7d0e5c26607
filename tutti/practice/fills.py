"""Fills: the last steps of a phrase, where snare and toms take the place of the groove.

A fill is two lines, hands and feet, a character a 16th: s snare, h high tom, m low tom, f floor tom, in capitals
accented; k kick; r two 32nds on the snare; t two 32nds on the floor tom; g a ghost note.
"""

from tutti.practice.rng import Rng

RHYTHMS = (
    "xxxxxxxxxxxxxxxx",
    "x.xxx.xxx.xxx.xx",
    "x.x.xxxxx.x.xxxx",
    "xx.xx.xx.xx.xxxx",
    "x.xxxxx.x.xxxxx.",
    "x..x..x.x..xx.x.",
    "x.x.x.x.xxxxxxxx",
)
ROUTES = ("shmf", "sshf", "shhf", "sfsf", "shsm", "ssmf", "hhmf", "fmhs", "hmff", "smhf")
ROLLS = ("g.g.gggggggsrrrr", "s.s.s.s.ssssrrrr", "s..s..s.s.s.rrrr", "ss.rss.rss.rrrrr", "s.rrs.rrh.ttf.tt")
STOPS = (
    ("S.....S...S.....", "k.....k...k....."),
    ("S.......S...S.ss", "k.......k......."),
    ("............s.ss", "k..............."),
    ("s..s..s.S.......", "k..k..k.k......."),
    ("......s...s.ssss", "k..k......k....."),
)
FEET = ("................", "k...k...k...k...", "k.......k.......", "k.k.k.k.k.k.k.k.")


def fill(family: str, rng: Rng) -> tuple[str, str]:
    """Returns a fill of one bar, 16 steps, as (hands, feet); a shorter fill is the end of it.

    Args:
      family: "toms", "snare", "roll" or "stops".
    """
    if family == "stops":
        return rng.pick(STOPS)
    if family == "roll":
        return rng.pick(ROLLS), rng.pick(FEET[:3])
    rhythm = rng.pick(RHYTHMS)
    route = rng.pick(ROUTES) if family == "toms" else "ssss"
    hands = "".join(route[i // 4] if hit == "x" else "." for i, hit in enumerate(rhythm))
    if family == "snare" and rng.chance(0.5):  # it grows: ghost notes first
        hands = hands[:8].replace("s", "g") + hands[8:]
    return hands[:15] + hands[15].upper(), rng.pick(FEET)
