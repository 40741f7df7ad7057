// What the corruption programs are written in, for the real library. See language.ts for the words.
#include <stdint.h>

typedef uintptr_t W;
#define WORD sizeof(W)

#define WORDS(p) ((volatile W *)(p))
#define FIELD_prev_size(p) WORDS(p)[-2]
#define FIELD_size(p) WORDS(p)[-1]
#define FIELD_fd(p) WORDS(p)[0]
#define FIELD_bk(p) WORDS(p)[1]
#define FIELD_fd_nextsize(p) WORDS(p)[2]
#define FIELD_bk_nextsize(p) WORDS(p)[3]
#define f_at(address) (*WORDS(address))
#define f_mangle(position, link) (((position) >> 12) ^ (link))

#define HEAP ((W)(WORD == 8 ? 64 << 20 : 1 << 20))
#define TOP ((W)(WORD == 8 ? 0x60 : 0x38))
#define ATTACHED ((W)(WORD == 8 ? 0x880 : 0x450))
// What the main arena has of the system after the first allocation.
#define SYSMEM ((W)(WORD == 8 ? 0x21000 : 0x22000))

struct program {
  const char *name;
  void (*run)(void);
};
extern const struct program programs[];
extern W Z;

W f_A(W size);
W f_C(W size);
W f_malloc(W bytes);
W f_calloc(W count, W bytes);
W f_realloc(W p, W bytes);
W f_memalign(W alignment, W bytes);
W f_free(W p);
W f_usable(W p);
W f_hold(W size);
W f_fill(void);
W f_drain(void);
W f_sbrk(W increment);
W f_map(W address, W length);
W f_unmap(W address, W length);
W f_trim(W pad);
W f_mallopt(W parameter, W value);
W f_mallinfo(void);
W f_stats(void);
W f_info(void);
W f_end(W thread);
W f_expect(W value, W expected);
void run_on(W thread, void (*part)(void));
