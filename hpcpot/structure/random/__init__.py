"""Random cells with symmetry: sensible starts of a structure search.

groups    space groups as operations of the primitive cell, from the database of spglib
sites     Wyckoff positions of a group, and ways to fill them with given numbers of atoms
shape     random lattices
placing   compiled: atoms put at random, pushed apart with whole orbits
cells     what is asked for, and the cell of a seed and an index
"""
