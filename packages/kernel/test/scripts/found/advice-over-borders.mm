# free, remove, cold and pageout over the borders of anonymous, file and shared memory
open 1 a 0x9000
mmap 0x50000000 32K rw- private,anon,fixed
fill $1 32K 3
mmap 0x50008000 36K rw- shared,fixed fd 1 0
fill 0x50008000 36K 4
mmap 0x50011000 32K rw- shared,anon,fixed
fill 0x50011000 32K 5
mmap 0x50019000 36K rw- private,fixed fd 1 0
fill 0x50019000 16K 6
sum 0x50019000 36K
madvise 0x50006000 16K free
madvise 0x50006000 8K free
madvise 0x50006000 1 free
madvise 0x50010000 8K remove
sum 0x50010000 8K
madvise 0x50006000 16K remove
madvise 0x50017000 16K remove
madvise 0x5001a000 8K remove
mincore 0x50000000 0x22000
madvise 0x50004000 0x20000 cold
madvise 0x50004000 0x20000 21
madvise 0x50004000 0x20000 21
mincore 0x50000000 0x22000
