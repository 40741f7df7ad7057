# RLIMIT_DATA at its edges
mmap 0x50000000 0x10000 rw- private,anon,fixed
rlimit data 0x110000
mmap 0 0x1000 rw- private,anon
mmap 0 0x1000 r-- private,anon
mmap 0 0x1000 rw- shared,anon
mmap 0 0x1000 rw- private,anon,growsdown
mmap 0 0x1000 -w- private,anon
mprotect $3 0x1000 rw-
mprotect $3 0x1000 -w-
mprotect $3 0x1000 r-x
rlimit data 0x111000
mprotect $3 0x1000 rwx
mprotect $3 0x1000 rw-
mprotect $3 0x1000 r--
brk 0x1
brk 0x10000
brk 0x11000
brk 0x11001
rlimit data 0x112fff
brk 0x12fff
brk 0x13000
brk 0x3000
mremap 0x50000000 0x10000 0x11000 maymove
munmap 0x50000000 0x1000
mremap 0x50001000 0xf000 0x10000 maymove
mmap 0x50004000 0x2000 rw- shared,anon,fixed
mmap 0x50004000 0x3000 rw- private,anon,fixed
mmap 0x5000f000 0x20000 rw- private,anon,fixed
rlimit data 0
mmap 0 0x100000 rw- private,anon
mprotect $3 0x1000 rw-
brk 0x3000
brk query
brk 0
rlimit data 1
mmap 0 0x1000 rw- private,anon
mprotect $3 0x1000 r--
mprotect $3 0x1000 rw-
open 1 a 0x4000
mmap 0 0x1000 rw- private fd 1 0
mmap 0 0x1000 rw- shared fd 1 0
mmap 0 0x1000 r-- private fd 1 0
mprotect $41 0x1000 rw-
mmap $41 0x1000 rw- private,fixed fd 1 0
mmap $40 0x1000 rw- private,anon,fixed
mremap $29 0x100000 0x101000 maymove
mremap $29 0x100000 0x100000 maymove,dontunmap
