// A Deep Potential in reduced radial functions (moments/reduced.py): pairs -> moments -> invariants, and back.
//
// A warp for each centre of one species. Eight lanes share a pair, and each holds as many functions as 16 bytes do, so
// that tables are read 16 bytes at a time and a pair's sums take three shuffles. With K functions, p pairs and D
// invariants an atom needs
//   moments:      p K (6 + 4) fused multiply-adds and 6 p K table entries (from L1: tables are 60 to 500 KB in all)
//                 + 4 K AXIS + 4 D; writes 4 K + 4 AXIS + D numbers
//   pair_forces:  8 D + 4 K AXIS + p K (12 + 4 + 5); reads those, and adds 3 p + 3 integers to the forces
// For Li-Si (K = 64 to 72 in all, p = 50, D = 1,100) that is 0.15 MFLOP in 20 KB, beside 1.5 MFLOP of the network.
//
// N_SPECIES; WIDTHS: functions of each neighbour species, multiples of 4; AXIS; N_INVARIANTS; REAL.
#include "common.cuh"

constexpr int WIDTH[N_SPECIES] = {WIDTHS};
__host__ __device__ constexpr int offset_of(int t) { return t == 0 ? 0 : offset_of(t - 1) + WIDTH[t - 1]; }
constexpr int CHANNELS = offset_of(N_SPECIES);
constexpr int LOW = 4 * AXIS;
constexpr int TOGETHER = 8 * V;  // functions that a pair's eight lanes hold at once


// What the lane whose pair it is knows of it: weights and their slopes.
struct Pair {
  real u[3], r, radial, radial_slope, angular, angular_slope, fraction;
  int interval;
};

__device__ __forceinline__ Pair know(
    const real* vector, const real* __restrict__ numbers, real start, real inverse_step, int last) {
  Pair p;
  p.u[0] = vector[0], p.u[1] = vector[1], p.u[2] = vector[2], p.r = vector[3];
  const real width = 1 / (numbers[SWITCH_TO] - numbers[SWITCH_FROM]);
  const real v = (p.r - numbers[SWITCH_FROM]) * width, u = v < 0 ? (real)0 : v > 1 ? (real)1 : v;
  const real w = u * u * u * (u * (15 - 6 * u) - 10) + 1, w1 = -30 * u * u * (u - 1) * (u - 1) * width;
  const real q = 1 / (p.r + numbers[PROTECTION]);
  const real f = p.r * q, f1 = q - p.r * q * q, s = w * q, s1 = w1 * q - w * q * q;
  p.radial = s * numbers[RADIAL] - numbers[OFFSET], p.radial_slope = s1 * numbers[RADIAL];
  p.angular = s * f * numbers[ANGULAR], p.angular_slope = (s1 * f + s * f1) * numbers[ANGULAR];
  const real x = (p.r - start) * inverse_step;
  p.interval = max(0, min((int)x, last));  // contacts, which are refused later, stay inside the table
  p.fraction = x - p.interval;
  return p;
}

// What the eight lanes of a pair read of it; one column for each pair of a batch.
struct Batch {
  real value[6][32], slope[6][32], omega[4][32];
  int interval[32];
};

// The next 32 pairs at most, one a lane, into the batch; returns the lane's own. Those beyond the end count for nothing.
template <bool WITH_SLOPE> __device__ __forceinline__ Pair take_pairs(
    Batch& batch, int at, int end, const real* vectors, const real* __restrict__ numbers, real start, real inverse_step,
    int last) {
  const int lane = lane_id();
  const bool is_there = at + lane < end;
  const Pair p = know(vectors + 4 * (is_there ? at + lane : at), numbers, start, inverse_step, last);
  real b[6];
  hermite(p.fraction, b);
#pragma unroll
  for (int k = 0; k < 6; k++) batch.value[k][lane] = b[k];
  if constexpr (WITH_SLOPE) {
    hermite_slope(p.fraction, b);
#pragma unroll
    for (int k = 0; k < 6; k++) batch.slope[k][lane] = b[k];
  }
  batch.interval[lane] = is_there ? p.interval : 0;
  batch.omega[0][lane] = is_there ? p.radial : (real)0;
#pragma unroll
  for (int a = 0; a < 3; a++) batch.omega[a + 1][lane] = is_there ? p.angular * p.u[a] : (real)0;
  __syncwarp();
  return p;
}

