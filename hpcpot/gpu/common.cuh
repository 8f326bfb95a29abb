// What all kernels share. A warp works on one atom; blocks of WARPS warps never wait for one another.
#pragma once

#ifndef REAL
#define REAL double
#endif
typedef REAL real;
typedef unsigned long long fixed;  // two's complement

#ifndef WARPS
#define WARPS 4
#endif
#define FULL 0xffffffffu

// Forces are summed as integers in units of 2^-40 eV/A (9e-13; up to 8e6 eV/A): the same bits in whatever order the
// additions come, and momentum is conserved exactly. FIXED_ONE, places in arrays and NO_ATOM: gpu/places.py.

__device__ __forceinline__ int lane_id() { return threadIdx.x & 31; }
__device__ __forceinline__ int warp_id() { return threadIdx.x >> 5; }
__device__ __forceinline__ int row_id() { return blockIdx.x * WARPS + warp_id(); }
__device__ __forceinline__ unsigned lanes_below() { return (1u << lane_id()) - 1u; }

__device__ __forceinline__ long long to_fixed(double value) { return __double2ll_rn(value * FIXED_ONE); }
__device__ __forceinline__ double from_fixed(fixed value) { return (long long)value * (1.0 / FIXED_ONE); }
__device__ __forceinline__ void add_fixed(fixed* to, long long value) { atomicAdd(to, (fixed)value); }

template <class T> __device__ __forceinline__ T warp_sum(T value) {
#pragma unroll
  for (int d = 16; d > 0; d >>= 1) value += __shfl_xor_sync(FULL, value, d);
  return value;
}

// Sums of four values over the warp, in ten shuffles: halves are exchanged until each lane has one value of one sum.
__device__ __forceinline__ void warp_sum4(real* v) {
  const bool high = lane_id() & 16, odd = lane_id() & 8;
  const real a = (high ? v[2] : v[0]) + __shfl_xor_sync(FULL, high ? v[0] : v[2], 16);
  const real b = (high ? v[3] : v[1]) + __shfl_xor_sync(FULL, high ? v[1] : v[3], 16);
  real sum = (odd ? b : a) + __shfl_xor_sync(FULL, odd ? a : b, 8);
#pragma unroll
  for (int d = 4; d > 0; d >>= 1) sum += __shfl_xor_sync(FULL, sum, d);
#pragma unroll
  for (int k = 0; k < 4; k++) v[k] = __shfl_sync(FULL, sum, 8 * k);
}

// Neighbouring numbers that are read 16 bytes at a time.
constexpr int V = 16 / sizeof(real);
struct Pack {
  real v[V];
};
__device__ __forceinline__ Pack load(const real* p) {
#ifdef CUDA_CPU
  Pack pack;
  for (int k = 0; k < V; k++) pack.v[k] = p[k];
  return pack;
#else
  const float4 bits = __ldg((const float4*)p);
  return *(const Pack*)&bits;
#endif
}

// tables.basis and tables.basis_slope at t in [0, 1].
__device__ __forceinline__ void hermite(real t, real* b) {
  const real t2 = t * t, t3 = t2 * t, s = t3 * (10 - 15 * t + 6 * t2);
  b[0] = 1 - s;
  b[1] = t - t3 * (6 - 8 * t + 3 * t2);
  b[2] = (real)0.5 * (t2 - t3 * (3 - 3 * t + t2));
  b[3] = s;
  b[4] = t3 * (-4 + 7 * t - 3 * t2);
  b[5] = (real)0.5 * t3 * (1 - 2 * t + t2);
}
__device__ __forceinline__ void hermite_slope(real t, real* d) {
  const real t2 = t * t, s = 30 * t2 * (1 - 2 * t + t2);
  d[0] = -s;
  d[1] = 1 - t2 * (18 - 32 * t + 15 * t2);
  d[2] = t - (real)0.5 * t2 * (9 - 12 * t + 5 * t2);
  d[3] = s;
  d[4] = t2 * (-12 + 28 * t - 15 * t2);
  d[5] = (real)0.5 * t2 * (3 - 8 * t + 5 * t2);
}

// Adds the gradient g of E with respect to (r_j - r_i) of one pair to what a warp's lanes collect.
struct Collected {
  long long force[3] = {0, 0, 0};
  double virial[9] = {0, 0, 0, 0, 0, 0, 0, 0, 0};
};
__device__ __forceinline__ void scatter_pair(
    Collected& own, const double* r, const double* g, int i, int j, fixed* forces, fixed* atom_virials) {
#pragma unroll
  for (int a = 0; a < 3; a++) {
    const long long f = to_fixed(g[a]);
    own.force[a] += f;
    add_fixed(forces + 3 * (long long)j + a, -f);
#pragma unroll
    for (int b = 0; b < 3; b++) {
      own.virial[3 * a + b] -= r[a] * g[b];
      if (atom_virials) {
        const long long half = to_fixed(-0.5 * r[a] * g[b]);
        add_fixed(atom_virials + 9 * (long long)i + 3 * a + b, half);
        add_fixed(atom_virials + 9 * (long long)j + 3 * a + b, half);
      }
    }
  }
}
// The centre's own force, and its share of the virial into its row.
__device__ __forceinline__ void scatter_centre(Collected& own, int i, int row, fixed* forces, double* virials) {
#pragma unroll
  for (int a = 0; a < 3; a++) {
    const long long f = warp_sum(own.force[a]);
    if (lane_id() == a) add_fixed(forces + 3 * (long long)i + a, f);
  }
#pragma unroll
  for (int a = 0; a < 9; a++) {
    const double w = warp_sum(own.virial[a]);
    if (lane_id() == a) virials[9 * (long long)row + a] = w;
  }
}
