// Records a program's malloc calls: preloaded into it (LD_PRELOAD), stands before the C library's malloc.
//
// Each call is a record of 32 bytes in the file that HEAPWRIGHT_RECORD names, written through a shared mapping: what was
// recorded is in the file however the program ends. The file ends where a record's op is 0.
//
//   +0  u32  op: 1 malloc, 2 calloc, 3 memalign, 4 realloc, 5 free
//   +4  u32  thread, from 0 in the order of their first call
//   +8  u64  the pointer returned; for free the pointer freed
//   +16 u64  size; for calloc the count
//   +24 u64  for calloc the size, for memalign the alignment, for realloc the old pointer
//
// A lock is held around each call, so that the records are in the order in which the heap saw the calls. Only this one
// process is recorded: not its forks, nor what they execute.
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

extern void *__libc_malloc(size_t);
extern void *__libc_calloc(size_t, size_t);
extern void *__libc_realloc(void *, size_t);
extern void *__libc_memalign(size_t, size_t);
extern void __libc_free(void *);

enum { MALLOC = 1, CALLOC, MEMALIGN, REALLOC, FREE };
enum { WINDOW = 1 << 24 };

struct record { uint32_t op, thread; uint64_t pointer, first, second; };

static atomic_flag held = ATOMIC_FLAG_INIT;
static enum { ASLEEP, ON, OFF } state;
static int file;
static off_t mapped;
static struct record *next, *end;
static uint32_t threads;
static __thread uint32_t self __attribute__((tls_model("initial-exec")));

static void lock(void) { while (atomic_flag_test_and_set_explicit(&held, memory_order_acquire)) sched_yield(); }
static void unlock(void) { atomic_flag_clear_explicit(&held, memory_order_release); }

static void off_in_child(void) { state = OFF; unlock(); }

static int map_next(void) {
  if (next) munmap(end - WINDOW / sizeof *end, WINDOW);
  if (ftruncate(file, mapped + WINDOW)) return 0;
  void *window = mmap(0, WINDOW, PROT_READ | PROT_WRITE, MAP_SHARED, file, mapped);
  if (window == MAP_FAILED) return 0;
  mapped += WINDOW;
  next = window;
  end = next + WINDOW / sizeof *end;
  return 1;
}

static void wake(void) {
  state = OFF;
  const char *path = getenv("HEAPWRIGHT_RECORD");
  if (!path) return;
  file = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  if (file < 0 || !map_next()) return;
  state = ON;
}

// What the program executes is not to be recorded, nor to see the recorder.
__attribute__((constructor)) static void begin(void) {
  lock();
  if (state == ASLEEP) wake();
  unlock();
  unsetenv("LD_PRELOAD");
  unsetenv("HEAPWRIGHT_RECORD");
  pthread_atfork(lock, unlock, off_in_child);
}

static void put(uint32_t op, const void *pointer, uint64_t first, uint64_t second) {
  if (state == ASLEEP) wake();
  if (state != ON) return;
  if (next == end && !map_next()) { state = OFF; return; }
  if (!self) self = ++threads;
  *next++ = (struct record){op, self - 1, (uintptr_t)pointer, first, second};
}

void *malloc(size_t size) {
  lock();
  void *p = __libc_malloc(size);
  put(MALLOC, p, size, 0);
  unlock();
  return p;
}

void *calloc(size_t count, size_t size) {
  lock();
  void *p = __libc_calloc(count, size);
  put(CALLOC, p, count, size);
  unlock();
  return p;
}

void *memalign(size_t alignment, size_t size) {
  lock();
  void *p = __libc_memalign(alignment, size);
  put(MEMALIGN, p, size, alignment);
  unlock();
  return p;
}

void *realloc(void *old, size_t size) {
  lock();
  void *p = __libc_realloc(old, size);
  put(REALLOC, p, size, (uintptr_t)old);
  unlock();
  return p;
}

void free(void *p) {
  if (!p) return;
  lock();
  put(FREE, p, 0, 0);
  __libc_free(p);
  unlock();
}

void *reallocarray(void *old, size_t count, size_t size) {
  size_t bytes;
  if (__builtin_mul_overflow(count, size, &bytes)) { errno = ENOMEM; return 0; }
  return realloc(old, bytes);
}

void *aligned_alloc(size_t alignment, size_t size) { return memalign(alignment, size); }
void *valloc(size_t size) { return memalign(sysconf(_SC_PAGESIZE), size); }

int posix_memalign(void **result, size_t alignment, size_t size) {
  if (alignment < sizeof(void *) || (alignment & (alignment - 1))) return EINVAL;
  void *p = memalign(alignment, size);
  if (!p) return ENOMEM;
  *result = p;
  return 0;
}