// One pair of a batch: its Hermite functions, its Omega, and the W functions at its node of the table.
struct Column {
  real value[6], omega[4];
  const real* node;
};

template <int W> __device__ __forceinline__ Column read_column(const Batch& batch, int q, const real* table) {
  Column c;
#pragma unroll
  for (int k = 0; k < 6; k++) c.value[k] = batch.value[k][q];
#pragma unroll
  for (int a = 0; a < 4; a++) c.omega[a] = batch.omega[a][q];
  c.node = table + (long long)batch.interval[q] * 3 * W;
  return c;
}

// A'[a, k] of neighbour species T, and after it.
template <int T> __device__ __forceinline__ void add_moments(
    const int* bounds, const real* vectors, const real* __restrict__ nodes, int n_nodes, const real* __restrict__ numbers,
    real start, real inverse_step, Batch& batch, real* moments) {
  constexpr int W = WIDTH[T], ROUNDS = (W + TOGETHER - 1) / TOGETHER, OFFSET_T = offset_of(T);
  const int lane = lane_id(), first = V * (lane & 7), end = bounds[T + 1];
  const real* table = nodes + (long long)n_nodes * 3 * OFFSET_T;
  real sum[ROUNDS][4][V] = {};
  for (int at = bounds[T]; at < end; at += 32) {
    take_pairs<false>(batch, at, end, vectors, numbers + T * N_NUMBERS, start, inverse_step, n_nodes - 2);
    for (int q = lane >> 3; at + (q & ~3) < end && q < 32; q += 4) {
      const Column c = read_column<W>(batch, q, table);
#pragma unroll
      for (int m = 0; m < ROUNDS; m++) {
        if (first + TOGETHER * m < W) {
          Pack l[6];
#pragma unroll
          for (int k = 0; k < 6; k++) l[k] = load(c.node + first + TOGETHER * m + k * W);
#pragma unroll
          for (int v = 0; v < V; v++) {
            real value = 0;
#pragma unroll
            for (int k = 0; k < 6; k++) value += c.value[k] * l[k].v[v];
#pragma unroll
            for (int a = 0; a < 4; a++) sum[m][a][v] += c.omega[a] * value;
          }
        }
      }
    }
    __syncwarp();
  }
#pragma unroll
  for (int m = 0; m < ROUNDS; m++)
#pragma unroll
    for (int a = 0; a < 4; a++)
#pragma unroll
      for (int v = 0; v < V; v++) {
        real s = sum[m][a][v];
        s += __shfl_xor_sync(FULL, s, 8);
        s += __shfl_xor_sync(FULL, s, 16);
        const int c = first + TOGETHER * m + v;
        if (lane < 8 && c < W) moments[a * CHANNELS + OFFSET_T + c] = s;
      }
  if constexpr (T + 1 < N_SPECIES)
    add_moments<T + 1>(bounds, vectors, nodes, n_nodes, numbers, start, inverse_step, batch, moments);
}

// Args: bounds, vectors: of the environment. nodes: for each species t (nodes, 3, WIDTH[t]). numbers (N_SPECIES,
// N_NUMBERS). slots: of each species; empty (N_SPECIES, CHANNELS): what an empty one adds to A'[0]. project (CHANNELS,
// AXIS). places (N_INVARIANTS,): q * CHANNELS + k of each invariant.
// Out: moments (n, 4, CHANNELS), low (n, 4, AXIS): T = A' P, invariants (n, N_INVARIANTS).
extern "C" __global__ void __launch_bounds__(32 * WARPS) moments(
    int n, int room, const int* __restrict__ bounds, const real* __restrict__ vectors, const real* __restrict__ nodes,
    int n_nodes, const real* __restrict__ numbers, real start, real inverse_step, const real* __restrict__ slots,
    const real* __restrict__ empty, const real* __restrict__ project, const int* __restrict__ places, real* moments_out,
    real* low_out, real* invariants) {
  __shared__ Batch batches[WARPS];
  __shared__ real moments_of[WARPS][4 * CHANNELS], low_of[WARPS][LOW];
  const int row = row_id(), lane = lane_id();
  if (row >= n) return;
  real *own = moments_of[warp_id()], *low = low_of[warp_id()];
  const int* of_species = bounds + row * (N_SPECIES + 1);
  add_moments<0>(of_species, vectors + 4 * (long long)row * room, nodes, n_nodes, numbers, start, inverse_step,
                 batches[warp_id()], own);
  __syncwarp();
  for (int k = lane; k < CHANNELS; k += 32) {
    real sum = own[k];
#pragma unroll
    for (int t = 0; t < N_SPECIES; t++)
      sum += (slots[t] - (of_species[t + 1] - of_species[t])) * empty[t * CHANNELS + k];
    own[k] = sum;
  }
  __syncwarp();
  for (int e = lane; e < LOW; e += 32) {
    const int a = e / AXIS, q = e % AXIS;
    real sum = 0;
    for (int k = 0; k < CHANNELS; k++) sum += own[a * CHANNELS + k] * project[k * AXIS + q];
    low[e] = sum;
    low_out[(long long)row * LOW + e] = sum;
  }
  for (int e = lane; e < 4 * CHANNELS; e += 32) moments_out[(long long)row * 4 * CHANNELS + e] = own[e];
  __syncwarp();
  for (int d = lane; d < N_INVARIANTS; d += 32) {
    const int q = places[d] / CHANNELS, k = places[d] % CHANNELS;
    real sum = 0;
#pragma unroll
    for (int a = 0; a < 4; a++) sum += own[a * CHANNELS + k] * low[a * AXIS + q];
    invariants[(long long)row * N_INVARIANTS + d] = sum;
  }
}

