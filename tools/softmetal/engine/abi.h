// What the engine and a compiled kernel library know of each other. Kernels include it before the macros of the Metal
// Shading Language, without any standard header.
#pragma once

enum { SM_BUFFERS = 31, SM_GROUP_THREADS = 1024, SM_LANES = 32, SM_GROUP_BYTES = 32768, SM_BYTES = 4096 };
enum sm_wait { SM_WAIT_GROUP = 1, SM_WAIT_SIMDGROUP = 2 };
enum sm_kind : unsigned char { SM_BUFFER = 1, SM_GROUP_MEMORY = 2 };

struct sm_thread;

// The threadgroup that runs, as its threads see it.
struct sm_group {
  void* buffer[SM_BUFFERS];
  void* group_memory[SM_BUFFERS];  // of [[threadgroup(i)]]
  char* variables;                 // those that the kernel's body declares
  sm_thread* threads;
  unsigned position[3], size[3], full_size[3], groups[3], grid[3], origin[3];
  unsigned count, simdgroups;
};

struct sm_thread {
  sm_group* group;
  unsigned in_grid[3], in_group[3];
  unsigned index, lane, simdgroup;
  int patience;      // atomic accesses until others may run
  bool adversarial;  // stores may be late, compare-exchanges may fail
  bool late_host;    // so may the host's
  unsigned pending;  // stores that others do not see yet
  unsigned parity;   // simdgroup functions exchange values in turns of two
  unsigned long long exchanged[2][4];
  // ThreadSanitizer's view: who this is, who publishes what stood before its last fence, what it loaded since.
  void *fiber, *publisher, *fence;
  bool fenced;
  unsigned loads;
  const void* loaded[32];
};

struct sm_argument {
  const char* name;
  sm_kind kind;
  bool is_reference, writable;
  unsigned index, size, align, data_type;
};

// A threadgroup variable of a kernel's body; the engine gives it its offset.
struct sm_variable {
  const void* owner;
  unsigned size, align, offset;
  sm_variable* next;
};

struct sm_constant {
  const char* name;
  unsigned index, data_type;
};

struct sm_kernel {
  const char* name;
  void (*entry)(sm_thread*);
  const void* owner;  // of its variables
  const sm_argument* arguments;
  unsigned argument_count, max_threads;
};

struct sm_module {
  const sm_kernel* kernels;
  unsigned kernel_count;
  sm_variable** variables;
  const sm_constant* constants;
  unsigned constant_count;
};

extern "C" {
extern thread_local sm_thread* sm_current;
void sm_barrier(sm_wait kind, bool device_memory, int line);
void sm_let_others_run(void);
bool sm_fails_for_no_reason(void);
void sm_store_late(volatile void* to, const void* value, unsigned size);
bool sm_load_own(const volatile void* from, void* value, unsigned size);
void sm_settle(const volatile void* of);                 // null: all of this thread's stores
void sm_see_host(const volatile void* at, bool surely);  // null: all that the host has written
void sm_missing_constant(const char* name, unsigned index);
void sm_tsan_fence(void);
void sm_tsan_publish(volatile void* to);
}
