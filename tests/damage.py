"""Files broken at random."""

import random

JUNK = (b"9", b"-", b"nan", b"\n", b"1e400", b" 7 ", b"99999999999", b"\x00", b"\xff")


def damaged(content: bytes, rng: random.Random) -> bytes:
    """Content with one to four bytes changed, runs deleted, or junk put in."""
    broken = bytearray(content)
    for _ in range(rng.randint(1, 4)):
        at = rng.randrange(len(broken))
        kind = rng.randrange(3)
        if kind == 0:
            broken[at] = rng.randrange(256)
        elif kind == 1:
            del broken[at : at + rng.randint(1, 30)]
        else:
            broken[at:at] = rng.choice(JUNK)
    return bytes(broken)
