// Neighbour lists by bins, as neighbors/pairs.py makes them: the same pairs in the same order.
#include "common.cuh"

// Box of bins: atom at x is in bin (int)((x - low) / size) of each axis, flattened with z innermost.
struct Bins {
  double low[3], size;
  int counts[3];
};

__device__ __forceinline__ Bins bins_of(const double* numbers) {
  Bins b;
  for (int c = 0; c < 3; c++) b.low[c] = numbers[BIN_LOW + c], b.counts[c] = (int)numbers[BIN_COUNTS + c];
  b.size = numbers[BIN_SIDE];
  return b;
}
__device__ __forceinline__ int bin_along(const Bins& b, int c, double x) {
  return max(0, min((int)((x - b.low[c]) / b.size), b.counts[c] - 1));
}

// numbers: BinNumber of gpu/places.py. Out: keys (m,), the bin of each atom.
extern "C" __global__ void find_bins(
    int m, const double* __restrict__ positions, const double* __restrict__ numbers, int* keys) {
  const int i = blockIdx.x * blockDim.x + threadIdx.x;
  if (i >= m) return;
  const Bins b = bins_of(numbers);
  const int x = bin_along(b, 0, positions[3 * i]), y = bin_along(b, 1, positions[3 * i + 1]);
  keys[i] = (x * b.counts[1] + y) * b.counts[2] + bin_along(b, 2, positions[3 * i + 2]);
}

// starts (bins + 1,): where each bin begins among the sorted keys.
extern "C" __global__ void find_starts(int m, const int* __restrict__ keys, int n_bins, int* starts) {
  const int p = blockIdx.x * blockDim.x + threadIdx.x;
  if (p >= m) return;
  for (int b = p ? keys[p - 1] + 1 : 0; b <= keys[p]; b++) starts[b] = p;
  if (p == m - 1)
    for (int b = keys[p] + 1; b <= n_bins; b++) starts[b] = m;
}

// The neighbours of each centre, in order of bins and then of atoms. A warp for each; 32 candidates at once, of which
// for bins of half the reach one in four is a neighbour. Beyond `room` they are counted only.
// Args: order (m,): atoms by bin; sorted (m, 3): their positions.
// Out: count (n,), neighbors (n, room); status[LONGEST].
extern "C" __global__ void __launch_bounds__(32 * WARPS) search(
    int n, const double* __restrict__ positions, const int* __restrict__ order, const double* __restrict__ sorted,
    const int* __restrict__ starts, const double* __restrict__ numbers, int span, double reach2, int room, int* count,
    int* neighbors, int* status) {
  const int i = row_id(), lane = lane_id();
  if (i >= n) return;
  const Bins b = bins_of(numbers);
  const double x = positions[3 * i], y = positions[3 * i + 1], z = positions[3 * i + 2];
  const int bx = bin_along(b, 0, x), by = bin_along(b, 1, y), bz = bin_along(b, 2, z);
  const int z_first = max(bz - span, 0), z_last = min(bz + span, b.counts[2] - 1);
  int* own = neighbors + (long long)i * room;
  int at = 0;
  for (int cx = max(bx - span, 0); cx <= min(bx + span, b.counts[0] - 1); cx++)
    for (int cy = max(by - span, 0); cy <= min(by + span, b.counts[1] - 1); cy++) {
      const int line = (cx * b.counts[1] + cy) * b.counts[2], end = starts[line + z_last + 1];
      for (int q = starts[line + z_first]; q < end; q += 32) {
        const int p = q + lane;
        bool inside = false;
        if (p < end) {
          const double dx = sorted[3 * p] - x, dy = sorted[3 * p + 1] - y, dz = sorted[3 * p + 2] - z;
          inside = dx * dx + dy * dy + dz * dz < reach2 && order[p] != i;
        }
        const unsigned found = __ballot_sync(FULL, inside);
        const int to = at + __popc(found & lanes_below());
        if (inside && to < room) own[to] = order[p];
        at += __popc(found);
      }
    }
  if (lane == 0) {
    count[i] = at;
    atomicMax(status + LONGEST, at);
  }
}
#ifdef CUDA_CPU
CUDA_CPU_EXPORT(find_bins)
CUDA_CPU_EXPORT(find_starts)
CUDA_CPU_EXPORT(search)
#endif
