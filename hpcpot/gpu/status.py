"""What kernels report: places in the status array and units of sums, as in common.cuh."""

CONTACT, TRUNCATED, LONGEST, STATUS_SIZE = range(4)

NO_ATOM = 2**31 - 1
"""A CONTACT of 0 is none; else it is this less the lowest atom that has one."""

FIXED_ONE = 2.0**40
"""Forces and per-atom virials are summed as integers in units of its inverse."""
