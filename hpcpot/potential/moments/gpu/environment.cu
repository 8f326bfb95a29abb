// Which neighbours the other kernels sum over: those within the cutoff, sorted by species, no more than there are slots.
// A warp for each centre. Bytes for each: candidates * (4 + 24) in, kept * (4 + 4 sizeof(real)) out.
//
// N_SPECIES; SLOTS: most neighbours of each species, comma separated, or absent; CLOSEST: A.
#include "common.cuh"

// Keeps of the neighbours [0, count) what environment_cpu._keep_nearest keeps; rare, and quadratic in count.
__device__ void keep_nearest(int* counts, int* partners, real* vectors) {
#ifdef SLOTS
  constexpr int slots[N_SPECIES] = {SLOTS};
  int total = 0, count = 0;
  for (int t = 0; t < N_SPECIES; t++) total += slots[t], count += counts[t];
  for (int p = lane_id(); p < count; p += 32) {
    const real r = vectors[4 * p + 3];
    int nearer = 0, nearer_alike = 0;
    for (int t = 0, q = 0; t < N_SPECIES; t++) {
      const bool alike = p >= q && p < q + counts[t];
      for (const int end = q + counts[t]; q < end; q++) {
        const bool is_nearer = vectors[4 * q + 3] < r || (vectors[4 * q + 3] == r && q < p);
        nearer += is_nearer;
        nearer_alike += is_nearer && alike;
      }
    }
    for (int t = 0, q = 0; t < N_SPECIES; q += counts[t++])
      if (p >= q && p < q + counts[t] && (nearer >= total || nearer_alike >= slots[t])) partners[p] = ~partners[p];
  }
  __syncwarp();
  int at = 0, p0 = 0;
  for (int t = 0; t < N_SPECIES; t++) {
    const int end = p0 + counts[t], before = at;
    for (; p0 < end; p0 += 32) {
      const int p = p0 + lane_id();
      const int j = p < end ? partners[p] : -1;
      real v[4] = {0, 0, 0, 0};
      for (int c = 0; c < 4 && j >= 0; c++) v[c] = vectors[4 * p + c];
      const unsigned kept = __ballot_sync(FULL, j >= 0);
      __syncwarp();  // all have read before any writes; a vote orders no memory
      const int to = at + __popc(kept & lanes_below());
      if (j >= 0) partners[to] = j;
      for (int c = 0; c < 4 && j >= 0; c++) vectors[4 * to + c] = v[c];
      at += __popc(kept);
      __syncwarp();
    }
    p0 = end;
    counts[t] = at - before;
  }
#endif
}

// Args: centres (n,); begin, count: where the candidates of each atom lie in `neighbors`; room: most of them of an atom.
// Out: bounds (n, N_SPECIES + 1), where each species begins among partners (n, room) and vectors (n, room, 4): unit
// vector and distance.
extern "C" __global__ void __launch_bounds__(32 * WARPS) environment(
    int n, const int* __restrict__ centres, const double* __restrict__ positions, const int* __restrict__ species,
    const long long* __restrict__ begin, const int* __restrict__ count, const int* __restrict__ neighbors, double cutoff2,
    int room, int* bounds, int* partners, real* vectors, int* status) {
  const int row = row_id(), lane = lane_id();
  if (row >= n) return;
  const int i = centres[row], candidates = count[i];
  const int* own = neighbors + begin[i];
  const double x = positions[3 * i], y = positions[3 * i + 1], z = positions[3 * i + 2];
  int counts[N_SPECIES] = {}, at[N_SPECIES];
  for (int pass = 0; pass < 2; pass++) {
    for (int start = 0; start < candidates; start += 32) {
      const bool is_there = start + lane < candidates;
      const int j = is_there ? own[start + lane] : i;
      const double dx = positions[3 * j] - x, dy = positions[3 * j + 1] - y, dz = positions[3 * j + 2] - z;
      const double r2 = dx * dx + dy * dy + dz * dz;
      const bool inside = is_there && !(r2 >= cutoff2);  // a NaN stays and is found
      const int t_own = species[j];
#pragma unroll
      for (int t = 0; t < N_SPECIES; t++) {
        const unsigned kept = __ballot_sync(FULL, inside && t_own == t);
        if (pass == 0) counts[t] += __popc(kept);
        if (pass == 1 && inside && t_own == t) {
          const long long p = (long long)row * room + at[t] + __popc(kept & lanes_below());
          const double r = sqrt(r2), inverse = 1.0 / r;
          if (!(r >= CLOSEST)) atomicMax(status + CONTACT, NO_ATOM - i);
          partners[p] = j;
          vectors[4 * p] = dx * inverse, vectors[4 * p + 1] = dy * inverse, vectors[4 * p + 2] = dz * inverse;
          vectors[4 * p + 3] = r;
        }
        if (pass == 1) at[t] += __popc(kept);
      }
    }
    if (pass == 0)
      for (int t = 0, sum = 0; t < N_SPECIES; sum += counts[t++]) at[t] = sum;
  }
#ifdef SLOTS
  constexpr int slots[N_SPECIES] = {SLOTS};
  bool full = false;
#pragma unroll
  for (int t = 0; t < N_SPECIES; t++) full = full || counts[t] > slots[t];
  if (full) {
    __syncwarp();
    keep_nearest(counts, partners + (long long)row * room, vectors + 4 * (long long)row * room);
    if (lane == 0) atomicAdd(status + TRUNCATED, 1);
  }
#endif
  if (lane == 0) {
    int sum = 0;
    bounds[row * (N_SPECIES + 1)] = 0;
    for (int t = 0; t < N_SPECIES; t++) bounds[row * (N_SPECIES + 1) + t + 1] = sum += counts[t];
  }
}
#ifdef CUDA_CPU
CUDA_CPU_EXPORT(environment)
#endif
