# RLIMIT_AS at its edges
mmap 0x50000000 0x10000 rw- private,anon,fixed
rlimit as 0x140000
mmap 0 0x1000 none private,anon
rlimit as 0x142000
mmap 0 0x7000 none private,anon
mmap 0 0x8000 none private,anon
mmap 0 0x9000 none private,anon
munmap $3 0x1000
rlimit as 0x14a000
mmap 0 0x1000 rw- private,anon
mmap 0 0x1000 rw- private,anon
brk 0x1000
brk 0x2000
read 0xbffde000
read 0xbffdf000
mmap 0x50000000 0x20000 rw- private,anon,fixed
mmap 0x50000000 0x11000 rw- private,anon,fixed
mmap 0x50004000 0x1000 r-- shared,anon,fixed
mremap 0x50000000 0x1000 0x2000 maymove
mremap 0x50006000 0x1000 0x1000 maymove
mremap 0x50006000 0x1000 0x1000 maymove,dontunmap
mremap 0x50004000 0 0x1000 maymove
mremap 0x50006000 0x1000 0x1000 maymove,fixed 0x60000000
mremap 0x50007000 0x2000 0x3000 maymove,fixed 0x60010000
rlimit as 0x14afff
mmap 0 1 none private,anon
rlimit as 0x14b000
mmap 0 1 none private,anon
rlimit as 0x14b001
mmap 0 1 none private,anon
rlimit as 0
munmap 0x50008000 0x1000
mmap 0x50000000 0x1000 rw- private,anon,fixed
mprotect 0x50000000 0x1000 r--
mprotect 0x50000000 0x1000 rwx
brk 0
brk -1
brk query
mlock 0x50000000 0x1000
read 0xbffdd000
rlimit as inf
read 0xbffdd000
