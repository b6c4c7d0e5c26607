"""Drum styles as text: one character a 16th, one line a limb.

    .  rest      x  hit      X  accent      g  ghost note      d  two 32nds
    ?  a hit that a song either has throughout or has not

In the lines of `cymbals` and `lift` the character is the cymbal itself: x closed hat, o open hat, r ride, c crash,
d two closed hats in 32nds.
"""

from dataclasses import dataclass

FOUR, THREE, SIX = (4, 4), (3, 4), (6, 8)


@dataclass(frozen=True)
class Style:
    """The grooves that songs of a style are made of. Each line is one bar; a song picks one of the alternatives.

    Attributes:
      name: for the file's name.
      tempo: lowest and highest quarter notes a minute.
      kicks, snares, cymbals: lines of the verse.
      lift: lines of the cymbals in a chorus.
      fills: families of fills, as `fills` names them.
      foot: the hi-hat played by foot under a ride, or "".
      swing: ticks (480 a quarter) by which each 16th of a beat comes late, few enough that it is still nearest to its
        own place on a grid of 32nds.
      meter: time signature.
    """

    name: str
    tempo: tuple[int, int]
    kicks: tuple[str, ...]
    snares: tuple[str, ...]
    cymbals: tuple[str, ...]
    lift: tuple[str, ...]
    fills: tuple[str, ...] = ("toms", "toms", "snare")
    foot: str = ""
    swing: tuple[int, int, int, int] = (0, 0, 0, 0)
    meter: tuple[int, int] = FOUR


EIGHTHS, SIXTEENTHS = "x.x.x.x.x.x.x.x.", "xxxxxxxxxxxxxxxx"
RIDE, OPEN, CRASHES = "r.r.r.r.r.r.r.r.", "o.o.o.o.o.o.o.o.", "c...c...c...c..."
BACKBEAT = "....X.......X..."
FLOOR = "x...x...x...x..."
TRIPLETS = (0, 0, 0, -24)  # the last 16th of a beat leans towards the last triplet
LAID_BACK = (0, 18, 0, 18)

