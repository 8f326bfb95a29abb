// Steps between two rebuilds of the neighbour lists: velocity Verlet, alone or with a Nose-Hoover chain or Langevin
// thermostat, as dynamics/integrators does them. Nothing here waits for the host. Where an atom has gone so far that the lists
// no longer hold, the step stops before its second half, and all that is started after it does nothing.
#include "common.cuh"

// Arrays numbers, control and scalars: MotionNumber, MotionControl and MotionScalar of gpu/places.py.

__device__ __forceinline__ double kT_at(const double* numbers, double step) {
  const double done = numbers[RAMP_STEPS] > 0 ? fmin((step - numbers[RAMP_FIRST]) / numbers[RAMP_STEPS], 1.0) : 0.0;
  return numbers[KT] + (numbers[KT_END] - numbers[KT]) * done;
}

// chain.half_step: moves the chain by dt/2, scales the kinetic energy, and returns the factor for the velocities.
__device__ double chain_half_step(const double* numbers, double kT, double* s) {
  const double dt = numbers[DT], freedom = numbers[FREEDOM], twice_kinetic = 2 * s[KINETIC];
  const double drag = 1.0 - dt * numbers[DRAG] / numbers[TIME];
  double q[3], *rates = s + RATES, *accelerations = s + ACCELERATIONS;
  q[1] = q[2] = kT * numbers[TIME] * numbers[TIME];
  q[0] = q[1] * fmax(freedom, 1.0);
  accelerations[0] = (twice_kinetic - freedom * kT) / q[0];
  for (int k = 2; k >= 0; k--) {
    const double damping = exp(-0.125 * dt * (k < 2 ? rates[k + 1] : 0.0));
    rates[k] = (rates[k] * damping + 0.25 * dt * accelerations[k]) * drag * damping;
  }
  const double factor = exp(-0.5 * dt * rates[0]);
  accelerations[0] = (twice_kinetic * factor * factor - freedom * kT) / q[0];
  for (int k = 0; k < 3; k++) s[CHAIN + k] += 0.5 * dt * rates[k];
  for (int k = 0; k < 3; k++) {
    const double damping = exp(-0.125 * dt * (k < 2 ? rates[k + 1] : 0.0));
    if (k > 0) accelerations[k] = (q[k - 1] * rates[k - 1] * rates[k - 1] - kT) / q[k];
    rates[k] = (rates[k] * damping + 0.25 * dt * accelerations[k]) * damping;
  }
  s[KINETIC] *= factor * factor;
  return factor;
}

// One warp. Before a step: the chain's first half step. Factors stay apart, so that the bits of the velocities do not
// depend on whether the host has looked, and multiplied, between two steps.
extern "C" __global__ void begin_chain(const double* numbers, const int* control, double* scalars) {
  if (threadIdx.x || control[HALTED]) return;
  const double kT = kT_at(numbers, numbers[FIRST_STEP] + control[DONE] + 1);
  scalars[FACTOR] = chain_half_step(numbers, kT, scalars);
  scalars[LAST] = scalars[PENDING];
  scalars[PENDING] = 1.0;
}

// Philox4x32-10 and Box-Muller, as dynamics/random.py.
__device__ void normals(unsigned long long seed, unsigned long long step, unsigned long long id, double* out) {
  unsigned c[4] = {(unsigned)id, (unsigned)(id >> 32), (unsigned)step, (unsigned)(step >> 32) ^ ((unsigned)LANGEVIN << 24)};
  unsigned k0 = (unsigned)seed, k1 = (unsigned)(seed >> 32);
  for (int round = 0; round < 10; round++) {
    const unsigned h0 = __umulhi(0xD2511F53u, c[0]), l0 = 0xD2511F53u * c[0];
    const unsigned h1 = __umulhi(0xCD9E8D57u, c[2]), l1 = 0xCD9E8D57u * c[2];
    c[0] = h1 ^ c[1] ^ k0, c[1] = l1, c[2] = h0 ^ c[3] ^ k1, c[3] = l0;
    k0 += 0x9E3779B9u, k1 += 0xBB67AE85u;
  }
  const double scale = 1.0 / 4294967296.0, radius = sqrt(-2.0 * log((c[0] + 0.5) * scale));
  double s, t;
  sincospi(2.0 * c[1] * scale, &s, &t);
  out[0] = radius * t, out[1] = radius * s;
  sincospi(2.0 * c[3] * scale, &s, &t);
  out[2] = sqrt(-2.0 * log((c[2] + 0.5) * scale)) * t;
}

