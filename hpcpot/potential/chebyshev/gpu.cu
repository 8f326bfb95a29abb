// The Chebyshev descriptor of aenet: pairs -> moments -> descriptors, and back to forces. O(neighbours), without tables.
//
// A warp for each centre. Radial sums: a lane for each neighbour, T_n by recursion. Angular sums: a lane for each monomial
// u_x^p u_y^q u_z^r up to the angular order, all neighbours in turn. Angular descriptors follow from the moments, see
// Chebyshev.readout. With p neighbours, a of them within the angular cutoff and M monomials an atom needs
//   descriptors: about p (60 + 6 N_r) + 6 a M + 3 N_a M FLOP
//   pair_forces: about p (60 + 12 N_r) + 14 a M
// For Li-Si (p = 100, a = 57, N_r = 16, M = 35, N_a = 4) that is 0.1 MFLOP, and 1.6 KB of sums written and read again.
//
// N_SPECIES; RADIAL_ORDER, ANGULAR_ORDER: N_r, N_a; PITCH: numbers in a row of Batch, above 31; REAL.
#include "common.cuh"

constexpr int N_RADIAL = RADIAL_ORDER + 1, N_ANGULAR = ANGULAR_ORDER + 1;
constexpr int MONOMIALS = (ANGULAR_ORDER + 1) * (ANGULAR_ORDER + 2) * (ANGULAR_ORDER + 3) / 6;
constexpr int KINDS = N_SPECIES > 1 ? 2 : 1;  // plain, and weighted by the neighbours' spins
constexpr int HALF = N_RADIAL + N_ANGULAR, INPUTS = KINDS * HALF;

__device__ __forceinline__ void cosine_cutoff(real r, real cutoff, real& f, real& slope) {
  real s, c;
  if constexpr (sizeof(real) == 4) {
    sincospif((float)(r / cutoff), (float*)&s, (float*)&c);
  } else {
    sincospi((double)(r / cutoff), (double*)&s, (double*)&c);
  }
  f = (real)0.5 * (c + 1);
  slope = (real)(-0.5 * 3.14159265358979323846) / cutoff * s;
}

// One column for each neighbour of a batch: powers of its unit vector, f_c and spin f_c. Lanes read different powers of one
// neighbour, which lie in different banks, since rows (PITCH) are longer by one than the banks.
struct Batch {
  real x[N_ANGULAR][PITCH], y[N_ANGULAR][PITCH], z[N_ANGULAR][PITCH], weight[KINDS][PITCH];
};

__device__ __forceinline__ int species_of(const int* bounds, int p) {
  int t = 0;
#pragma unroll
  for (int s = 1; s < N_SPECIES; s++) t += p >= bounds[s];
  return t;
}

