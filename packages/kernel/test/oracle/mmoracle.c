/* mmoracle - run a script of memory-management operations against the real
 * Linux kernel, one at a time, and print everything user-visible that changed.
 *
 * Freestanding i386 program: no libc, own _start, own stack (static), static
 * buffers only, int $0x80 only.  README.md beside it says how to build and run it.
 *
 *   env -i setarch i386 --3gb --addr-compat-layout --addr-no-randomize \
 *       ./mmoracle < script > out
 */
typedef unsigned char u8;
typedef unsigned short u16;
typedef unsigned int u32;
typedef int s32;
typedef unsigned long long u64;
typedef long long s64;

#define OWN_START 0x080f8000u
#define OWN_END   0x08200000u
#define USER_END  0xc0000000u

/* ------------------------------------------------------------------ start */
__asm__(
".section .text.start,\"ax\",@progbits\n"
".globl _start\n"
"_start:\n"
"  movl %esp,%eax\n"
"  movl $own_stack_top,%esp\n"
"  xorl %ebp,%ebp\n"
"  andl $-16,%esp\n"
"  subl $12,%esp\n"
"  pushl %eax\n"
"  call main0\n"
"  hlt\n"
/* s32 sc(n,a,b,c,d,e,f) */
".globl sc\n"
"sc:\n"
"  pushl %ebp\n  pushl %edi\n  pushl %esi\n  pushl %ebx\n"
"  movl 20(%esp),%eax\n"
"  movl 24(%esp),%ebx\n"
"  movl 28(%esp),%ecx\n"
"  movl 32(%esp),%edx\n"
"  movl 36(%esp),%esi\n"
"  movl 40(%esp),%edi\n"
"  movl 44(%esp),%ebp\n"
"  int $0x80\n"
"  popl %ebx\n  popl %esi\n  popl %edi\n  popl %ebp\n"
"  ret\n"
".globl sigrestorer\n"
"sigrestorer:\n"
"  movl $173,%eax\n"
"  int $0x80\n"
"  hlt\n"
/* guarded accesses: nothing is pushed in this range, so on a fault the
 * handler can simply redirect eip to guard_fail. */
".globl guard_start\n"
"guard_start:\n"
".globl g_read\n"            /* int g_read(u32 addr) */
"g_read:\n"
"  movl 4(%esp),%edx\n"
"  movzbl (%edx),%eax\n"
"  ret\n"
".globl g_write\n"           /* int g_write(u32 addr, u32 byte) */
"g_write:\n"
"  movl 4(%esp),%edx\n"
"  movl 8(%esp),%ecx\n"
"  movb %cl,(%edx)\n"
"  xorl %eax,%eax\n"
"  ret\n"
".globl g_fill\n"            /* int g_fill(u32 addr, u32 len, u32 byte) */
"g_fill:\n"
"  movl 4(%esp),%edx\n"
"  movl 8(%esp),%ecx\n"
"  movl 12(%esp),%eax\n"
"1: testl %ecx,%ecx\n"
"  je 2f\n"
"  movb %al,(%edx)\n"
"  incl %edx\n"
"  decl %ecx\n"
"  jmp 1b\n"
"2: xorl %eax,%eax\n"
"  ret\n"
".globl g_sum\n"             /* int g_sum(u32 addr, u32 len, u32 *fnv) */
"g_sum:\n"
"  movl 4(%esp),%edx\n"
"  movl 8(%esp),%ecx\n"
"  movl 12(%esp),%eax\n"
"  movl (%eax),%eax\n"
"1: testl %ecx,%ecx\n"
"  je 2f\n"
"  xorb (%edx),%al\n"
"  imull $0x01000193,%eax,%eax\n"
"  incl %edx\n"
"  decl %ecx\n"
"  jmp 1b\n"
"2: movl 12(%esp),%edx\n"
"  movl %eax,(%edx)\n"
"  xorl %eax,%eax\n"
"  ret\n"
".globl guard_end\n"
"guard_end:\n"
"guard_fail:\n"
"  movl $-1,%eax\n"
"  ret\n"
".globl guard_fail\n"
".previous\n");

extern s32 sc(u32 n, u32 a, u32 b, u32 c, u32 d, u32 e, u32 f);
extern int g_read(u32), g_write(u32, u32), g_fill(u32, u32, u32), g_sum(u32, u32, u32 *);
extern char guard_start[], guard_end[], guard_fail[], sigrestorer[];

#define NR_exit_group 252
#define NR_read 3
#define NR_write 4
#define NR_close 6
#define NR_unlink 10
#define NR_getpid 20
#define NR_brk 45
#define NR_ioctl 54
#define NR_getrusage 77
#define NR_munmap 91
#define NR_fsync 118
#define NR_mprotect 125
#define NR_msync 144
#define NR_mlock 150
#define NR_munlock 151
#define NR_mremap 163
#define NR_rt_sigaction 174
#define NR_pread64 180
#define NR_pwrite64 181
#define NR_capset 185
#define NR_mmap2 192
#define NR_ftruncate64 194
#define NR_fstat64 197
#define NR_mincore 218
#define NR_madvise 219
#define NR_fadvise64_64 272
#define NR_openat 295
#define NR_prlimit64 340
#define NR_mlock2 376

/* ---------------------------------------------------------------- buffers */
#define MAXOPS 4096
#define MAPSZ (96 * 1024)
#define RAWSZ (8 * 1024)
#define MAXRUNS 10000
struct run { u32 start, end; u8 st; u8 pad[3]; };    /* page run [start,end) */
struct region { u64 start, end, cat; };