// Forces of the pairs of neighbour species T, and after it.
template <int T> __device__ __forceinline__ void add_forces(
    const int* bounds, const int* partners, const real* vectors, const real* __restrict__ nodes, int n_nodes,
    const real* __restrict__ numbers, real start, real inverse_step, const real* gradient, Batch& batch, real (*sums)[32],
    int i, Collected& collected, const int* __restrict__ owners, fixed* forces, fixed* atom_virials) {
  constexpr int W = WIDTH[T], ROUNDS = (W + TOGETHER - 1) / TOGETHER, OFFSET_T = offset_of(T);
  const int lane = lane_id(), first = V * (lane & 7), end = bounds[T + 1];
  const real* table = nodes + (long long)n_nodes * 3 * OFFSET_T;
  real b_own[ROUNDS][4][V];
#pragma unroll
  for (int m = 0; m < ROUNDS; m++)
#pragma unroll
    for (int a = 0; a < 4; a++)
#pragma unroll
      for (int v = 0; v < V; v++) {
        const int c = first + TOGETHER * m + v;
        b_own[m][a][v] = c < W ? gradient[a * CHANNELS + OFFSET_T + c] : (real)0;
      }
  for (int at = bounds[T]; at < end; at += 32) {
    const Pair own = take_pairs<true>(batch, at, end, vectors, numbers + T * N_NUMBERS, start, inverse_step, n_nodes - 2);
    for (int q = lane >> 3; at + (q & ~3) < end && q < 32; q += 4) {
      const Column c = read_column<W>(batch, q, table);
      real d[6], sum[5] = {};
#pragma unroll
      for (int k = 0; k < 6; k++) d[k] = batch.slope[k][q];
#pragma unroll
      for (int m = 0; m < ROUNDS; m++) {
        if (first + TOGETHER * m < W) {
          Pack l[6];
#pragma unroll
          for (int k = 0; k < 6; k++) l[k] = load(c.node + first + TOGETHER * m + k * W);
#pragma unroll
          for (int v = 0; v < V; v++) {
            real value = 0, slope = 0, by_omega = 0;
#pragma unroll
            for (int k = 0; k < 6; k++) value += c.value[k] * l[k].v[v], slope += d[k] * l[k].v[v];
#pragma unroll
            for (int a = 0; a < 4; a++) by_omega += c.omega[a] * b_own[m][a][v], sum[a] += b_own[m][a][v] * value;
            sum[4] += by_omega * slope;
          }
        }
      }
#pragma unroll
      for (int k = 0; k < 5; k++) {
#pragma unroll
        for (int x = 1; x < 8; x <<= 1) sum[k] += __shfl_xor_sync(FULL, sum[k], x);
        if ((lane & 7) == k) sums[k][q] = sum[k];
      }
    }
    __syncwarp();
    if (at + lane < end) {
      const real p0 = sums[0][lane], p1 = sums[1][lane], p2 = sums[2][lane], p3 = sums[3][lane];
      const real across = p1 * own.u[0] + p2 * own.u[1] + p3 * own.u[2], turn = own.angular / own.r;
      const real along =
          sums[4][lane] * inverse_step + p0 * own.radial_slope + across * own.angular_slope - across * turn;
      const double g[3] = {along * own.u[0] + p1 * turn, along * own.u[1] + p2 * turn, along * own.u[2] + p3 * turn};
      const double r[3] = {(double)own.r * own.u[0], (double)own.r * own.u[1], (double)own.r * own.u[2]};
      scatter_pair(collected, r, g, owners[i], owners[partners[at + lane]], forces, atom_virials);
    }
    __syncwarp();
  }
  if constexpr (T + 1 < N_SPECIES)
    add_forces<T + 1>(bounds, partners, vectors, nodes, n_nodes, numbers, start, inverse_step, gradient, batch, sums, i,
                      collected, owners, forces, atom_virials);
}

