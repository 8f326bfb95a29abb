"""The kernels in CUDA C++, and the classes that launch them. Written for a GPU; tested on the CPU, see tests/gpu."""