static u8 own_stack[64 * 1024] __attribute__((aligned(4096), used));
__asm__(".globl own_stack_top\n.set own_stack_top, own_stack+65536\n");
static char outbuf[64 * 1024]; static u32 outn;
static char inbuf[8192]; static u32 inn, inpos; static int ineof;
static char line[2048];
static char maps_a[MAPSZ], maps_b[MAPSZ];
static char raw[RAWSZ + 1];
static u8 pagebuf[4096];
static u8 vec[32 * 1024];
static struct run runs_a[MAXRUNS], runs_b[MAXRUNS];
static struct region regs[512];
static u32 opres[MAXOPS]; static u8 opok[MAXOPS];
static u32 nops;
static char *maps_old = maps_a, *maps_new = maps_b;
static u32 maps_old_n, maps_new_n, maps_cnt;
static struct run *runs_old = runs_a, *runs_new = runs_b;
static u32 nruns_old, nruns_new;
static int fd_maps, fd_status, fd_pagemap, fd_smaps, fd_stat;
static u32 brk0;

struct filerec { int used; int id; int fd; u64 ino; u64 size; };
static struct filerec files[64]; static u32 nfiles;
struct shmrec { u64 ino; u32 op; };
static struct shmrec shms[1024]; static u32 nshm;

struct counters { s32 vm, lck, anon, file, shm, data, stk; };
static struct counters cnt_old, cnt_new;

/* ---------------------------------------------------------------- helpers */
void *memcpy(void *d, const void *s, u32 n) { u8 *a = d; const u8 *b = s; while (n--) *a++ = *b++; return d; }
void *memset(void *d, int c, u32 n) { u8 *a = d; while (n--) *a++ = (u8)c; return d; }
int memcmp(const void *x, const void *y, u32 n) { const u8 *a = x, *b = y; for (; n--; a++, b++) if (*a != *b) return *a - *b; return 0; }
static u32 slen(const char *s) { u32 n = 0; while (s[n]) n++; return n; }
static int streq(const char *a, const char *b) { while (*a && *a == *b) a++, b++; return *a == *b; }
static int starts(const char *a, const char *p) { while (*p) if (*a++ != *p++) return 0; return 1; }

static void flush(void) {
	u32 o = 0;
	while (o < outn) { s32 r = sc(NR_write, 1, (u32)outbuf + o, outn - o, 0, 0, 0); if (r <= 0) sc(NR_exit_group, 3, 0, 0, 0, 0, 0); o += r; }
	outn = 0;
}
static void oc(char c) { if (outn == sizeof outbuf) flush(); outbuf[outn++] = c; }
static void os(const char *s) { while (*s) oc(*s++); }
static void ohex(u32 v, int w) { for (int i = w - 1; i >= 0; i--) oc("0123456789abcdef"[(v >> (i * 4)) & 15]); }
static void ou(u32 v) { char b[12]; int n = 0; do b[n++] = '0' + v % 10; while (v /= 10); while (n) oc(b[--n]); }
static void oi(s32 v) { if (v < 0) { oc('-'); ou(-(u32)v); } else ou(v); }
static void odelta(const char *k, s32 d) { if (!d) return; oc(' '); os(k); oc('='); if (d > 0) oc('+'); oi(d); }
static void die(const char *m) __attribute__((noreturn));
static void die(const char *m) { os("FATAL "); os(m); os(" at op "); ou(nops); oc('\n'); flush(); sc(NR_exit_group, 2, 0, 0, 0, 0, 0); for (;;); }

static const char *const errnames[] = {
	[1] = "EPERM", [2] = "ENOENT", [4] = "EINTR", [5] = "EIO", [6] = "ENXIO", [7] = "E2BIG", [9] = "EBADF", [11] = "EAGAIN",
	[12] = "ENOMEM", [13] = "EACCES", [14] = "EFAULT", [16] = "EBUSY", [17] = "EEXIST", [19] = "ENODEV", [22] = "EINVAL",
	[23] = "ENFILE", [24] = "EMFILE", [26] = "ETXTBSY", [27] = "EFBIG", [28] = "ENOSPC", [29] = "ESPIPE", [75] = "EOVERFLOW", [95] = "EOPNOTSUPP",
	[38] = "ENOSYS", [133] = "EHWPOISON" };
static int iserr(s32 r) { return (u32)r > 0xfffff000u; }
static void oerr(s32 r) {
	u32 e = -r; oc('-');
	if (e < sizeof errnames / sizeof *errnames && errnames[e]) os(errnames[e]); else { oc('E'); ou(e); }
}

/* -------------------------------------------------------------- signals */
static volatile u32 flt_sig, flt_code, flt_addr;
static void handler(int sig, u32 *si, u32 *uc) {
	u32 eip = uc[5 + 14];
	if (eip < (u32)guard_start || eip >= (u32)guard_end) die("fault outside guarded code");
	flt_sig = sig; flt_code = si[2]; flt_addr = si[3];
	uc[5 + 14] = (u32)guard_fail;
}
struct ksa { u32 handler, flags, restorer, mask[2]; };
static struct ksa ksa;
static void ofault(void) {
	if (flt_sig == 11) os(flt_code == 1 ? "SEGV_MAPERR" : flt_code == 2 ? "SEGV_ACCERR" : flt_code == 4 ? "SEGV_PKUERR" : "SEGV_?");
	else if (flt_sig == 7) os(flt_code == 2 ? "BUS_ADRERR" : "BUS_?");
	else os("SIG?");
	oc('@'); ohex(flt_addr, 8);
}

