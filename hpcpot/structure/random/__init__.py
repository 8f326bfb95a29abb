"""Random cells with symmetry: sensible starts of a structure search.

groups    space groups as operations of the primitive cell, from the database of spglib
sites     Wyckoff positions of a group, and ways to fill them with given numbers of atoms
shape     random lattices
placing   compiled: atoms put at random, pushed apart with whole orbits
separations  least distances as a structure has them
cells     what is asked for, and the cell of a seed and an index
seed_file seeds of AIRSS
settings  the `random` section of configs; recipe: what its compositions ask for
"""

ORDERS = (1, 2, 3, 4, 6, 8, 12, 16, 24, 48)
"""Numbers of operations that the primitive cell of a crystal can have."""

PACKING = 0.3401
"""Part of the volume that spheres of the least distances fill, where nothing else tells it; AIRSS' own default."""

VACUUM = 15.0
"""Å, around slabs and clusters, where nothing else tells it."""
