// The kernels of any family, from the tables of its moment sets: right before fast. float64.
//
// A warp for each centre, pairs in turn; lanes hold the products Omega_a R_c.
//
// N_SPECIES; CHANNELS, RANK, BY_NEIGHBOR (0 or 1), WEIGHTED (0 or 1): of the moment set, see sets.MomentSet.
#include "common.cuh"

constexpr int MONOMIALS = (RANK + 1) * (RANK + 2) * (RANK + 3) / 6, ENTRIES = MONOMIALS * CHANNELS;
constexpr int SETS = BY_NEIGHBOR ? N_SPECIES : 1;

// What a warp knows of the present pair: radial functions, weights and monomials, and their slopes.
struct Pair {
  double value[CHANNELS], slope[CHANNELS], weight[RANK + 1], weight_slope[RANK + 1];
  double powers[3][RANK + 1];
};

__device__ void know(Pair& pair, const double* vector, const double* nodes, const double* weights, int n_nodes, double start,
                     double inverse_step) {
  const int lane = lane_id();
  const double x = (vector[3] - start) * inverse_step;
  const int k = max(0, min((int)x, n_nodes - 2));
  double b[6], d[6];
  hermite(x - k, b);
  hermite_slope(x - k, d);
  for (int c = lane; c < CHANNELS + WEIGHTED * (RANK + 1); c += 32) {
    const bool is_weight = c >= CHANNELS;
    const int width = is_weight ? RANK + 1 : CHANNELS, own = is_weight ? c - CHANNELS : c;
    const double* node = (is_weight ? weights : nodes) + (long long)k * 3 * width + own;
    double value = 0, slope = 0;
    for (int j = 0; j < 6; j++) value += b[j] * node[j * width], slope += d[j] * node[j * width];
    (is_weight ? pair.weight : pair.value)[own] = value;
    (is_weight ? pair.weight_slope : pair.slope)[own] = slope * inverse_step;
  }
  if (!WEIGHTED)
    for (int c = lane; c <= RANK; c += 32) pair.weight[c] = 1, pair.weight_slope[c] = 0;
  if (lane < 3) {
    double p = 1;
    for (int m = 0; m <= RANK; m++) pair.powers[lane][m] = p, p *= vector[lane];
  }
  __syncwarp();
}

// Args: centres, bounds, vectors: of the environment. cutoff: of the set. nodes (N_SPECIES, nodes, 3, CHANNELS), weights
// (N_SPECIES, nodes, 3, RANK + 1): of this centre species. exponents (MONOMIALS,): p + 256 q + 65536 r.
// Out: moments (n, SETS, MONOMIALS, CHANNELS), zero before.
extern "C" __global__ void __launch_bounds__(32 * WARPS) moments(
    int n, int room, const int* __restrict__ bounds, const double* __restrict__ vectors, double cutoff,
    const double* __restrict__ nodes, const double* __restrict__ weights, int n_nodes, double start, double inverse_step,
    const int* __restrict__ exponents, double* moments_out) {
  __shared__ Pair pairs[WARPS];
  const int row = row_id(), lane = lane_id();
  if (row >= n) return;
  Pair& pair = pairs[warp_id()];
  constexpr int ROUNDS = (ENTRIES + 31) / 32;
  for (int s = 0; s < N_SPECIES; s++) {
    double* out = moments_out + ((long long)row * SETS + (BY_NEIGHBOR ? s : 0)) * ENTRIES;
    double sum[ROUNDS] = {};
    for (int p = bounds[row * (N_SPECIES + 1) + s]; p < bounds[row * (N_SPECIES + 1) + s + 1]; p++) {
      const double* vector = vectors + 4 * ((long long)row * room + p);
      if (vector[3] >= cutoff) continue;
      know(pair, vector, nodes + (long long)s * n_nodes * 3 * CHANNELS,
           weights + (long long)s * n_nodes * 3 * (RANK + 1) * WEIGHTED, n_nodes, start, inverse_step);
#pragma unroll
      for (int m = 0; m < ROUNDS; m++) {
        const int e = lane + 32 * m;
        if (e >= ENTRIES) continue;
        const int own = exponents[e / CHANNELS], i = own & 255, j = own >> 8 & 255, k = own >> 16;
        sum[m] += pair.value[e % CHANNELS] * pair.weight[i + j + k] * pair.powers[0][i] * pair.powers[1][j] * pair.powers[2][k];
      }
      __syncwarp();
    }
#pragma unroll
    for (int m = 0; m < ROUNDS; m++)
      if (lane + 32 * m < ENTRIES) out[lane + 32 * m] += sum[m];
  }
}