/* ---------------------------------------------------------------- state */
static u64 parse_hex(char **pp) { char *p = *pp; u64 v = 0; for (;; p++) { u32 d; if (*p >= '0' && *p <= '9') d = *p - '0'; else if (*p >= 'a' && *p <= 'f') d = *p - 'a' + 10; else break; v = v << 4 | d; } *pp = p; return v; }
static u64 parse_dec(char **pp) { char *p = *pp; u64 v = 0; for (; *p >= '0' && *p <= '9'; p++) v = v * 10 + (*p - '0'); *pp = p; return v; }

static void mput(char c) { if (maps_new_n >= MAPSZ) die("maps buffer full"); maps_new[maps_new_n++] = c; }
static void mputs(const char *s) { while (*s) mput(*s++); }
static void mputhex(u32 v) { for (int i = 7; i >= 0; i--) mput("0123456789abcdef"[(v >> (i * 4)) & 15]); }
static void mputu(u32 v) { char b[12]; int n = 0; do b[n++] = '0' + v % 10; while (v /= 10); while (n) mput(b[--n]); }

static void maps_line(char *l) {
	char *p = l; u32 a, b; u64 off; char perm[5]; u64 ino;
	a = (u32)parse_hex(&p); p++; b = (u32)parse_hex(&p); p++;
	memcpy(perm, p, 4); perm[4] = 0; p += 5;
	off = parse_hex(&p); p++;
	parse_hex(&p); p++; parse_hex(&p); p++;
	ino = parse_dec(&p);
	while (*p == ' ') p++;
	if (a >= OWN_START && b <= OWN_END) return;
	if (a < OWN_END && b > OWN_START) die("own image merged with something");
	maps_cnt++;
	mput(' '); mputhex(a); mput('-'); mputhex(b); mput(' '); mputs(perm); mput(' '); if (off >> 32) { u32 h = (u32)(off >> 32); int w = 7; while (!(h >> (w * 4))) w--; for (; w >= 0; w--) mput("0123456789abcdef"[(h >> (w * 4)) & 15]); } mputhex((u32)off); mput(' ');
	if (starts(p, "/dev/zero")) {
		u32 i; for (i = 0; i < nshm; i++) if (shms[i].ino == ino) break;
		if (i == nshm) { if (nshm == 1024) die("too many shm"); shms[nshm].ino = ino; shms[nshm].op = nops; nshm++; }
		mputs("shm#"); mputu(shms[i].op);
	} else if (ino) {
		u32 i; for (i = 0; i < nfiles; i++) if (files[i].ino == ino) break;
		if (i == nfiles) mputs("file?"); else { mputs("f"); mputu(files[i].id); }
	} else if (*p) mputs(p); else mput('-');
	mput('\n');
}
static u32 off64_read(int fd, u64 off, void *buf, u32 n) {
	s32 r = sc(NR_pread64, fd, (u32)buf, n, (u32)off, (u32)(off >> 32), 0);
	if (r < 0) die("pread of proc file failed");
	return r;
}
static void read_maps(void) {
	u64 off = 0; u32 have = 0;
	maps_new_n = 0; maps_cnt = 0;
	for (;;) {
		u32 r = off64_read(fd_maps, off, raw + have, RAWSZ - have);
		if (!r) break;
		off += r; have += r;
		u32 s = 0;
		for (u32 i = 0; i < have; i++) if (raw[i] == '\n') { raw[i] = 0; maps_line(raw + s); s = i + 1; }
		for (u32 i = s; i < have; i++) raw[i - s] = raw[i];
		have -= s;
	}
}
static void read_status(struct counters *c) {
	u32 n = 0, r;
	while (n < RAWSZ && (r = off64_read(fd_status, n, raw + n, RAWSZ - n))) n += r;
	raw[n] = 0;
	char *p = raw;
	while (*p) {
		s32 *t = 0;
		if (starts(p, "VmSize:")) t = &c->vm; else if (starts(p, "VmLck:")) t = &c->lck;
		else if (starts(p, "RssAnon:")) t = &c->anon; else if (starts(p, "RssFile:")) t = &c->file;
		else if (starts(p, "RssShmem:")) t = &c->shm; else if (starts(p, "VmData:")) t = &c->data;
		else if (starts(p, "VmStk:")) t = &c->stk;
		if (t) { while (*p < '0' || *p > '9') p++; *t = (s32)(parse_dec(&p) / 4); }
		while (*p && *p != '\n') p++;
		if (*p) p++;
	}
}
struct scanarg { u64 size, flags, start, end, walk_end, vec, vec_len, max_pages, cat_inv, cat_mask, cat_any, ret_mask; };
static struct scanarg sa;
#define C_FILE 4
#define C_PRESENT 8
#define C_SWAP 16
#define C_ZERO 32
#define C_HUGE 64
#define C_GUARD 256
static u64 cat_any = C_PRESENT | C_SWAP | C_GUARD, cat_ret = C_FILE | C_PRESENT | C_SWAP | C_ZERO | C_HUGE | C_GUARD;
static void scan(u64 s, u64 e) {
	while (s < e) {
		memset(&sa, 0, sizeof sa);
		sa.size = sizeof sa; sa.start = s; sa.end = e; sa.vec = (u32)regs; sa.vec_len = 512;
		sa.cat_any = cat_any; sa.ret_mask = cat_ret;
		s32 r = sc(NR_ioctl, fd_pagemap, 0xC0606610u, (u32)&sa, 0, 0, 0);
		if (r < 0) { oerr(r); die("PAGEMAP_SCAN"); }
		for (s32 i = 0; i < r; i++) {
			u64 c = regs[i].cat; u8 st;
			if (c & C_GUARD) st = 'g'; else if (c & C_SWAP) st = 's'; else if (c & C_HUGE) st = 'h';
			else if (c & C_ZERO) st = 'z'; else if (c & C_FILE) st = 'f'; else st = 'a';
			u32 a = (u32)regs[i].start, b = (u32)regs[i].end;
			if (nruns_new && runs_new[nruns_new - 1].end == a && runs_new[nruns_new - 1].st == st) runs_new[nruns_new - 1].end = b;
			else { if (nruns_new == MAXRUNS) die("too many page runs"); runs_new[nruns_new].start = a; runs_new[nruns_new].end = b; runs_new[nruns_new].st = st; nruns_new++; }
		}
		if (sa.walk_end <= s) die("scan stuck");
		s = sa.walk_end;
	}
}
static void read_pages(void) { nruns_new = 0; scan(0, OWN_START); scan(OWN_END, USER_END); }

