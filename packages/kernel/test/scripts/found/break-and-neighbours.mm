# the break with mappings before, in and behind the heap, locks and limits
brk 0x3000
fill brk0 0x3000 1
mmap brk0+0x5000 0x1000 rw- private,anon,fixed
brk 0x4000
brk 0x4001
brk 0x5000
brk 0x3fff
brk 0x3001
munmap brk0+0x5000 0x1000
mmap brk0+0x4000 0x1000 rw- private,anon,fixed
write brk0+0x4000 1
brk 0x3800
brk 0x2000
brk 0x8000
mmap brk0+0x4000 0x1000 r-- private,anon,fixed
brk 0x1fff
brk 0
brk 0x6000
mmap brk0+0x6000 0x1000 rw- private,anon,fixed
brk 0x5000
brk 0x6000
munmap brk0+0x5000 0x2000
mprotect brk0 0x2000 none
brk 0x7000
munmap brk0 0x7000
brk 0x6fff
brk 0x6000
brk 0x8000
brk 0x1000
mlock brk0 0x1000
mmap brk0 0x1000 rw- private,anon,fixed,locked
brk 0x2000
brk 0x3000
rlimit memlock 0
brk 0x4000
rlimit memlock 8M
rlimit data 0x105000
brk 0x5000
brk 0x4fff
brk 0x5001
rlimit data 0
brk 0x5000
brk 0x1000
brk query
rlimit data 4K
brk 0x1000
rlimit data inf
rlimit as 1
brk 0x10000
brk 0
rlimit as inf
brk 0x37cdd000
brk 0x37cde000
brk 0xb7cdd000
brk 0xb7cde000
brk 0xb7cdc000
brk 0xb7ddf000
mmap 0 4K rw- private,anon
brk 0
mmap 0 4K rw- private,anon