// Args: as above; owners (m,): onto whose force a ghost's goes; rows (AXIS, CHANNELS): place of each invariant, or -1.
// by_invariants (n, N_INVARIANTS): dE/dD'.
// Out: forces (m, 3) and atom_virials (m, 9) or null, added to; virials (n, 9).
extern "C" __global__ void __launch_bounds__(32 * WARPS) pair_forces(
    int n, int room, const int* __restrict__ centres, const int* __restrict__ bounds, const int* __restrict__ partners,
    const real* __restrict__ vectors, const real* __restrict__ nodes, int n_nodes, const real* __restrict__ numbers,
    real start, real inverse_step, const real* __restrict__ project, const int* __restrict__ rows,
    const real* __restrict__ moments_in, const real* __restrict__ low_in, const real* __restrict__ by_invariants,
    const int* __restrict__ owners, fixed* forces, double* virials, fixed* atom_virials) {
  __shared__ Batch batches[WARPS];
  __shared__ real gradient_of[WARPS][4 * CHANNELS], sums_of[WARPS][5][32];
  const int row = row_id(), lane = lane_id();
  if (row >= n) return;
  const real *own = moments_in + (long long)row * 4 * CHANNELS, *low = low_in + (long long)row * LOW;
  const real* by = by_invariants + (long long)row * N_INVARIANTS;
  real* gradient = gradient_of[warp_id()];
  constexpr int ROUNDS = (CHANNELS + 31) / 32;
  real a_own[ROUNDS][4], b_own[ROUNDS][4] = {};
#pragma unroll
  for (int m = 0; m < ROUNDS; m++)
#pragma unroll
    for (int a = 0; a < 4; a++) a_own[m][a] = lane + 32 * m < CHANNELS ? own[a * CHANNELS + lane + 32 * m] : (real)0;
  for (int q = 0; q < AXIS; q++) {
    real by_low[4] = {}, y[4];
#pragma unroll
    for (int a = 0; a < 4; a++) y[a] = low[a * AXIS + q];
#pragma unroll
    for (int m = 0; m < ROUNDS; m++) {
      const int k = lane + 32 * m, d = k < CHANNELS ? rows[q * CHANNELS + k] : -1;
      const real g = d >= 0 ? by[d] : (real)0;
#pragma unroll
      for (int a = 0; a < 4; a++) b_own[m][a] += y[a] * g, by_low[a] += a_own[m][a] * g;
    }
    warp_sum4(by_low);
#pragma unroll
    for (int m = 0; m < ROUNDS; m++) {
      const real p = lane + 32 * m < CHANNELS ? project[(lane + 32 * m) * AXIS + q] : (real)0;
#pragma unroll
      for (int a = 0; a < 4; a++) b_own[m][a] += by_low[a] * p;
    }
  }
#pragma unroll
  for (int m = 0; m < ROUNDS; m++)
#pragma unroll
    for (int a = 0; a < 4; a++)
      if (lane + 32 * m < CHANNELS) gradient[a * CHANNELS + lane + 32 * m] = b_own[m][a];
  __syncwarp();
  Collected collected;
  const int i = centres[row];
  const long long first = (long long)row * room;
  add_forces<0>(bounds + row * (N_SPECIES + 1), partners + first, vectors + 4 * first, nodes, n_nodes, numbers, start,
                inverse_step, gradient, batches[warp_id()], sums_of[warp_id()], i, collected, owners, forces, atom_virials);
  scatter_centre(collected, owners[i], row, forces, virials);
}
#ifdef CUDA_CPU
CUDA_CPU_EXPORT(moments)
CUDA_CPU_EXPORT(pair_forces)
#endif