/* print the difference of two run lists, as maximal runs of equal (old,new) */
static void diff_pages(void) {
	u32 i = 0, j = 0, pos = 0, rs = 0, re = 0; u8 ro = 0, rn = 0; int have = 0;
	for (;;) {
		while (i < nruns_old && runs_old[i].end <= pos) i++;
		while (j < nruns_new && runs_new[j].end <= pos) j++;
		if (i == nruns_old && j == nruns_new) break;
		u32 next = 0xffffffff; u8 o = 0, n = 0;
		if (i < nruns_old) { if (runs_old[i].start <= pos) { o = runs_old[i].st; next = runs_old[i].end; } else next = runs_old[i].start; }
		if (j < nruns_new) { u32 q; if (runs_new[j].start <= pos) { n = runs_new[j].st; q = runs_new[j].end; } else q = runs_new[j].start; if (q < next) next = q; }
		if (o != n) {
			if (have && re == pos && ro == o && rn == n) re = next;
			else {
				if (have) { os("pt "); ohex(rs, 8); oc(' '); ou((re - rs) >> 12); oc(' '); oc(ro ? ro : '.'); oc('>'); oc(rn ? rn : '.'); oc('\n'); }
				have = 1; rs = pos; re = next; ro = o; rn = n;
			}
		}
		pos = next;
	}
	if (have) { os("pt "); ohex(rs, 8); oc(' '); ou((re - rs) >> 12); oc(' '); oc(ro ? ro : '.'); oc('>'); oc(rn ? rn : '.'); oc('\n'); }
}
static void report_state(void) {
	read_pages(); read_maps();
	diff_pages();
	if (maps_new_n == maps_old_n && !memcmp(maps_new, maps_old, maps_new_n)) os("maps same\n");
	else {
		os("maps "); ou(maps_cnt); oc('\n');
		for (u32 i = 0; i < maps_new_n; i++) oc(maps_new[i]);
	}
	char *t = maps_old; maps_old = maps_new; maps_new = t; maps_old_n = maps_new_n;
	struct run *q = runs_old; runs_old = runs_new; runs_new = q; nruns_old = nruns_new;
}

/* ---------------------------------------------------------------- rusage */
struct ru { s32 t[4]; s32 maxrss, ix, id, is, minflt, majflt, rest[8]; };
static struct ru ru_a, ru_b;
static void before(void) { sc(NR_getrusage, 0, (u32)&ru_a, 0, 0, 0, 0); }
static void after(void) { sc(NR_getrusage, 0, (u32)&ru_b, 0, 0, 0, 0); }

/* ---------------------------------------------------------------- parsing */
static char *tok; /* cursor */
static char *word(void) {
	while (*tok == ' ' || *tok == '\t') tok++;
	if (!*tok) return 0;
	char *w = tok; while (*tok && *tok != ' ' && *tok != '\t') tok++;
	if (*tok) *tok++ = 0;
	return w;
}
static char *need(void) { char *w = word(); if (!w) die("missing argument"); return w; }
static int skipop;
static u64 number(char **pp) {
	char *p = *pp; u64 v;
	if (p[0] == '0' && p[1] == 'x') { p += 2; v = parse_hex(&p); }
	else { if (*p < '0' || *p > '9') die("bad number"); v = parse_dec(&p); }
	if (*p == 'K') { v <<= 10; p++; } else if (*p == 'M') { v <<= 20; p++; } else if (*p == 'G') { v <<= 30; p++; }
	*pp = p; return v;
}
static u32 expr(char *p) {
	u32 v = 0; int neg = 0;
	if (*p == '-') { neg = 1; p++; } else if (*p == '+') p++;
	for (;;) {
		u32 t;
		if (*p == '$') { p++; t = (u32)parse_dec(&p); if (t >= nops) die("forward reference"); if (!opok[t]) skipop = 1; t = opres[t]; }
		else if (starts(p, "brk0")) { t = brk0; p += 4; }
		else t = (u32)number(&p);
		v = neg ? v - t : v + t;
		if (*p == '+') neg = 0; else if (*p == '-') neg = 1; else break;
		p++;
	}
	if (*p) die("bad expression");
	return v;
}
struct kv { const char *k; u32 v; };
static u32 lookup(const struct kv *t, const char *w, int *found) { for (; t->k; t++) if (streq(t->k, w)) { *found = 1; return t->v; } *found = 0; return 0; }
static u32 flags(const struct kv *t, char *w) {
	u32 v = 0;
	for (;;) {
		char *c = w; while (*c && *c != ',') c++;
		char e = *c; *c = 0;
		int f; u32 x = lookup(t, w, &f);
		if (!f) { char *q = w; if (*q < '0' || *q > '9') die("unknown flag"); x = (u32)number(&q); if (*q) die("unknown flag"); }
		v |= x;
		if (!e) break;
		w = c + 1;
	}
	return v;
}
static u32 prot(char *w) {
	u32 v = 0;
	if (streq(w, "none")) return 0;
	if (*w >= '0' && *w <= '9') return (u32)number(&w);
	for (; *w; w++) if (*w == 'r') v |= 1; else if (*w == 'w') v |= 2; else if (*w == 'x') v |= 4; else if (*w != '-') die("bad prot");
	return v;
}
static const struct kv mmapflags[] = { {"none", 0}, {"shared", 1}, {"private", 2}, {"shared_validate", 3}, {"fixed", 0x10}, {"anon", 0x20}, {"growsdown", 0x100},
	{"locked", 0x2000}, {"noreserve", 0x4000}, {"populate", 0x8000}, {"nonblock", 0x10000}, {"stack", 0x20000}, {"fixed_noreplace", 0x100000}, {0, 0} };
