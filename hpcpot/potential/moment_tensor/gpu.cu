// Readout of a moment tensor potential: products of moments in order, the energy, and the gradient in reverse order.
//
// A thread for each centre; all threads read the same product at once. Values and gradients of n_moments moments lie in
// global memory, that of one moment for neighbouring centres side by side: 40 bytes a product and centre forward, 56 back.
#include "common.cuh"

// Args: centres (n,). energy: eV, of the species alone. moments (n, entries): of moments.cu; places (basics,): which of the
// entries the basic moments are. products (products, 4): a, b, factor, k. scalars, coefficients (n_scalars,).
// values, gradients (n_moments, n): work space.
// Out: energies at the centres; by_moments (n, entries), zero before, or null for energies alone.
extern "C" __global__ void readout(
    int n, int entries, const int* __restrict__ centres, double energy, const double* __restrict__ moments, int n_basics,
    const int* __restrict__ places, int n_moments, int n_products, const int* __restrict__ products, int n_scalars,
    const int* __restrict__ scalars, const double* __restrict__ coefficients, double* values, double* gradients,
    double* energies, double* by_moments) {
  const int row = blockIdx.x * blockDim.x + threadIdx.x;
  if (row >= n) return;
  const long long stride = n, first = (long long)row * entries;
  double *value = values + row, *gradient = gradients + row;
  for (int k = 0; k < n_moments; k++) value[k * stride] = k < n_basics ? moments[first + places[k]] : 0.0;
  for (int p = 0; p < n_products; p++) {
    const int *own = products + 4 * p, a = own[0], b = own[1], k = own[3];
    value[k * stride] += own[2] * value[a * stride] * value[b * stride];
  }
  double sum = energy;
  for (int s = 0; s < n_scalars; s++) sum += coefficients[s] * value[scalars[s] * stride];
  energies[centres[row]] = sum;
  if (!by_moments) return;
  for (int k = 0; k < n_moments; k++) gradient[k * stride] = 0;
  for (int s = 0; s < n_scalars; s++) gradient[scalars[s] * stride] += coefficients[s];
  for (int p = n_products - 1; p >= 0; p--) {
    const int *own = products + 4 * p, a = own[0], b = own[1];
    const double by = own[2] * gradient[own[3] * stride];
    gradient[a * stride] += by * value[b * stride];
    gradient[b * stride] += by * value[a * stride];
  }
  for (int k = 0; k < n_basics; k++) by_moments[first + places[k]] = gradient[k * stride];
}
#ifdef CUDA_CPU
CUDA_CPU_EXPORT(readout)
#endif