// First half of a step: v += a dt/2, x += v dt; with Langevin's friction and noise in the middle of the drift (BAOAB).
// half_mass (n,): m/2 in eV fs^2/A^2, of which the kinetic energy is made; inverse_mass (n,): 0 for frozen atoms.
// Out: heat, of each warp: the energy that the thermostat gave.
extern "C" __global__ void begin_step(
    int n, const double* __restrict__ numbers, int* control, const double* __restrict__ scalars,
    const double* __restrict__ half_mass, const double* __restrict__ inverse_mass, const double* __restrict__ built_at,
    const fixed* __restrict__ forces, int is_langevin, unsigned long long seed, const long long* __restrict__ ids, double* x,
    double* v, double* heat) {
  if (control[HALTED]) return;
  const int i = blockIdx.x * blockDim.x + threadIdx.x;
  const double dt = numbers[DT];
  double gained = 0, moved2 = 0;
  if (i < n) {
    double noise[3] = {0, 0, 0}, friction = 1, thermal = 0;
    if (is_langevin) {
      const double step = numbers[FIRST_STEP] + control[DONE];
      friction = exp(-dt / numbers[TIME]);
      thermal = sqrt((1.0 - friction * friction) * kT_at(numbers, step + 1) * inverse_mass[i]);
      normals(seed, (unsigned long long)step, ids[i], noise);
    }
#pragma unroll
    for (int c = 0; c < 3; c++) {
      const int e = 3 * i + c;
      double own = v[e] * scalars[LAST] * scalars[FACTOR], at = x[e];
      own += 0.5 * dt * inverse_mass[i] * from_fixed(forces[e]);
      if (is_langevin) {
        const double before = own;
        at += 0.5 * dt * own;
        own = friction * own + thermal * noise[c];
        gained += half_mass[i] * (own * own - before * before);
        at += 0.5 * dt * own;
      } else {
        at += dt * own;
      }
      v[e] = own, x[e] = at;
      moved2 += (at - built_at[e]) * (at - built_at[e]);
    }
    if (!(moved2 <= numbers[ALLOWED2])) control[MOVED] = 1;  // whoever writes writes the same
    if (!(moved2 <= numbers[LOST2])) control[LOST] = 1;
  }
  if (is_langevin) {
    gained = warp_sum(gained);
    if (lane_id() == 0) heat[i >> 5] = gained;
  }
  float farthest = (float)moved2;
#pragma unroll
  for (int d = 16; d > 0; d >>= 1) farthest = fmaxf(farthest, __shfl_xor_sync(FULL, farthest, d));
  if (lane_id() == 0) atomicMax(control + FARTHEST, __float_as_int(farthest));
}

// Ghosts after the atoms that they are images of: x = x_owner + shift.
extern "C" __global__ void place_ghosts(
    int count, int n, const int* __restrict__ owners, const double* __restrict__ shifts, double* x) {
  const int g = blockIdx.x * blockDim.x + threadIdx.x;
  if (g >= count) return;
  for (int c = 0; c < 3; c++) x[3 * (n + g) + c] = x[3 * owners[n + g] + c] + shifts[3 * g + c];
}

// Second half: v += a dt/2. Out: kinetic, of each warp.
extern "C" __global__ void end_step(
    int n, const double* __restrict__ numbers, const int* __restrict__ control, const double* __restrict__ half_mass,
    const double* __restrict__ inverse_mass, const fixed* __restrict__ forces, double* v, double* kinetic) {
  if (control[HALTED] || control[MOVED]) return;
  const int i = blockIdx.x * blockDim.x + threadIdx.x;
  double sum = 0;
  if (i < n) {
#pragma unroll
    for (int c = 0; c < 3; c++) {
      const int e = 3 * i + c;
      const double own = v[e] + 0.5 * numbers[DT] * inverse_mass[i] * from_fixed(forces[e]);
      v[e] = own;
      sum += half_mass[i] * own * own;
    }
  }
  sum = warp_sum(sum);
  if (lane_id() == 0) kinetic[i >> 5] = sum;
}

// One warp. After a step: sums of the warps, always in the same order; second half step of the chain; whether to go on.
extern "C" __global__ void end_chain(
    int n_warps, const double* numbers, const int* status, int with_chain, int is_langevin, const double* kinetic,
    double* heat, int* control, double* scalars) {
  if (control[HALTED]) return;
  double sum = 0, gained = 0;
  for (int w = lane_id(); w < n_warps; w += 32) {
    sum += kinetic[w];
    if (is_langevin) gained += heat[w], heat[w] = 0;  // counted with the first half of a step, also of one that stops
  }
  sum = warp_sum(sum), gained = warp_sum(gained);
  if (lane_id()) return;
  if (is_langevin) scalars[HEAT] += gained;
  if (control[MOVED] || status[CONTACT]) {
    control[HALTED] = 1;
    return;
  }
  control[TRUNCATED_MOST] = max(control[TRUNCATED_MOST], status[TRUNCATED]);
  scalars[KINETIC] = sum;
  if (with_chain) scalars[PENDING] = chain_half_step(numbers, kT_at(numbers, numbers[FIRST_STEP] + control[DONE] + 1), scalars);
  control[DONE]++;
  if (!(2 * scalars[KINETIC] <= numbers[TWICE_KINETIC])) control[HALTED] = 1;
}
#ifdef CUDA_CPU
CUDA_CPU_EXPORT(begin_chain)
CUDA_CPU_EXPORT(begin_step)
CUDA_CPU_EXPORT(place_ghosts)
CUDA_CPU_EXPORT(end_step)
CUDA_CPU_EXPORT(end_chain)
#endif
