# flags and descriptors that do not fit each other
open 1 a 0x4000 rw
open 2 b 0x4000 wo
open 3 c 0x4000 ro
mmap 0 0x1000 rw- none
mmap 0 0x1000 rw- anon
mmap 0 0x1000 rw- shared_validate,anon
mmap 0 0x1000 rw- 4,anon
mmap 0 0x1000 rw- 8,anon
vmflags $7
mmap 0 0x1000 rw- 8,anon,locked
mmap 0 0x1000 rw- 8,anon,growsdown
mmap 0 0x1000 rw- 8 fd 1 0
mmap 0 0x1000 rw- 15,anon
mmap 0 0x1000 rw- private,anon,0x40000
mmap 0 0x1000 rw- private,0x40000 fd 1 0
mmap 0 0x1000 rw- private fd 2 0
mmap 0 0x1000 none private fd 2 0
mmap 0 0x1000 -w- shared fd 2 0
mmap 0 0x1000 rw- shared fd 3 0
mmap 0 0x1000 r-x shared fd 3 0
mmap 0 0x1000 rw- private fd 9 0
mmap 0 0 rw- private fd 9 0
mmap 0 0 rw- shared,anon fd 9 0
mmap 0 0x1000 rw- shared,anon fd 9 77
mmap 0 0x1000 rw- shared,growsdown fd 1 0
mmap 0 0x1000 rw- private,growsdown fd 1 0
mmap 0 0x1000 rw- shared,anon,growsdown
mmap 0x50000001 0x1000 rw- shared,anon,fixed,growsdown
mmap 0 0x1000 rw- private fd 1 0xfffff
mmap 0 0x2000 rw- private fd 1 0xffffffff
mmap 0 0x1000 rw- shared fd 1 0x7fffffff
read $28
read $29
mmap 0x60000000 0x4000 rw- private,fixed fd 1 2
mmap 0x60004000 0x4000 rw- private,fixed fd 1 6
mmap 0x5fffe000 0x2000 rw- private,fixed fd 1 0
mmap 0x5fffd000 0x1000 rw- private,fixed fd 1 0xffffffff
madvise $7 0x1000 18
madvise $7 0x1000 19
madvise $7 0x1000 dodump
madvise $7 0x1000 dontdump
mlock $7 0x1000
write $7 4
madvise $7 0x1000 free
mremap $7 0x1000 0x2000 maymove
fill $44 0x2000 1