static const struct kv mremapflags[] = { {"none", 0}, {"maymove", 1}, {"fixed", 2}, {"dontunmap", 4}, {0, 0} };
static const struct kv msyncflags[] = { {"none", 0}, {"async", 1}, {"invalidate", 2}, {"sync", 4}, {0, 0} };
static const struct kv advices[] = { {"normal", 0}, {"random", 1}, {"sequential", 2}, {"willneed", 3}, {"dontneed", 4}, {"free", 8}, {"remove", 9}, {"dontfork", 10}, {"dofork", 11},
	{"nohugepage", 15}, {"dontdump", 16}, {"dodump", 17}, {"wipeonfork", 18}, {"keeponfork", 19}, {"cold", 20}, {"populate_read", 22}, {"populate_write", 23}, {"dontneed_locked", 24},
	{"guard_install", 102}, {"guard_remove", 103}, {0, 0} };
static const struct kv limits[] = { {"data", 2}, {"stack", 3}, {"memlock", 8}, {"as", 9}, {0, 0} };

static int hits_own(u32 a, u32 len) { u64 s = a, e = (u64)a + (len ? len : 1); return s < OWN_END && e > OWN_START; }

/* ---------------------------------------------------------------- files */
static struct filerec *findfile(int id) { for (u32 i = 0; i < nfiles; i++) if (files[i].id == id) return &files[i]; return 0; }
static u8 filebyte(int id, u32 o) { return (u8)((o >> 12) * 17 + (o & 0xfff) * 3 + id * 29 + 1); }
static u8 stat64buf[128];
static void fsize(struct filerec *f) { if (sc(NR_fstat64, f->fd, (u32)stat64buf, 0, 0, 0, 0) < 0) die("fstat"); memcpy(&f->size, stat64buf + 44, 8); memcpy(&f->ino, stat64buf + 88, 8); }
/* make sure that every page of every file is in the page cache (order-0, no readahead flag) */
static void recache(void) {
	for (u32 i = 0; i < nfiles; i++) {
		struct filerec *f = &files[i];
		fsize(f);
		for (u64 o = 0; o < f->size; o += 4096) sc(NR_pread64, f->fd, (u32)pagebuf, 1, (u32)o, (u32)(o >> 32), 0);
	}
}
static char namebuf[256];
static void op_open(void) {
	char *w = need(); int id = (int)number(&w); char *name = need(); char *sz = need(); u32 size = (u32)number(&sz); char *mode = word();
	if (findfile(id) || nfiles == 64) die("file id reused");
	char *p = namebuf; const char *s = "mmo."; while (*s) *p++ = *s++;
	for (u32 i = 0; name[i] && i < 100; i++) *p++ = name[i] == '/' ? '_' : name[i];
	*p++ = '.';
	u32 pid = sc(NR_getpid, 0, 0, 0, 0, 0, 0); for (int i = 7; i >= 0; i--) *p++ = "0123456789abcdef"[(pid >> (i * 4)) & 15];
	*p = 0;
	s32 fd = sc(NR_openat, -100, (u32)namebuf, 02 | 0100 | 0200, 0600, 0, 0);
	if (fd < 0) { oerr(fd); die("open"); }
	sc(NR_fadvise64_64, fd, 0, 0, 0, 0, 1); /* FADV_RANDOM: no readahead of our own preads */
	for (u32 o = 0; o < size; o += 4096) {
		u32 n = size - o < 4096 ? size - o : 4096;
		for (u32 i = 0; i < n; i++) pagebuf[i] = filebyte(id, o + i);
		if (sc(NR_pwrite64, fd, (u32)pagebuf, n, o, 0, 0) != (s32)n) die("write of file");
	}
	sc(NR_fsync, fd, 0, 0, 0, 0, 0);
	s32 fd2 = fd;
	if (mode && (streq(mode, "ro") || streq(mode, "wo"))) {
		fd2 = sc(NR_openat, -100, (u32)namebuf, mode[0] == 'r' ? 0 : 1, 0, 0, 0);
		if (fd2 < 0) die("reopen");
	} else if (mode && !streq(mode, "rw")) die("bad mode");
	sc(NR_unlink, (u32)namebuf, 0, 0, 0, 0, 0);
	struct filerec *f = &files[nfiles++];
	f->used = 1; f->id = id; f->fd = fd; f->size = size;
	fsize(f);
	/* the fd that mmap uses is kept in a parallel slot */
	f->used = fd2;
}
static void ohexbytes(const u8 *b, u32 n) { for (u32 i = 0; i < n; i++) ohex(b[i], 2); }

