"""Kernels and tables that more than one family of potentials uses.

    sets           MomentSet and Environment, which all families and kernels speak of
    reference      moments and pair forces of any moment set in NumPy, with the exact radial functions: the specification
    steps          Steps: moments, readout, pair forces, for a block of centres
    environment_cpu  neighbours within the cutoff, and forces from the gradients of pairs: Deep Potential, moment tensor,
                   every family without kernels of its own, and training
    tables, cpu    radial functions in tables (quintic Hermite), and moments from them: Deep Potential; every family without
                   kernels of its own, as Lennard-Jones; with a skip around the first fitting layer, also Deep Potential
    gpu            the same on a device: environments (all families), network (Deep Potential, Chebyshev), tabulated
                   (moment tensor, Lennard-Jones), and GpuPotential, which launches them

A family's fast kernels are in its own folder, shaped to its arithmetic, and share less than the formula does: a Deep
Potential reduces its radial functions and invariants, a Chebyshev network sums polynomials over pairs of neighbours without
moments, and a moment tensor potential works on vector lanes of atoms.
"""