// Args: bounds, vectors: of the environment. spins (N_SPECIES,). powers (N_ANGULAR, MONOMIALS), at_one (N_ANGULAR,): of
// Chebyshev.angular_powers. exponents (MONOMIALS,): p + 256 q + 65536 r. scale, offset (INPUTS,).
// Out: inputs (n, INPUTS), (G - offset) scale; sums (n, KINDS, MONOMIALS).
extern "C" __global__ void __launch_bounds__(32 * WARPS) descriptors(
    int n, int room, const int* __restrict__ bounds, const real* __restrict__ vectors, real radial_cutoff, real angular_cutoff,
    const real* __restrict__ spins, const real* __restrict__ powers, const real* __restrict__ at_one,
    const int* __restrict__ exponents, const real* __restrict__ scale, const real* __restrict__ offset, real* inputs,
    real* sums_out) {
  __shared__ Batch batches[WARPS];
  __shared__ real sums_of[WARPS][KINDS * MONOMIALS];
  const int row = row_id(), lane = lane_id();
  if (row >= n) return;
  const int* own = bounds + row * (N_SPECIES + 1);
  const real* vector = vectors + 4 * (long long)row * room;
  const int count = own[N_SPECIES];
  Batch& batch = batches[warp_id()];
  constexpr int ROUNDS = (MONOMIALS + 31) / 32;
  real radial[KINDS][N_RADIAL] = {}, self[KINDS] = {}, moment[KINDS][ROUNDS] = {};
  int mine[ROUNDS];
#pragma unroll
  for (int m = 0; m < ROUNDS; m++) mine[m] = lane + 32 * m < MONOMIALS ? exponents[lane + 32 * m] : 0;
  for (int start = 0; start < count; start += 32) {
    const int p = start + lane;
    const bool is_there = p < count;
    const real* v = vector + 4 * (is_there ? p : start);
    const real r = v[3], spin = KINDS > 1 ? spins[species_of(own, p)] : (real)1;
    real f, slope;
    cosine_cutoff(r, radial_cutoff, f, slope);
    if (!is_there) f = 0;
    const real x2 = 4 * r / radial_cutoff - 2;
    real before = f, now = (real)0.5 * x2 * f;
#pragma unroll
    for (int k = 0; k < N_RADIAL; k++) {
      radial[0][k] += before;
      if constexpr (KINDS > 1) radial[1][k] += spin * before;
      const real next = x2 * now - before;
      before = now, now = next;
    }
    const bool is_close = is_there && r < angular_cutoff;
    cosine_cutoff(r, angular_cutoff, f, slope);
    if (!is_close) f = 0;
    self[0] += f * f;
    batch.weight[0][lane] = f;
    if constexpr (KINDS > 1) self[1] += spin * spin * f * f, batch.weight[1][lane] = spin * f;
    real px = 1, py = 1, pz = 1;
#pragma unroll
    for (int k = 0; k < N_ANGULAR; k++) {
      batch.x[k][lane] = px, batch.y[k][lane] = py, batch.z[k][lane] = pz;
      px *= v[0], py *= v[1], pz *= v[2];
    }
    unsigned close = __ballot_sync(FULL, is_close);
    __syncwarp();
    while (close) {
      const int q = __ffs(close) - 1;
      close &= close - 1;
#pragma unroll
      for (int m = 0; m < ROUNDS; m++) {
        const real omega = batch.x[mine[m] & 255][q] * batch.y[mine[m] >> 8 & 255][q] * batch.z[mine[m] >> 16][q];
#pragma unroll
        for (int w = 0; w < KINDS; w++) moment[w][m] += batch.weight[w][q] * omega;
      }
    }
    __syncwarp();
  }
  real* sums = sums_of[warp_id()];
#pragma unroll
  for (int w = 0; w < KINDS; w++) {
#pragma unroll
    for (int m = 0; m < ROUNDS; m++) {
      const int a = lane + 32 * m;
      if (a < MONOMIALS) {
        sums[w * MONOMIALS + a] = moment[w][m];
        sums_out[((long long)row * KINDS + w) * MONOMIALS + a] = moment[w][m];
      }
    }
    self[w] = warp_sum(self[w]);
#pragma unroll
    for (int k = 0; k < N_RADIAL; k++) {
      const real total = warp_sum(radial[w][k]);
      const int d = w * HALF + k;
      if (lane == 0) inputs[(long long)row * INPUTS + d] = (total - offset[d]) * scale[d];
    }
  }
  __syncwarp();
  for (int e = lane; e < KINDS * N_ANGULAR; e += 32) {
    const int w = e / N_ANGULAR, k = e % N_ANGULAR, d = w * HALF + N_RADIAL + k;
    real total = -(KINDS > 1 && w ? self[KINDS - 1] : self[0]) * at_one[k];
    for (int a = 0; a < MONOMIALS; a++) total += powers[k * MONOMIALS + a] * sums[w * MONOMIALS + a] * sums[w * MONOMIALS + a];
    inputs[(long long)row * INPUTS + d] = ((real)0.5 * total - offset[d]) * scale[d];
  }
}

