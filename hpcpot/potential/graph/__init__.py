"""Graph networks that predict forces and stress of whole cells: parameters, graphs and the network itself."""