/* ---------------------------------------------------------------- vmflags */
static void op_vmflags(u32 addr) {
	u64 off = 0; u32 have = 0; int in = 0, done = 0;
	for (;;) {
		u32 r = off64_read(fd_smaps, off, raw + have, RAWSZ - have);
		if (!r) break;
		off += r; have += r;
		u32 s = 0;
		for (u32 i = 0; i < have; i++) if (raw[i] == '\n') {
			raw[i] = 0; char *l = raw + s; s = i + 1;
			if (l[8] == '-' ) { char *p = l; u64 a = parse_hex(&p); p++; u64 b = parse_hex(&p); in = addr >= a && addr < b; }
			else if (in && starts(l, "VmFlags:")) { char *p = l + 8; int f = 1; while (*p == ' ') p++; while (*p) { if (*p == ' ' && (!p[1] || p[1] == ' ')) { p++; continue; } oc(*p == ' ' ? ',' : *p); p++; f = 0; } if (f) oc('-'); done = 1; in = 0; }
		}
		for (u32 i = s; i < have; i++) raw[i - s] = raw[i];
		have -= s;
	}
	if (!done) os("novma");
}

/* ---------------------------------------------------------------- main */
static int getline_(void) {
	u32 n = 0;
	for (;;) {
		if (inpos == inn) {
			if (ineof) break;
			s32 r = sc(NR_read, 0, (u32)inbuf, sizeof inbuf, 0, 0, 0);
			if (r <= 0) { ineof = 1; break; }
			inn = r; inpos = 0;
		}
		char c = inbuf[inpos++];
		if (c == '\n') { line[n] = 0; return 1; }
		if (c == '\r') continue;
		if (n >= sizeof line - 1) die("line too long");
		line[n++] = c;
	}
	line[n] = 0;
	return n > 0;
}

enum { R_NONE, R_HEX, R_ZERO };
static char echo[2048];

static void finish(void) {
	read_status(&cnt_new);
	oc(' '); os("minflt="); oi(ru_b.minflt - ru_a.minflt);
	s32 rss = (cnt_new.anon + cnt_new.file + cnt_new.shm) - (cnt_old.anon + cnt_old.file + cnt_old.shm);
	os(" rss="); if (rss > 0) oc('+'); oi(rss);
	odelta("anon", cnt_new.anon - cnt_old.anon);
	odelta("file", cnt_new.file - cnt_old.file);
	odelta("shm", cnt_new.shm - cnt_old.shm);
	odelta("vm", cnt_new.vm - cnt_old.vm);
	odelta("data", cnt_new.data - cnt_old.data);
	odelta("stk", cnt_new.stk - cnt_old.stk);
	odelta("lck", cnt_new.lck - cnt_old.lck);
	odelta("majflt", ru_b.majflt - ru_a.majflt);
	oc('\n');
	cnt_old = cnt_new;
	report_state();
	flush();
}

static void result_refused(void) { os("refused"); before(); after(); }
static void put_ret(s32 r, int hex) { if (iserr(r)) oerr(r); else if (hex) ohex(r, 8); else ou(r); }

