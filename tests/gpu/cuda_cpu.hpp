// Runs plain CUDA C++ kernels on the CPU, for tests of their results (g++ -x c++ -std=c++17 -include cuda_cpu.hpp).
//
// One thread of the operating system. The threads of a block are fibers that switch at __syncwarp(), shuffles and votes;
// blocks, and within them warps, run one after the other. So __shared__ memory, atomics and full-warp intrinsics behave.
// From one of these points to the next the lanes of a warp run upwards or downwards, by chance: what needs a __syncwarp()
// that is not there, sooner or later finds the wrong number.
// Not modelled: races between warps, memory order, launch limits, speed; __syncthreads(), which would need all warps at once.
#pragma once
#include <math.h>
#include <ucontext.h>

#include <cstdint>
#include <cstring>
#include <functional>
#include <utility>
#include <vector>

#define __global__
#define __device__
#define __host__
#define __forceinline__ inline
#define __constant__ static
#define __shared__ static  // one block at a time: a static is the block's
#define __launch_bounds__(...)
#define __restrict__ __restrict
#define CUDA_CPU 1

struct Index3 { unsigned x = 1, y = 1, z = 1; };

namespace cuda_cpu {
inline Index3 thread, block, threads, blocks;

struct Fiber {
  ucontext_t start;
  void* stack_pointer = nullptr;
  std::vector<char> stack;
  bool done = true;
};

inline Fiber fibers[32];
inline void* scheduler;
inline unsigned lane;
inline std::function<void()> body;
inline uint64_t exchanged[32];
inline uint32_t chance = 1;

#if defined(__x86_64__)
// Saves the registers that a call must keep, and goes on with another stack: far cheaper than swapcontext.
extern "C" void cuda_cpu_switch(void** from, void* to);
asm(R"(
.text
.weak cuda_cpu_switch
cuda_cpu_switch:
  pushq %rbp
  pushq %rbx
  pushq %r12
  pushq %r13
  pushq %r14
  pushq %r15
  movq %rsp, (%rdi)
  movq %rsi, %rsp
  popq %r15
  popq %r14
  popq %r13
  popq %r12
  popq %rbx
  popq %rbp
  ret
)");
inline void enter();
inline void prepare(Fiber& fiber) {
  uintptr_t top = reinterpret_cast<uintptr_t>(fiber.stack.data() + fiber.stack.size()) & ~uintptr_t(15);
  void** at = reinterpret_cast<void**>(top) - 8;
  for (int k = 0; k < 8; k++) at[k] = nullptr;
  at[6] = reinterpret_cast<void*>(&enter);
  fiber.stack_pointer = at;
}
inline void resume(Fiber& fiber) { cuda_cpu_switch(&scheduler, fiber.stack_pointer); }
inline void yield() { unsigned own = lane; cuda_cpu_switch(&fibers[own].stack_pointer, scheduler); }
#else
inline ucontext_t scheduler_context;
inline void enter();
inline void prepare(Fiber& fiber) {
  getcontext(&fiber.start);
  fiber.start.uc_stack.ss_sp = fiber.stack.data();
  fiber.start.uc_stack.ss_size = fiber.stack.size();
  fiber.start.uc_link = nullptr;
  makecontext(&fiber.start, enter, 0);
}
inline void resume(Fiber& fiber) { swapcontext(&scheduler_context, &fiber.start); }
inline void yield() { unsigned own = lane; swapcontext(&fibers[own].start, &scheduler_context); }
#endif

inline void enter() {
  body();
  fibers[lane].done = true;
  yield();
}

inline void run_warp(unsigned first) {
  unsigned count = threads.x - first < 32 ? threads.x - first : 32, left = count;
  for (unsigned k = 0; k < count; k++) {
    if (fibers[k].stack.empty()) fibers[k].stack.resize(256 * 1024);
    fibers[k].done = false;
    prepare(fibers[k]);
  }
  while (left) {
    chance = 1664525u * chance + 1013904223u;
    for (unsigned n = 0; n < count; n++) {
      const unsigned k = chance >> 31 ? count - 1 - n : n;
      if (fibers[k].done) continue;
      lane = k;
      thread.x = first + k, thread.y = thread.z = 0;
      resume(fibers[k]);
      left -= fibers[k].done;
    }
  }
}

inline void launch(unsigned n_blocks, unsigned n_threads, std::function<void()> kernel) {
  body = std::move(kernel);
  blocks.x = n_blocks, threads.x = n_threads;
  for (block.x = 0, block.y = block.z = 0; block.x < n_blocks; block.x++)
    for (unsigned first = 0; first < n_threads; first += 32) run_warp(first);
}

template <class T> inline T from_lane(T value, unsigned source) {
  static_assert(sizeof(T) <= 8, "shuffles move up to 8 bytes");
  uint64_t bits = 0;
  memcpy(&bits, &value, sizeof(T));
  exchanged[lane] = bits;
  yield();
  bits = exchanged[source];
  yield();
  memcpy(&value, &bits, sizeof(T));
  return value;
}
template <class... A, size_t... I> void call(void (*kernel)(A...), void** a, std::index_sequence<I...>) {
  kernel(*static_cast<std::remove_reference_t<A>*>(a[I])...);
}
template <class... A> void run(void (*kernel)(A...), unsigned n_blocks, unsigned n_threads, void** a) {
  launch(n_blocks, n_threads, [=] { call(kernel, a, std::index_sequence_for<A...>{}); });
}
}  // namespace cuda_cpu

