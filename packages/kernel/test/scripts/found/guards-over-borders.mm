# guard markers over borders, and what removes them
open 1 a 0x9000
mmap 0x50000000 32K rw- private,anon,fixed
fill $1 32K 3
mmap 0x50008000 36K rw- shared,fixed fd 1 0
fill 0x50008000 36K 4
mmap 0x50011000 32K rw- shared,anon,fixed
fill 0x50011000 32K 5
mmap 0x50019000 36K rw- private,fixed fd 1 0
fill 0x50019000 16K 6
madvise 0x50006000 8K guard_install
madvise 0x50006000 16K guard_install
madvise 0x50010000 8K guard_install
madvise 0x50017000 16K guard_install
madvise 0x50020000 32K guard_install
mincore 0x50000000 0x22000
madvise 0x50000000 0x22000 dontneed
madvise 0x50000000 0x22000 free
madvise 0x50008000 0x9000 remove
madvise 0x50011000 0x8000 remove
truncate 1 0x2000
truncate 1 0x9000
madvise 0x50000000 0x22000 populate_read
madvise 0x50000000 0x22000 populate_write
madvise 0x50000000 4K populate_write
mlock 0x50000000 0x22000
munlock 0x50000000 0x22000
mprotect 0x50000000 0x22000 rw-
mremap 0x50000000 0x22000 0x22000 maymove,fixed 0x60000000
read 0x60006000
read 0x60007fff
read 0x60010000
madvise 0x60000000 0x22000 guard_remove
sum 0x60000000 0x22000
madvise 0x60000000 4K guard_install
mlock 0x60000000 4K
mlock2 0x60001000 4K 1
madvise 0x60001000 4K guard_install
madvise 0x60001000 4K guard_remove
madvise 0x60001000 1 guard_install
mmap 0x70000000 16K r-- private,anon,fixed
madvise 0x70000000 16K guard_install
mprotect 0x70000000 4K rw-
madvise 0x70000000 16K guard_install
madvise 0x70001000 8K 102
madvise 0x70001000 8K 103
write 0x70001000 1
read 0x70000000
mmap 0x70010000 16K rw- private,anon,growsdown,fixed
madvise 0x70010000 4K guard_install
write 0x7000f000 1
write 0x70010000 1
munmap 0x70010000 4K
mmap 0x70010000 4K rw- private,anon,fixed
read 0x70010000