// Args: as above; by_inputs (n, INPUTS): gradient with respect to the scaled inputs. owners, forces, virials,
// atom_virials: as in deep_potential.cu.
extern "C" __global__ void __launch_bounds__(32 * WARPS) pair_forces(
    int n, int room, const int* __restrict__ centres, const int* __restrict__ bounds, const int* __restrict__ partners,
    const real* __restrict__ vectors, real radial_cutoff, real angular_cutoff, const real* __restrict__ spins,
    const real* __restrict__ powers, const real* __restrict__ at_one, const real* __restrict__ scale,
    const real* __restrict__ sums_in, const real* __restrict__ by_inputs, const int* __restrict__ owners, fixed* forces,
    double* virials, fixed* atom_virials) {
  __shared__ real by_moment_of[WARPS][KINDS * MONOMIALS], by_radial_of[WARPS][KINDS * N_RADIAL];
  const int row = row_id(), lane = lane_id();
  if (row >= n) return;
  real *by_moment = by_moment_of[warp_id()], *by_radial = by_radial_of[warp_id()];
  const real* by = by_inputs + (long long)row * INPUTS;
  real by_self[KINDS];
#pragma unroll
  for (int w = 0; w < KINDS; w++) {
    by_self[w] = 0;
    real angular[N_ANGULAR];
#pragma unroll
    for (int k = 0; k < N_ANGULAR; k++) {
      angular[k] = by[w * HALF + N_RADIAL + k] * scale[w * HALF + N_RADIAL + k];
      by_self[w] += angular[k] * at_one[k];
    }
    for (int a = lane; a < MONOMIALS; a += 32) {
      real sum = 0;
#pragma unroll
      for (int k = 0; k < N_ANGULAR; k++) sum += angular[k] * powers[k * MONOMIALS + a];
      by_moment[w * MONOMIALS + a] = sum * sums_in[((long long)row * KINDS + w) * MONOMIALS + a];
    }
    for (int k = lane; k < N_RADIAL; k += 32) by_radial[w * N_RADIAL + k] = by[w * HALF + k] * scale[w * HALF + k];
  }
  __syncwarp();
  const int* own = bounds + row * (N_SPECIES + 1);
  const int count = own[N_SPECIES], i = centres[row];
  const real x_slope = 2 / radial_cutoff;
  Collected collected;
  for (int p = lane; p < count; p += 32) {
    const long long at = (long long)row * room + p;
    const real *v = vectors + 4 * at, r = v[3], spin = KINDS > 1 ? spins[species_of(own, p)] : (real)1;
    real f, f_slope, value = 0, slope = 0;
    cosine_cutoff(r, radial_cutoff, f, f_slope);
    // T_k and U_{k - 1}, of which T_k' = k U_{k - 1}.
    const real x2 = 4 * r / radial_cutoff - 2;
    real t = 1, t_next = (real)0.5 * x2, u = 0, u_next = 1;
#pragma unroll
    for (int k = 0; k < N_RADIAL; k++) {
      const real c = by_radial[k] + (KINDS > 1 ? spin * by_radial[(KINDS - 1) * N_RADIAL + k] : (real)0);
      value += c * t, slope += c * k * u;
      const real t_after = x2 * t_next - t, u_after = x2 * u_next - u;
      t = t_next, t_next = t_after, u = u_next, u_next = u_after;
    }
    real along = value * f_slope + slope * x_slope * f, turn = 0, q[3] = {};
    if (r < angular_cutoff) {
      cosine_cutoff(r, angular_cutoff, f, f_slope);
      real x[N_ANGULAR], y[N_ANGULAR], z[N_ANGULAR], moment = 0;
      x[0] = y[0] = z[0] = 1;
#pragma unroll
      for (int k = 1; k < N_ANGULAR; k++) x[k] = x[k - 1] * v[0], y[k] = y[k - 1] * v[1], z[k] = z[k - 1] * v[2];
      int a = 0;
#pragma unroll
      for (int d = 0; d < N_ANGULAR; d++)
#pragma unroll
        for (int e = d; e >= 0; e--)
#pragma unroll
          for (int g = d - e; g >= 0; g--, a++) {
            const int h = d - e - g;
            const real b = by_moment[a] + (KINDS > 1 ? spin * by_moment[(KINDS - 1) * MONOMIALS + a] : (real)0);
            const real xy = x[e] * y[g], bz = b * z[h];
            moment += bz * xy;
            if (e > 0) q[0] += e * bz * x[e > 0 ? e - 1 : 0] * y[g];
            if (g > 0) q[1] += g * bz * x[e] * y[g > 0 ? g - 1 : 0];
            if (h > 0) q[2] += h * b * z[h > 0 ? h - 1 : 0] * xy;
          }
      const real self = by_self[0] + (KINDS > 1 ? spin * spin * by_self[KINDS - 1] : (real)0);
      along += f_slope * (moment - self * f);
      turn = f / r;
      along -= turn * (q[0] * v[0] + q[1] * v[1] + q[2] * v[2]);
    }
    const double g[3] = {along * v[0] + turn * q[0], along * v[1] + turn * q[1], along * v[2] + turn * q[2]};
    const double d[3] = {(double)r * v[0], (double)r * v[1], (double)r * v[2]};
    scatter_pair(collected, d, g, owners[i], owners[partners[at]], forces, atom_virials);
  }
  scatter_centre(collected, owners[i], row, forces, virials);
}
#ifdef CUDA_CPU
CUDA_CPU_EXPORT(descriptors)
CUDA_CPU_EXPORT(pair_forces)
#endif