static void do_op(void) {
	memcpy(echo, line, slen(line) + 1);
	tok = line;
	char *op = word();
	if (!op || *op == '#') return;
	if (nops >= MAXOPS) die("too many ops");
	os("> "); ou(nops); oc(' '); os(echo); oc('\n');
	skipop = 0;
	memset(&ru_a, 0, sizeof ru_a); memset(&ru_b, 0, sizeof ru_b);
	u32 res = 0; int ok = 0; s32 r;
	oc('='); ou(nops); oc(' ');
#define SKIP if (skipop) { os("skip"); before(); after(); goto out; }
#define CALL(...) do { before(); r = sc(__VA_ARGS__); after(); } while (0)
	if (streq(op, "brk")) {
		char *w = need(); u32 a;
		if (streq(w, "query")) a = 0; else a = brk0 + expr(w);
		SKIP
		CALL(NR_brk, a, 0, 0, 0, 0, 0); ohex(r, 8); res = r; ok = 1;
	} else if (streq(op, "mmap")) {
		u32 a = expr(need()), len = expr(need()), p = prot(need()), fl = flags(mmapflags, need()), pg = 0; int fd = -1; char *w = word();
		if (w) {
			if (!streq(w, "fd")) die("expected fd");
			char *x = need(); int id = (int)number(&x); pg = expr(need());
			struct filerec *f = findfile(id); fd = f ? f->used : 999;
		}
		SKIP
		if ((fl & 0x10) && !(fl & 0x100000) && hits_own(a, len)) result_refused();
		else { CALL(NR_mmap2, a, len, p, fl, fd, pg); put_ret(r, 1); if (!iserr(r)) { ok = 1; res = r; } }
	} else if (streq(op, "munmap") || streq(op, "mlock") || streq(op, "munlock")) {
		u32 a = expr(need()), len = expr(need());
		SKIP
		if (hits_own(a, len)) result_refused();
		else { CALL(op[1] == 'u' && op[3] == 'm' ? NR_munmap : op[1] == 'l' ? NR_mlock : NR_munlock, a, len, 0, 0, 0, 0); put_ret(r, 0); ok = r == 0; res = a; }
	} else if (streq(op, "mlock2")) {
		u32 a = expr(need()), len = expr(need()), f = expr(need());
		SKIP
		if (hits_own(a, len)) result_refused();
		else { CALL(NR_mlock2, a, len, f, 0, 0, 0); put_ret(r, 0); ok = r == 0; res = a; }
	} else if (streq(op, "mprotect")) {
		u32 a = expr(need()), len = expr(need()), p = prot(need());
		SKIP
		if (hits_own(a, len)) result_refused();
		else { CALL(NR_mprotect, a, len, p, 0, 0, 0); put_ret(r, 0); ok = r == 0; res = a; }
	} else if (streq(op, "mremap")) {
		u32 a = expr(need()), ol = expr(need()), nl = expr(need()), fl = flags(mremapflags, need()), na = 0; char *w = word();
		if (w) na = expr(w);
		SKIP
		if (hits_own(a, ol) || ((fl & 2) && hits_own(na, nl))) result_refused();
		else { CALL(NR_mremap, a, ol, nl, fl, na, 0); put_ret(r, 1); if (!iserr(r)) { ok = 1; res = r; } }
	} else if (streq(op, "madvise")) {
		u32 a = expr(need()), len = expr(need()); char *w = need(); int f; u32 adv = lookup(advices, w, &f); if (!f) adv = (u32)number(&w);
		SKIP
		if (hits_own(a, len)) result_refused();
		else { CALL(NR_madvise, a, len, adv, 0, 0, 0); put_ret(r, 0); ok = r == 0; res = a; if (adv == 9) recache(); }
	} else if (streq(op, "msync")) {
		u32 a = expr(need()), len = expr(need()), f = flags(msyncflags, need());
		SKIP
		if (hits_own(a, len)) result_refused();
		else { CALL(NR_msync, a, len, f, 0, 0, 0); put_ret(r, 0); ok = r == 0; res = a; }
	} else if (streq(op, "mincore")) {
		u32 a = expr(need()), len = expr(need()); u32 np = (u32)(((u64)len + 4095) >> 12);
		SKIP
		if (hits_own(a, len)) result_refused();
		else {
			if (np > sizeof vec) np = sizeof vec;
			memset(vec, 0xee, sizeof vec);
			if (((u64)len + 4095) >> 12 > sizeof vec) { os("too-long"); before(); after(); }
			else {
				CALL(NR_mincore, a, len, (u32)vec, 0, 0, 0); put_ret(r, 0); ok = r == 0; res = a;
				if (r != -22) {
					oc(' ');
					for (u32 i = 0; i < np; ) { u8 c = vec[i]; u32 j = i; while (j < np && vec[j] == c) j++; oc(c == 0xee ? '?' : (c & 1) ? '1' : '0'); if (j - i > 1) { oc('*'); ou(j - i); if (j < np) oc(','); } else if (j < np) oc(','); i = j; }
				}
			}
		}
	} else if (streq(op, "read") || streq(op, "write")) {
		u32 a = expr(need()), v = 0; int wr = op[0] == 'w'; if (wr) v = expr(need());
		SKIP
		if (hits_own(a, 1)) result_refused();
		else {
			flt_sig = 0; before(); int q = wr ? g_write(a, v) : g_read(a); after();
			if (flt_sig) ofault(); else { ok = 1; res = a; if (wr) os("ok"); else { os("val="); ohex(q, 2); } }
		}
	} else if (streq(op, "fill") || streq(op, "sum")) {
		u32 a = expr(need()), len = expr(need()), v = 0; int fl = op[0] == 'f'; if (fl) v = expr(need());
		SKIP
		if (hits_own(a, len)) result_refused();
		else {
			static u32 fnv; fnv = 0x811c9dc5;
			flt_sig = 0; before(); if (fl) g_fill(a, len, v); else g_sum(a, len, &fnv); after();
			if (flt_sig) ofault(); else { ok = 1; res = a; if (fl) os("ok"); else { os("fnv="); ohex(fnv, 8); } }
		}
	} else if (streq(op, "open")) {
		before(); after(); op_open(); os("0"); ok = 1;
	} else if (streq(op, "filedump") || streq(op, "filewrite") || streq(op, "truncate")) {
		char *w = need(); int id = (int)number(&w); u32 off = expr(need()); struct filerec *f = findfile(id); if (!f) die("no such file id");
		if (streq(op, "truncate")) {
			SKIP
			CALL(NR_ftruncate64, f->fd, off, 0, 0, 0, 0); put_ret(r, 0); recache(); ok = r == 0;
		} else if (streq(op, "filewrite")) {
			u32 len = expr(need()), b = expr(need()); SKIP
			memset(pagebuf, (int)b, 4096); before(); r = 0;
			while (len) { u32 n = 4096 - (off & 4095); if (n > len) n = len; r = sc(NR_pwrite64, f->fd, (u32)pagebuf, n, off, 0, 0); if (r < 0) break; off += n; len -= n; r = 0; }
			after(); put_ret(r, 0); recache(); ok = r == 0;
		} else {
			u32 len = expr(need()), tot = 0, h = 0x811c9dc5; int small = len <= 64; SKIP
			before(); os("n="); 
			static u8 small_buf[64];
			while (len) { u32 n = 4096 - (off & 4095); if (n > len) n = len; r = sc(NR_pread64, f->fd, (u32)pagebuf, n, off, 0, 0); if (r <= 0) break;
				for (s32 i = 0; i < r; i++) { if (small) small_buf[tot] = pagebuf[i]; tot++; h = (h ^ pagebuf[i]) * 0x01000193; } off += r; len -= r; }
			after(); ou(tot); if (small) { os(" hex="); ohexbytes(small_buf, tot); } else { os(" fnv="); ohex(h, 8); } ok = 1;
		}
	} else if (streq(op, "rlimit")) {
		int f; u32 which = lookup(limits, need(), &f); if (!f) die("bad rlimit"); char *w = need();
		static u64 rl[2]; u64 v; if (streq(w, "inf")) v = ~0ull; else v = number(&w);
		if (sc(NR_prlimit64, 0, which, 0, (u32)rl, 0, 0) < 0) die("getrlimit");
		rl[0] = v;
		CALL(NR_prlimit64, 0, which, (u32)rl, 0, 0, 0); put_ret(r, 0); ok = r == 0;
	} else if (streq(op, "vmflags")) {
		u32 a = expr(need()); SKIP
		before(); after(); op_vmflags(a);
	} else die("unknown op");
out:
	opres[nops] = res; opok[nops] = ok;
	finish();
	nops++;
}

