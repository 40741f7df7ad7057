# MAP_HUGETLB with an empty pool: checks in order, and old areas that are gone when it fails
open 1 a 0x4000 rw
mmap 0x50000000 0x400000 rw- private,anon,fixed
mmap 0x50001000 0x1000 rw- private,anon,fixed,0x40000
mmap 0x50000000 0x1000 rw- private,anon,fixed,0x40000
mmap 0x50200000 0x1000 r-- private,anon,fixed_noreplace,0x40000
mmap 0x50200000 0x1000 r-- private,anon,fixed,0x54040000
mmap 0x50200000 0x1000 r-- private,anon,fixed,0x58040000
mmap 0x50200000 0x1000 r-- private,anon,fixed,0x78040000
mmap 0x50200000 0 r-- private,anon,fixed,0x40000
mmap 0 0 r-- private,anon,0x40000
mmap 0 0x1000 r-- 7,anon,0x40000
mmap 0 0xc0000000 r-- private,anon,0x40000
mmap 0 0xb0000000 r-- private,anon,0x40000
mmap 0 0x80000000 r-- private,anon,0x40000
mmap 0 0xffffffff r-- private,anon,0x40000
mmap 0 0x1000 r-- private,anon,locked,0x40000
mmap 0 0x1000 r-- private,anon,growsdown,0x40000
mmap 0 0x1000 r-- shared,anon,0x40000
mmap 0 0x1000 r-- 3,anon,0x40000
mmap 0 0x1000 r-- 8,anon,0x40000
mmap 0 0x1000 r-- none,anon,0x40000
mmap 0x50300000 0x1000 r-- shared,fixed,0x40000 fd 1 0
mmap 0x50300000 0x1000 r-- shared,fixed,0x40000 fd 7 0
mmap 0x50300000 0 r-- shared,fixed,0x40000 fd 1 0
mmap 0x50300001 0 r-- shared,fixed,0x40000 fd 1 0
rlimit memlock 0
mmap 0 0x1000 r-- private,anon,locked,0x40000
rlimit memlock 0x1000
mmap 0 0x1000 r-- private,anon,locked,0x40000
rlimit as 0x200000
mmap 0x50000000 0x1000 r-- private,anon,fixed,0x40000
rlimit as inf
rlimit data 0x200000
mmap 0x50000000 0x1000 rw- private,anon,fixed,0x40000
mmap 0x50200000 0x1000 none private,anon,fixed,0x40000
mmap 0x70000000 0x1000 none private,anon,fixed,0x40000
rlimit data inf
mmap 0 0x1000 rw- 3,anon,0xc0000
mmap 0 0x1000 rw- shared,anon,0xc0000
mmap 0 0x1000 rw- 3,anon,0x240000
mmap 0 0x1000 rw- 3,anon,0x40040000
mmap 0xbffec000 0x5000 none private,anon,fixed,0x40000
mmap 0xbfe00000 0x201000 none private,anon,fixed,0x40000
mmap 0xc0001000 0x1000 none private,anon,fixed,0x40000
mmap 0x50001000 0xbfffffff none private,anon,fixed,0x40000
mmap 0x50001000 0xc0000001 none private,anon,fixed,0x40000
mmap 0x0 0x1000 none private,anon,fixed,0x40000
mmap 0xbfe00000 0x200000 none private,anon,fixed,0x40000
