/*
 * Replays an operation stream over the malloc that the process was started with (LD_PRELOAD chooses it), as
 * src/peers/js-driver.ts does over an allocator in JavaScript. The same stream, the same order of work:
 *
 *   1. a pass over the whole stream, which warms caches and grows the heap; all blocks are then freed;
 *   2. five more such passes, timed from operation `timedFrom` on. The median is printed, and the sum of the least times of
 *      each chunk of operations, from whichever pass, which a busy machine disturbs little.
 *
 * Short streams are repeated within a pass.
 *
 * usage: driver STREAM time|memory|PASSES
 *
 * In memory mode each block is written when it is handed out, and the peak of what the heap holds is printed: the growth of
 * the resident set, and for glibc also the bytes that it has got from the system, by moving the break or mapping.
 *
 * A number instead of a mode: so many passes, untimed, for someone who counts what they do.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <malloc.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum { HEADER_WORDS = 8, MAPPED_FROM = 128 * 1024, LEAST_OPERATIONS = 2000000, WARM_PASSES = 1, TIMED_PASSES = 5, CHUNK = 8192 };

#ifdef NULL_ALLOCATOR
/* What the driver itself costs: calls that do nothing. */
static __attribute__((noinline)) void *null_allocate(size_t size) { __asm__ volatile("" ::"r"(size)); return (void *)16; }
static __attribute__((noinline)) void null_free(void *block) { __asm__ volatile("" ::"r"(block)); }
#define malloc(size) null_allocate(size)
#define calloc(count, size) null_allocate(size)
#define memalign(alignment, size) null_allocate(size)
#define realloc(block, size) null_allocate(size)
#define free(block) null_free(block)
#endif

static void **slots;

static int replay(const uint32_t *op, const uint32_t *end) {
  int failed = 0;
  for (; op < end; op += 2) {
    uint32_t slot = op[0] & 0xffffff;
    size_t size = op[1];
    switch (op[0] >> 24 & 7) {
      case 0: failed |= (slots[slot] = malloc(size)) == NULL; break;
      case 1: failed |= (slots[slot] = calloc(1, size)) == NULL; break;
      case 2: failed |= (slots[slot] = memalign((size_t)1 << (op[0] >> 27), size)) == NULL; break;
      case 3: failed |= (slots[slot] = realloc(slots[slot], size)) == NULL; break;
      default: free(slots[slot]); slots[slot] = NULL;
    }
  }
  return failed;
}

static void clear(uint32_t slot_count) {
  for (uint32_t slot = 0; slot < slot_count; slot++) {
    free(slots[slot]);
    slots[slot] = NULL;
  }
}

static size_t resident(const char *field) {
  char line[256];
  size_t kilobytes = 0;
  FILE *status = fopen("/proc/self/status", "r");
  while (status && fgets(line, sizeof line, status))
    if (strncmp(line, field, strlen(field)) == 0) sscanf(line + strlen(field), " %zu", &kilobytes);
  if (status) fclose(status);
  return kilobytes * 1024;
}

/* Writes each block, and follows what the heap holds after every operation that can change it. */
static size_t replay_touching(const uint32_t *op, const uint32_t *end, size_t slot_count, const char *origin) {
  size_t peak = 0, mapped = 0;
  uint32_t *sizes = mmap(NULL, slot_count * 4, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  for (; op < end; op += 2) {
    uint32_t slot = op[0] & 0xffffff;
    uint32_t before = sizes[slot];
    if (replay(op, op + 2)) return 0;
    sizes[slot] = op[1];
#ifndef NULL_ALLOCATOR
    if (slots[slot]) memset(slots[slot], 1, op[1]);
    /* mallinfo2 is too slow for every operation; only large blocks are mapped. */
    if (before >= MAPPED_FROM / 2 || op[1] >= MAPPED_FROM / 2) mapped = mallinfo2().hblkhd;
#endif
    size_t held = (size_t)((const char *)sbrk(0) - origin) + mapped;
    if (held > peak) peak = held;
  }
  return peak;
}

static double now(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return t.tv_sec * 1e9 + t.tv_nsec;
}

static int compare(const void *a, const void *b) {
  double difference = *(const double *)a - *(const double *)b;
  return (difference > 0) - (difference < 0);
}

int main(int argc, char **argv) {
  if (argc != 3) return fprintf(stderr, "usage: driver STREAM time|memory|PASSES\n"), 2;
  const char *origin = sbrk(0);
  int file = open(argv[1], O_RDONLY);
  struct stat info;
  if (file < 0 || fstat(file, &info) != 0) return perror(argv[1]), 2;
  uint32_t *stream = mmap(NULL, info.st_size, PROT_READ, MAP_PRIVATE | MAP_POPULATE, file, 0);
  uint32_t slot_count = stream[2], timed_from = stream[3];
  const uint32_t *ops = stream + HEADER_WORDS, *end = ops + (size_t)stream[1] * 2;
  slots = mmap(NULL, slot_count * sizeof *slots, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);

  if (strcmp(argv[2], "memory") == 0) {
    size_t before = resident("VmRSS:");
    size_t held = replay_touching(ops, end, slot_count, origin);
    size_t after = resident("VmHWM:");
    printf("{\"held\":%zu,\"resident\":%zu}\n", held, after - before);
    return 0;
  }
  size_t count = stream[1] - timed_from, chunks = (count + CHUNK - 1) / CHUNK;
  size_t repeats = timed_from > 0 ? 1 : (LEAST_OPERATIONS + count - 1) / count;
  double timings[TIMED_PASSES], sum_of_least = 0;
  double *least = mmap(NULL, chunks * sizeof *least, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  int failed = 0, passes = atoi(argv[2]);
  if (passes > 0) {
    for (size_t i = 0; i < passes * repeats; i++) {
      failed |= replay(ops, end);
      clear(slot_count);
    }
    printf("{\"operations\":%zu}\n", passes * repeats * stream[1]);
    return failed;
  }
  for (int pass = -WARM_PASSES; pass < TIMED_PASSES; pass++) {
    double nanoseconds = 0;
    for (size_t i = 0; i < repeats; i++) {
      failed |= replay(ops, ops + (size_t)timed_from * 2);
      for (size_t chunk = 0; chunk < chunks; chunk++) {
        const uint32_t *from = ops + (timed_from + chunk * CHUNK) * 2, *to = from + CHUNK * 2;
        double begin = now();
        failed |= replay(from, to < end ? to : end);
        double taken = now() - begin;
        nanoseconds += taken;
        if (least[chunk] == 0 || taken < least[chunk]) least[chunk] = taken;
      }
      clear(slot_count);
    }
    if (pass >= 0) timings[pass] = nanoseconds / (count * repeats);
  }
  qsort(timings, TIMED_PASSES, sizeof *timings, compare);
  for (size_t chunk = 0; chunk < chunks; chunk++) sum_of_least += least[chunk];
  if (failed) return fprintf(stderr, "exhausted\n"), 1;
  printf("{\"ns\":%.3f,\"least\":%.3f}\n", timings[TIMED_PASSES / 2], sum_of_least / count);
  return 0;
}