STYLES = (
    Style(
        "rock", (104, 136),
        ("x.......x.x.....", "x......xx.......", "x.....x.x.x?....", "x.x.....x......?", "x.....x...x....."),
        (BACKBEAT, "....X..?....X...", "....X.......X..g"),
        (EIGHTHS, "x.x.x.x.x.x.x.o.", "x...x...x...x..."),
        (RIDE, OPEN, "r.r.r.r.r.r.r.o."),
    ),
    Style(
        "funk", (92, 112),
        ("x..x......x..x..", "x.x...x...x..?..", "x......x..x.....", "x..x..x...x....?", "x.........xx.?.."),
        ("....X..g.g..X..g", "....X.gg.g..X...", "....X..g.gg.X..?", "....X..g....X.g."),
        (SIXTEENTHS, EIGHTHS, "x.x.x.xox.x.x.x.", "xxxxxxxxxxxxxxox"),
        ("x.o.x.x.x.o.x.x.", "x.xxx.oxx.xxx.ox", RIDE),
        fills=("toms", "snare", "stops"),
    ),
    Style(
        "disco", (112, 126),
        (FLOOR, "x...x...x...x..?", "x...x...x..xx..."),
        (BACKBEAT, "....X.......X.?."),
        ("x.o.x.o.x.o.x.o.", "xxoxxxoxxxoxxxox", "xxo.xxo.xxo.xxo."),
        ("xxoxxxoxxxoxxxox", "r.o.r.o.r.o.r.o."),
        fills=("snare", "toms"),
    ),
    Style(
        "hip-hop", (82, 98),
        ("x..x...?..x.....", "x.....x..xx.....", "x.x.......x..?..", "x......x.xx.....", "xx....x...x....."),
        (BACKBEAT, "....X..?....X...", "....X.......X.?g"),
        (EIGHTHS, "x.x.x.xxx.x.x.x.", "x.x.x.x.x.x.x.o.", "x.xxx.x.x.xxx.x."),
        (EIGHTHS, "x.x.x.xox.x.x.x.", "r.r.r.r.r.r.r.r."),
        fills=("stops", "snare"), swing=LAID_BACK,
    ),
    Style(
        "waltz", (96, 150),
        ("x...........", "x.........?.", "x.....x.....", "x.....?...x."),
        ("....x...x...", "....g...x...", "........X...", "....x...x.?."),
        ("r...r...r...", "r...r..rr...", "x.x.x.x.x.x.", "r...r.r.r.r."),
        ("r.r.r.r.r.r.", "r...r..rr..r", "o...x...x..."),
        meter=THREE,
    ),
    Style(
        "bossa", (112, 140),
        ("x..xx..xx..xx..x", "x..xx...x..xx...", "x..?x..xx..?x..x"),
        ("x..x..x...x..x..", "x..x...x..x..x..", "..x.x...x..x..x.", "x..x..x..x..x..."),
        (EIGHTHS, "xxxxxxxxxxxxxxxx", "x.xxx.xxx.xxx.xx"),
        (RIDE, "r.rrr.rrr.rrr.rr"),
        fills=("snare", "stops"),
    ),
    Style(
        "metal", (140, 180),
        ("xxxxxxxxxxxxxxxx", "xxx.xxx.xxx.xxx.", "x.xxx.xxx.xxx.xx", "xx.xx.xx.xx.xxxx", "x..xx..xx..xxxxx"),
        (BACKBEAT, "........X.......", "....X.......X.?."),
        ("x...x...x...x...", "o...o...o...o...", EIGHTHS),
        (CRASHES, "r...r...r...r...", RIDE),
        fills=("toms", "toms", "roll"),
    ),
    Style(
        "motown", (108, 132),
        ("x.....x.x.....x?", "x..x..x.x..x....", "x.....x.x.x.....", "x...x.x.x...x..."),
        ("X...X...X...X...", "x...X...x...X...", "....X.......X..."),
        (EIGHTHS, "x.x.x.x.x.x.x.o."),
        (RIDE, "x.o.x.x.x.o.x.x."),
        fills=("snare", "toms"),
    ),
    Style(
        "shuffle", (104, 136),
        ("x.......x.......", "x..x....x..x....", "x......xx.......", "x...x..xx...x..?"),
        (BACKBEAT, "...gX..g...gX..g", "....X..?....X..."),
        ("x..xx..xx..xx..x", "x..xx..xx..xx..o"),
        ("r..rr..rr..rr..r", "o..xo..xo..xo..x"),
        swing=TRIPLETS,
    ),
    Style(
        "breakbeat", (134, 172),
        ("x.x.......xx....", "x.........x.....", "x.x.......x..?..", "x..x......x....."),
        ("....X..g.g..X..g", "....X..g.g....X.", "....X..?.g..X...", ".g..X..g.g..X..?"),
        (EIGHTHS, "r.r.r.r.r.r.r.r.", "x.x.x.x.x.o.x.x."),
        (RIDE, OPEN, "x.xxx.xxx.oxx.xx"),
        fills=("snare", "roll", "stops"),
    ),
    Style(
        "reggae", (70, 84),
        ("........X.......", "........X.....?.", "x.......X.......", "x...x...X...x..."),
        ("........X.......", "...?....X.......", "........X..g..?."),
        (EIGHTHS, "x.xxx.x.x.xxx.x.", "x.x.x.xox.x.x.x.", "..x...x...x...x."),
        ("x.x.x.xox.x.x.xo", "x.xxx.xxx.xxx.xo"),
        fills=("snare", "stops", "toms"), swing=LAID_BACK,
    ),
    Style(
        "punk", (160, 196),
        ("x...x...x...x...", "x...x...x.x.x...", "x..xx...x..xx...", "x...x.x.x...x.?."),
        ("..X...X...X...X.", "..X...X...X...X?"),
        (EIGHTHS, "o.o.o.o.o.o.o.o.", "x...x...x...x..."),
        (CRASHES, OPEN, RIDE),
    ),
    Style(
        "trap", (130, 150),
        ("x.....x....?..x.", "x..x......x.....", "x......x..x...?.", "x.....x...x..x..", "xx....x......x.."),
        ("........X.......", "........X.....?.", "........X......g"),
        ("x.x.x.xdx.x.xdx.", "x.xxx.x.ddx.x.dd", "x.x.x.x.x.x.dddd", "x..x..x.x..x..dd", "x.xdx.xdx.xdx.xd"),
        ("x.x.x.xdx.x.xdxo", "ddx.x.x.ddx.x.xo", "xxxxxxxdxxxxxxdd"),
        fills=("roll", "stops"),
    ),
    Style(
        "slow-six", (84, 132),
        ("x.........x.", "x....?......", "x...x.....x.", "x.......?.x."),
        ("......X.....", "......X...?.", "......X....g"),
        ("x.x.x.x.x.x.", "x.xxx.x.xxx.", "xxxxxxxxxxxx"),
        ("r.r.r.r.r.r.", "r...r.r...r.", "o.x.x.x.x.x."),
        meter=SIX,
    ),
    Style(
        "swing", (126, 184),
        ("g...g...g...g...", "g...g...g...g..?", "g......xg......."),
        ("...............?", "...g....?..g....", "?......g...?....", "...?...g......x."),
        ("r...r..rr...r..r", "r...r..rr...r..."),
        ("r..rr..rr..rr..r", "r...r..rr..rr..r"),
        fills=("snare", "toms"), foot="....x.......x...", swing=TRIPLETS,
    ),
    Style(
        "house", (120, 128),
        (FLOOR, "x...x...x...x.?.", "x...x...x..xx..."),
        (BACKBEAT, "....X.......X..?", "....x..?....x..."),
        ("..o...o...o...o.", "x.o.x.o.x.o.x.o.", "xxoxxxoxxxoxxxox"),
        ("xxo.xxo.xxo.xxo.", "xxoxxxoxxxoxxxox"),
        fills=("snare", "roll", "stops"),
    ),
    Style(
        "ballad", (64, 82),
        ("x.......x.x.....", "x......?x.......", "x......x..x.....", "x.....x.x......."),
        (BACKBEAT, "....X.......X..?", "....X....g..X..."),
        (EIGHTHS, SIXTEENTHS, "x.xxx.xxx.xxx.xx"),
        (RIDE, "r.rrr.rrr.rrr.rr", "r.r.r.r.r.r.r.o."),
    ),
    Style(
        "train", (96, 120),
        (FLOOR, "x.......x.......", "x...x.?.x...x..."),
        ("ggXgggXgggXgggXg", "g.Xgg.Xgg.Xgg.Xg", "ggXgggXgggXggXgX"),
        ("................", "....x.......x..."),
        ("r...r...r...r...", "..o...o...o...o."),
        fills=("snare", "snare", "toms"), foot="..x...x...x...x.",
    ),
    Style(
        "blast", (170, 210),
        ("x.x.x.x.x.x.x.x.", "xxxxxxxxxxxxxxxx", "x.x.x.x.x.x.xxxx"),
        (".x.x.x.x.x.x.x.x", "x.x.x.x.x.x.x.x.", "....X.......X..."),
        (RIDE, EIGHTHS, "x...x...x...x..."),
        (CRASHES, RIDE, "c.......c......."),
        fills=("toms", "roll"),
    ),
    Style(
        "samba", (96, 116),
        ("x..xx..xx..xx..x", "x..xx..xx..xx..?", "...x...xx..x...x"),
        ("Xg.XgXg.XgXg.XgX", "X.gX.gX.g.X.gX.g", "gXg.gXgXg.gXg.gX", "X..X..X.X..X.X.?"),
        ("..x...x...x...x.", "x.xxx.xxx.xxx.xx"),
        ("r.rrr.rrr.rrr.rr", "r.r.r.r.r.r.r.r."),
        fills=("snare", "toms"),
    ),
)  # fmt: skip
