// Replays a heap trace with the C library's own malloc and writes what it did: the oracle of @heapwright/ptmalloc.
//
// Usage: placement TRACE OUT [MAPS]
//
// OUT   little-endian u64 words: the program break before the first op, then for every op a, c, m, r the pointer
//       returned and for every op f the break after it. A line t gives no word.
// MAPS  /proc/self/maps before the first op and, after a line "--", after the last one.
//
// Every thread of the trace is a real thread, created before the first op; each op runs on its own thread, one at
// a time, and threads live until the end. Nothing here allocates between the two maps but the trace itself. Creating
// a thread makes the main thread call calloc(17, 2 * word), the only heap operations before the first op.
#define _GNU_SOURCE
#include <fcntl.h>
#include <malloc.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#define MAX_SLOTS (1 << 22)
#define MAX_THREADS 64

static void *slot[MAX_SLOTS];
static char *cursor, *end;
static sem_t turn[MAX_THREADS], done;
static int threads = 1, next_thread;

static uint64_t words[1 << 16];
static int used, out_fd;
static char maps_buffer[1 << 18];

static void flush(void) {
  char *bytes = (char *)words;
  long left = used * 8L;
  while (left) {
    long written = write(out_fd, bytes, left);
    if (written <= 0) _exit(3);
    bytes += written;
    left -= written;
  }
  used = 0;
}

static void emit(uint64_t word) {
  words[used++] = word;
  if (used == 1 << 16) flush();
}

static void emit_pointer(void *p) { emit((uint64_t)(uintptr_t)p); }
static void emit_break(void) { emit((uint64_t)(uintptr_t)syscall(SYS_brk, 0)); }

static uint64_t number(void) {
  uint64_t value = 0;
  while (*cursor == ' ') cursor++;
  while (*cursor >= '0' && *cursor <= '9') value = value * 10 + (*cursor++ - '0');
  return value;
}

// Runs ops until the trace changes its thread or ends. Returns the next thread, or -1 at the end.
static int run(void) {
  while (cursor < end) {
    uint64_t s, a, b;
    int next = -1;
    switch (*cursor++) {
      case 'a': s = number(); a = number(); emit_pointer(slot[s] = malloc(a)); break;
      case 'c': s = number(); a = number(); b = number(); emit_pointer(slot[s] = calloc(a, b)); break;
      case 'm': s = number(); a = number(); b = number(); emit_pointer(slot[s] = memalign(a, b)); break;
      case 'r': s = number(); a = number(); emit_pointer(slot[s] = realloc(slot[s], a)); break;
      case 'f': s = number(); free(slot[s]); slot[s] = 0; emit_break(); break;
      case 't': next = (int)number(); break;
    }
    while (cursor < end && *cursor != '\n') cursor++;
    cursor++;
    if (next >= 0) return next;
  }
  return -1;
}

static void *body(void *argument) {
  for (;;) {
    sem_wait(&turn[(long)argument]);
    next_thread = run();
    sem_post(&done);
  }
  return 0;
}

static void write_maps(int fd) {
  int maps = open("/proc/self/maps", O_RDONLY);
  long n;
  while ((n = read(maps, maps_buffer, sizeof maps_buffer)) > 0)
    if (write(fd, maps_buffer, n) != n) _exit(3);
  close(maps);
}

int main(int argc, char **argv) {
  struct stat st;
  int trace = open(argv[1], O_RDONLY);
  if (trace < 0 || fstat(trace, &st)) return 2;
  cursor = mmap(0, st.st_size + 4096, PROT_READ, MAP_PRIVATE, trace, 0);
  end = cursor + st.st_size;
  for (char *line = cursor; line + 11 < end && *line == '#'; line++) {
    if (!memcmp(line, "# threads: ", 11)) threads = atoi(line + 11);
    while (line < end && *line != '\n') line++;
  }
  if (threads > MAX_THREADS) return 2;
  out_fd = open(argv[2], O_WRONLY | O_CREAT | O_TRUNC, 0644);
  int maps_fd = argc > 3 ? open(argv[3], O_WRONLY | O_CREAT | O_TRUNC, 0644) : -1;
  sem_init(&done, 0, 0);
  for (long i = 1; i < threads; i++) {
    pthread_t thread;
    sem_init(&turn[i], 0, 0);
    if (pthread_create(&thread, 0, body, (void *)i)) return 4;
  }
  if (maps_fd >= 0) write_maps(maps_fd);
  emit_break();
  for (int current = 0; current >= 0;) {
    if (current == 0) {
      current = run();
    } else {
      sem_post(&turn[current]);
      sem_wait(&done);
      current = next_thread;
    }
  }
  flush();
  if (maps_fd >= 0) {
    if (write(maps_fd, "--\n", 3) != 3) return 3;
    write_maps(maps_fd);
  }
  _exit(0);
}
