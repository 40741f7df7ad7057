#define _GNU_SOURCE
#include "prelude.h"
#include <malloc.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

W Z;
static int tcache;
static W held_size, held[7];

W f_malloc(W bytes) { return (W)malloc(bytes); }
W f_calloc(W count, W bytes) { return (W)calloc(count, bytes); }
W f_realloc(W p, W bytes) { return (W)realloc((void *)p, bytes); }
W f_memalign(W alignment, W bytes) { return (W)memalign(alignment, bytes); }
W f_free(W p) { free((void *)p); return 0; }
W f_usable(W p) { return malloc_usable_size((void *)p); }
W f_A(W size) { return f_malloc(size - WORD); }
W f_C(W size) { return f_calloc(1, size - WORD); }

W f_hold(W size) {
  held_size = size;
  for (int i = 0; i < 7; i++) held[i] = f_A(size);
  return 0;
}
W f_fill(void) {
  for (int i = 0; tcache && i < 7; i++) f_free(held[i]);
  return 0;
}
W f_drain(void) {
  for (int i = 0; tcache && i < 7; i++) f_A(held_size);
  return 0;
}

W f_sbrk(W increment) { return (W)sbrk((intptr_t)increment); }
W f_map(W address, W length) {
  void *at = mmap((void *)address, length, PROT_READ | PROT_WRITE,
                  MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0);
  if (at != (void *)address) _exit(5);
  return address;
}
W f_unmap(W address, W length) { return munmap((void *)address, length); }
W f_trim(W pad) { return malloc_trim(pad); }
W f_mallopt(W parameter, W value) { return mallopt((int)parameter, (int)value); }
W f_mallinfo(void) { mallinfo(); return 0; }
W f_stats(void) { malloc_stats(); return 0; }
W f_info(void) { malloc_info(0, stderr); return 0; }

// A value that the program must find, in a program that runs to its end.
W f_expect(W value, W expected) {
  if (value == expected) return 0;
  dprintf(2, "found %#zx, not %#zx\n", (size_t)value, (size_t)expected);
  _exit(6);
}

static struct { pthread_t id; int alive; sem_t turn; void (*part)(void); } thread[8];
static sem_t done;

static void *body(void *argument) {
  int me = (int)(W)argument;
  for (;;) {
    sem_wait(&thread[me].turn);
    if (!thread[me].part) return 0;
    thread[me].part();
    sem_post(&done);
  }
}
void run_on(W n, void (*part)(void)) {
  if (!thread[n].alive) {
    thread[n].alive = 1;
    sem_init(&thread[n].turn, 0, 0);
    pthread_create(&thread[n].id, 0, body, (void *)n);
  }
  thread[n].part = part;
  sem_post(&thread[n].turn);
  sem_wait(&done);
}
W f_end(W n) {
  thread[n].part = 0;
  sem_post(&thread[n].turn);
  pthread_join(thread[n].id, 0);
  return thread[n].alive = 0;
}

int main(int argc, char **argv) {
  tcache = argc > 2 && !strcmp(argv[2], "on");
  Z = (W)mmap(0, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  sem_init(&done, 0, 0);
  for (const struct program *p = programs; p->name; p++)
    if (!strcmp(p->name, argv[1])) {
      p->run();
      _exit(0);
    }
  return 2;
}
