"""Training of potentials in torch: what a step is made of. Loaded by the command `hpcpot train` alone."""
