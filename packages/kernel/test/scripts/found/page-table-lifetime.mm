open 1 f 0x5000
# a: whole-table dontneed, then probe beyond EOF with window start at last page
mmap 0x50000000 0x200000 r-- private fd 1 4
read 0x50000000
madvise 0x50000000 0x200000 dontneed
read 0x50001000
# b: partial
read 0x50000000
madvise 0x50000000 0x1ff000 dontneed
read 0x50001000
# c: neighbour keeps the table
mmap 0x51000000 0x1000 rw- private,anon
write 0x51000000 1
mmap 0x51001000 0x4000 r-- private fd 1 4
read 0x51002000
munmap 0x51001000 0x4000
munmap 0x51000000 0x1000
mmap 0x51001000 0x4000 r-- private fd 1 4
read 0x51002000
# d: zero page read makes a table; dontneed of one page keeps it
mmap 0x52000000 0x1000 rw- private,anon
read 0x52000000
madvise 0x52000000 0x1000 dontneed
mmap 0x52001000 0x4000 r-- private fd 1 4
read 0x52002000
# e: mprotect none area, no table
mmap 0x53000000 0x1000 rw- private,anon
mprotect 0x53000000 0x1000 r--
mmap 0x53001000 0x4000 r-- private fd 1 4
read 0x53002000
# f: write fault beyond EOF leaves no table
mmap 0x54000000 0x4000 rw- private fd 1 4
write 0x54002000 1
read 0x54002000
mmap 0x55000000 0x4000 rw- shared fd 1 4
write 0x55002000 1
read 0x55002000
# g: mremap away with dontunmap: old table stays, new table made
mmap 0x56000000 0x4000 rw- private fd 1 4
read 0x56000000
mremap 0x56000000 0x4000 0x4000 maymove,fixed,dontunmap 0x57000000
read 0x56001000
madvise 0x57000000 0x4000 dontneed
read 0x57001000
# h: empty old table: moved makes new one
mmap 0x58000000 0x4000 rw- private fd 1 4
read 0x58000000
madvise 0x58000000 0x4000 dontneed
mremap 0x58000000 0x4000 0x4000 maymove,fixed 0x59000000
read 0x59001000
# i: pmd aligned move with dontunmap
mmap 0x5a000000 0x200000 rw- private fd 1 4
read 0x5a000000
mremap 0x5a000000 0x200000 0x200000 maymove,fixed,dontunmap 0x5b000000
read 0x5a001000
madvise 0x5b000000 0x1000 dontneed
read 0x5b001000
# j: fixed replacement frees the table when nothing else is there
mmap 0x5c000000 0x4000 rw- private,anon
write 0x5c000000 1
mmap 0x5c000000 0x4000 r-- private,fixed fd 1 4
read 0x5c001000
# k: fixed over middle part
mmap 0x5d000000 0x4000 rw- private,anon
write 0x5d000000 1
mmap 0x5d001000 0x2000 r-- private,fixed fd 1 4
read 0x5d002000
# l: guard page near: truncated
mmap 0x5e000000 0x4000 rw- private,anon
madvise 0x5e000000 0x1000 guard_install
madvise 0x5e000000 0x1000 guard_remove
mmap 0x5e001000 0x2000 r-- private,fixed fd 1 4
read 0x5e002000
# m: populate fails
mmap 0x5f000000 0x4000 r-- private,populate fd 1 5
read 0x5f001000
# n: truncate zaps only
open 2 g 0x8000
mmap 0x60000000 0x8000 r-- private fd 2 0
read 0x60000000
truncate 2 0
truncate 2 0x1000
read 0x60001000
# o: realigned move
mmap 0x61100000 0x100000 rw- private fd 1 4
read 0x61100000
mremap 0x61100000 0x100000 0x100000 maymove,fixed,dontunmap 0x62100000
read 0x61101000
# p: not realigned: partial
mmap 0x63100000 0x100000 rw- private fd 1 4
read 0x63100000
mremap 0x63100000 0x80000 0x80000 maymove,fixed,dontunmap 0x64100000
read 0x63101000
# q: hole extension: floor and ceiling
mmap 0x65000000 0x1000 rw- private,anon
write 0x65000000 1
mmap 0x65100000 0x1000 rw- private,anon
write 0x65100000 1
munmap 0x65000000 0x1000
munmap 0x65100000 0x1000
mmap 0x65001000 0x2000 r-- private,fixed fd 1 4
read 0x65002000
