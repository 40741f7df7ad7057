# flags that mmap knows, and those that it does not: hints of page sizes, MAP_SYNC, unknown bits
open 1 a 0x4000
open 2 b 0x4000 ro
mmap 0 0x2000 rw- shared,0x10000000 fd 1 0
mmap 0 0x2000 rw- shared_validate,0x10000000 fd 1 0
mmap 0 0x2000 rw- shared_validate,0x4000000 fd 1 0
mmap 0 0x2000 rw- shared_validate,0x8000000 fd 1 0
mmap 0 0x2000 rw- shared_validate,0x60000000 fd 1 0
mmap 0 0x2000 rw- shared_validate,0x80000000 fd 1 0
mmap 0 0x2000 rw- shared_validate,0x200000 fd 1 0
mmap 0 0x2000 rw- shared_validate,0x200 fd 1 0
mmap 0 0x2000 rw- shared_validate,0x18c0 fd 1 0
mmap 0 0x2000 rw- shared_validate,0x80000 fd 1 0
mmap 0 0x2000 rw- shared,0x80000 fd 1 0
mmap 0 0x2000 rw- private,0x80000 fd 1 0
mmap 0 0x2000 rw- shared,0x80000 fd 2 0
mmap 0 0x2000 rw- private,0x80000 fd 2 0
mmap 0 0x2000 rw- private,growsdown,0x80000 fd 2 0
mmap 0 0x2000 rw- private,anon,0x80000
mmap 0 0x2000 rw- shared,anon,0x80000
mmap 0 0x2000 rw- shared_validate,fixed_noreplace fd 1 0
mmap 0x60000000 0x2000 rw- shared_validate,fixed_noreplace fd 1 0
mmap 0x60000000 0x2000 rw- shared_validate,fixed fd 1 1