#define threadIdx (cuda_cpu::thread)
#define blockIdx (cuda_cpu::block)
#define blockDim (cuda_cpu::threads)
#define gridDim (cuda_cpu::blocks)

inline void __syncwarp(unsigned = ~0u) { cuda_cpu::yield(); }
template <class T> inline T __shfl_sync(unsigned, T v, int source) { return cuda_cpu::from_lane(v, source & 31); }
template <class T> inline T __shfl_xor_sync(unsigned, T v, int mask) { return cuda_cpu::from_lane(v, cuda_cpu::lane ^ mask); }
template <class T> inline T __shfl_up_sync(unsigned, T v, unsigned d) {
  return cuda_cpu::from_lane(v, cuda_cpu::lane >= d ? cuda_cpu::lane - d : cuda_cpu::lane);
}
inline unsigned __ballot_sync(unsigned, int predicate) {
  cuda_cpu::exchanged[cuda_cpu::lane] = predicate != 0;
  cuda_cpu::yield();
  unsigned bits = 0;
  for (unsigned k = 0; k < 32; k++) bits |= unsigned(cuda_cpu::exchanged[k]) << k;
  cuda_cpu::yield();
  return bits;
}
inline int __popc(unsigned x) { return __builtin_popcount(x); }
inline int __ffs(unsigned x) { return __builtin_ffs(int(x)); }
template <class T> inline T __ldg(const T* p) { return *p; }
template <class T> inline T atomicAdd(T* p, T v) { T o = *p; *p = o + v; return o; }
template <class T> inline T atomicMax(T* p, T v) { T o = *p; *p = o > v ? o : v; return o; }
template <class T> inline T atomicMin(T* p, T v) { T o = *p; *p = o < v ? o : v; return o; }
inline int min(int a, int b) { return a < b ? a : b; }
inline int max(int a, int b) { return a > b ? a : b; }
inline long long __double2ll_rn(double x) { return llrint(x); }
inline int __float_as_int(float x) { int bits; memcpy(&bits, &x, 4); return bits; }
inline unsigned __umulhi(unsigned a, unsigned b) { return unsigned((uint64_t(a) * b) >> 32); }
inline void sincospi(double x, double* s, double* c) { *s = sin(M_PI * x), *c = cos(M_PI * x); }
inline void sincospif(float x, float* s, float* c) { double t, u; sincospi(x, &t, &u); *s = float(t), *c = float(u); }

// void run_NAME(blocks, threads, pointers to the arguments), for ctypes.
#define CUDA_CPU_EXPORT(name) \
  extern "C" void run_##name(unsigned b, unsigned t, void** a) { cuda_cpu::run(name, b, t, a); }