// Args: as above; gradient (n, SETS, MONOMIALS, CHANNELS): dE/dA. Out: as in deep_potential.cu; virials are added to.
extern "C" __global__ void __launch_bounds__(32 * WARPS) pair_forces(
    int n, int room, const int* __restrict__ centres, const int* __restrict__ bounds, const int* __restrict__ partners,
    const double* __restrict__ vectors, double cutoff, const double* __restrict__ nodes, const double* __restrict__ weights,
    int n_nodes, double start, double inverse_step, const int* __restrict__ exponents, const double* __restrict__ gradient,
    const int* __restrict__ owners, fixed* forces, double* virials, fixed* atom_virials) {
  __shared__ Pair pairs[WARPS];
  const int row = row_id(), lane = lane_id();
  if (row >= n) return;
  Pair& pair = pairs[warp_id()];
  const int i_own = centres[row];
  Collected collected;
  for (int s = 0; s < N_SPECIES; s++) {
    const double* by = gradient + ((long long)row * SETS + (BY_NEIGHBOR ? s : 0)) * ENTRIES;
    for (int p = bounds[row * (N_SPECIES + 1) + s]; p < bounds[row * (N_SPECIES + 1) + s + 1]; p++) {
      const long long at = (long long)row * room + p;
      const double* v = vectors + 4 * at;
      if (v[3] >= cutoff) continue;
      know(pair, v, nodes + (long long)s * n_nodes * 3 * CHANNELS,
           weights + (long long)s * n_nodes * 3 * (RANK + 1) * WEIGHTED, n_nodes, start, inverse_step);
      double along = 0, q[3] = {0, 0, 0};
      for (int e = lane; e < ENTRIES; e += 32) {
        const int own = exponents[e / CHANNELS], c = e % CHANNELS, i = own & 255, j = own >> 8 & 255, k = own >> 16;
        const double x = pair.powers[0][i], y = pair.powers[1][j], z = pair.powers[2][k], w = pair.weight[i + j + k];
        along += by[e] * (pair.slope[c] * w + pair.value[c] * pair.weight_slope[i + j + k]) * x * y * z;
        const double b = by[e] * pair.value[c] * w;
        if (i) q[0] += b * i * pair.powers[0][i - 1] * y * z;
        if (j) q[1] += b * j * x * pair.powers[1][j - 1] * z;
        if (k) q[2] += b * k * x * y * pair.powers[2][k - 1];
      }
      along = warp_sum(along);
      for (int a = 0; a < 3; a++) q[a] = warp_sum(q[a]) / v[3];
      along -= q[0] * v[0] + q[1] * v[1] + q[2] * v[2];
      if (lane == 0) {
        const double g[3] = {along * v[0] + q[0], along * v[1] + q[1], along * v[2] + q[2]};
        const double d[3] = {v[3] * v[0], v[3] * v[1], v[3] * v[2]};
        scatter_pair(collected, d, g, owners[i_own], owners[partners[at]], forces, atom_virials);
      }
      __syncwarp();
    }
  }
  // Virials of an earlier moment set of the same centres stay.
  for (int a = 0; a < 9 && lane == 0; a++) collected.virial[a] += virials[9 * (long long)row + a];
  __syncwarp();
  scatter_centre(collected, owners[i_own], row, forces, virials);
}
#ifdef CUDA_CPU
CUDA_CPU_EXPORT(moments)
CUDA_CPU_EXPORT(pair_forces)
#endif
