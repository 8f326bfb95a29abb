"""Names of places in the arrays that kernels and the host share; `sources` writes them into the CUDA sources.

The last name of each is the number of places.
"""

from __future__ import annotations

from enum import IntEnum

NO_ATOM = 2**31 - 1
"""A CONTACT of 0 is none; else it is this less the lowest atom that has one."""

FIXED_ONE = 2.0**40
"""Forces and per-atom virials are summed as integers in units of its inverse."""


class Status(IntEnum):
    """Reports of the kernels of a potential and of the neighbour search, int32."""

    CONTACT = 0
    TRUNCATED = 1
    LONGEST = 2
    STATUS_SIZE = 3


class BinNumber(IntEnum):
    """The box of bins of neighbors.cu, float64: its low corner, the side of a bin, how many bins along each axis."""

    BIN_LOW = 0
    BIN_SIDE = 3
    BIN_COUNTS = 4
    BIN_NUMBERS_SIZE = 7


class MotionNumber(IntEnum):
    """Constants of a batch of steps of motion.cu, float64.

    ALLOWED2, LOST2: squares of how far (Å) an atom may go before the lists must be rebuilt, and before it counts as lost.
    KT to DRAG: the thermostat's. FREEDOM: degrees of freedom. TWICE_KINETIC: the most that is allowed, eV.
    """

    DT = 0
    ALLOWED2 = 1
    LOST2 = 2
    KT = 3
    KT_END = 4
    RAMP_FIRST = 5
    RAMP_STEPS = 6
    TIME = 7
    DRAG = 8
    FREEDOM = 9
    TWICE_KINETIC = 10
    FIRST_STEP = 11
    MOTION_NUMBERS_SIZE = 12


class MotionControl(IntEnum):
    """Progress of a batch of steps, int32.

    MOVED: an atom went too far in the present step. HALTED: nothing more is to be done. FARTHEST: bits of the float32
    that is the largest square of a displacement.
    """

    DONE = 0
    MOVED = 1
    LOST = 2
    HALTED = 3
    TRUNCATED_MOST = 4
    FARTHEST = 5
    CONTROL_SIZE = 6


class MotionScalar(IntEnum):
    """State of a thermostat, float64.

    CHAIN, RATES, ACCELERATIONS: three each, of the chain. KINETIC: energy. FACTOR, LAST, PENDING: factors for the
    velocities, of this half step of the chain, of the one that ended the last step, and of the one that ended this step.
    HEAT: taken up from the thermostat.
    """

    CHAIN = 0
    RATES = 3
    ACCELERATIONS = 6
    KINETIC = 9
    FACTOR = 10
    LAST = 11
    PENDING = 12
    HEAT = 13
    SCALARS_SIZE = 14
