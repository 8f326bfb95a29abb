// What a network does between its matrix products, which are cuBLAS's; network.py says which rows these are.
#include "common.cuh"

// kind: LINEAR, TANH, ..., of network.ACTIVATIONS. z = act(z + bias) timestep + skip, slope = act' timestep. skip: the row of x below, once or twice; null for none.
extern "C" __global__ void activate(
    int total, int width, int kind, const real* __restrict__ bias, const real* __restrict__ timestep,
    const real* __restrict__ below, int below_width, real* z, real* slope) {
  const int e = blockIdx.x * blockDim.x + threadIdx.x;
  if (e >= total) return;
  const int c = e % width;
  const real x = z[e] + bias[c];
  real y = x, first = 1;
  if (kind == TANH) {
    y = tanh(x);
    first = 1 - y * y;
  } else if (kind == LOGISTIC) {
    y = (real)0.5 * (tanh((real)0.5 * x) + 1);
    first = y * (1 - y);
  } else if (kind != LINEAR) {
    const real t = tanh(x * (real)(2.0 / 3.0));
    y = (real)1.7159 * t, first = (real)(1.7159 * 2.0 / 3.0) * (1 - t * t);
    if (kind == SCALED_TANH_TWIST) y += (real)0.1 * x, first += (real)0.1;
  }
  y *= timestep[c];
  if (below) y += below[(long long)(e / width) * below_width + c % below_width];
  z[e] = y;
  slope[e] = first * timestep[c];
}

// E = scale (x . weights + bias) + shift of each centre: the last, linear layer. A warp a row, summed in float64.
extern "C" __global__ void energies(
    int n, int width, const real* __restrict__ x, const real* __restrict__ weights, double bias, double scale, double shift,
    const int* __restrict__ centres, double* out) {
  const int row = row_id();
  if (row >= n) return;
  double sum = 0;
  for (int c = lane_id(); c < width; c += 32) sum += (double)x[(long long)row * width + c] * weights[c];
  sum = warp_sum(sum);
  if (lane_id() == 0) out[centres[row]] = scale * (sum + bias) + shift;
}

// Gradient of a layer's output, g (or 0 where null) + what the skip of the layer above hands down, into g where there is
// one; times the slope, into slope. above: (n, above_width), or one row for all with above_stride 0; null for none.
extern "C" __global__ void through(
    int total, int width, real* g, const real* __restrict__ above, int above_width, int above_stride, real* slope) {
  const int e = blockIdx.x * blockDim.x + threadIdx.x;
  if (e >= total) return;
  const int c = e % width;
  real sum = g ? g[e] : (real)0;
  if (above) {
    const real* row = above + (long long)(e / width) * above_stride;
    sum += row[c];
    if (above_width == 2 * width) sum += row[width + c];
  }
  if (g) g[e] = sum;
  slope[e] *= sum;
}
#ifdef CUDA_CPU
CUDA_CPU_EXPORT(activate)
CUDA_CPU_EXPORT(energies)
CUDA_CPU_EXPORT(through)
#endif