static struct { u32 ver; s32 pid; } caphdr; static u32 capdata[6];
static s32 openro(const char *p) { s32 r = sc(NR_openat, -100, (u32)p, 0, 0, 0, 0); if (r < 0) die(p); return r; }
static void setlim(u32 which, u64 v) { static u64 rl[2]; sc(NR_prlimit64, 0, which, 0, (u32)rl, 0, 0); if (v > rl[1]) { os("hard limit too low\n"); v = rl[1]; } rl[0] = v; if (sc(NR_prlimit64, 0, which, (u32)rl, 0, 0, 0) < 0) die("setrlimit"); }
static u64 statf[64];

void main0(u32 *sp) __attribute__((noreturn, used));
void main0(u32 *sp) {
	(void)sp;
	/* our own stack is static: wipe argv/envp/auxv (AT_RANDOM!) so that the
	 * content of the main stack is deterministic (all zero) for the script */
	for (u32 a = 0xbffff000; a < 0xc0000000; a += 4) *(volatile u32 *)a = 0;
	/* pre-fault the whole image: write every data page, read every text page */
	for (u32 a = 0x08100000; a < 0x08200000; a += 4096) { volatile u8 *p = (u8 *)a; *p = *p; }
	for (u32 a = 0x080f8000; a < 0x08100000; a += 4096) { volatile u8 *p = (u8 *)a; (void)*p; }
	ksa.handler = (u32)handler; ksa.flags = 4 | 0x04000000; ksa.restorer = (u32)sigrestorer;
	sc(NR_rt_sigaction, 11, (u32)&ksa, 0, 8, 0, 0); sc(NR_rt_sigaction, 7, (u32)&ksa, 0, 8, 0, 0);
	setlim(2, ~0ull); setlim(9, ~0ull); setlim(3, 8 << 20); setlim(8, 8 << 20);
	caphdr.ver = 0x20080522; if (sc(NR_capset, (u32)&caphdr, (u32)capdata, 0, 0, 0, 0) < 0) die("capset");
	fd_maps = openro("/proc/self/maps"); fd_status = openro("/proc/self/status"); fd_pagemap = openro("/proc/self/pagemap");
	fd_smaps = openro("/proc/self/smaps"); fd_stat = openro("/proc/self/stat");
	brk0 = sc(NR_brk, 0, 0, 0, 0, 0, 0);
	/* drop [vvar] [vvar_vclock] [vdso]: they sit at the bottom of the mmap area */
	{
		u64 off = 0; u32 have = 0, s, lo = 0, hi = 0;
		for (;;) {
			u32 r = off64_read(fd_maps, off, raw + have, RAWSZ - have); if (!r) break; off += r; have += r; s = 0;
			for (u32 i = 0; i < have; i++) if (raw[i] == '\n') {
				raw[i] = 0; char *p = raw + s; s = i + 1; u32 a = (u32)parse_hex(&p); p++; u32 b = (u32)parse_hex(&p); char *q = p; while (*q && *q != '[') q++;
				if (starts(q, "[vvar") || starts(q, "[vdso")) { if (!lo) lo = a; hi = b; }
			}
			for (u32 i = s; i < have; i++) raw[i - s] = raw[i];
			have -= s;
		}
		if (lo) sc(NR_munmap, lo, hi - lo, 0, 0, 0, 0);
	}
	if (brk0 != OWN_END) die("unexpected brk0 (not started with the right personality?)");
	/* two dry runs so that every code path and kernel-side seq buffer is warm */
	for (int k = 0; k < 2; k++) { read_status(&cnt_new); read_pages(); read_maps(); before(); after(); }
	u32 n = 0, r; while (n < RAWSZ && (r = off64_read(fd_stat, n, raw + n, RAWSZ - n))) n += r; raw[n] = 0;
	{ char *p = raw; while (*p && *p != ')') p++; p++; int k = 2; while (*p && k < 60) { while (*p == ' ') p++; char *q = p; u64 v = parse_dec(&q); statf[k++] = v; while (*p && *p != ' ') p++; } }
	/* fields (1-based): 26 startcode 27 endcode 28 startstack 45 start_data 46 end_data 47 start_brk */
	os("mmoracle 1\n");
	os("init brk0="); ohex(brk0, 8); os(" start_brk="); ohex((u32)statf[46], 8);
	os(" start_data="); ohex((u32)statf[44], 8); os(" end_data="); ohex((u32)statf[45], 8); oc('\n');
	read_status(&cnt_old);
	os("init vm="); oi(cnt_old.vm); os(" data="); oi(cnt_old.data); os(" stk="); oi(cnt_old.stk); os(" lck="); oi(cnt_old.lck);
	os(" anon="); oi(cnt_old.anon); os(" file="); oi(cnt_old.file); os(" shm="); oi(cnt_old.shm); oc('\n');
	report_state();
	flush();
	while (getline_()) do_op();
	os("end "); ou(nops); oc('\n');
	flush();
	sc(NR_exit_group, 0, 0, 0, 0, 0, 0);
	for (;;);
}
