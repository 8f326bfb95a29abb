"""Labels of structures by calculators of ASE, on the farm."""
