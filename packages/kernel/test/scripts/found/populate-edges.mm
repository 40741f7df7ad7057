# populating what is protected, beyond the end of a file, guarded or growing
open 1 a 0x5800 rw
open 2 b 0x5800 ro
mmap 0x50000000 0x4000 none private,anon,fixed,populate
mprotect 0x50000000 0x4000 r--
read 0x50000000
mmap 0x50004000 0x4000 none private,fixed,populate fd 1 0
mmap 0x50008000 0x8000 rw- private,fixed,populate fd 1 3
mmap 0x50010000 0x8000 r-- private,fixed,populate fd 1 3
mmap 0x50018000 0x8000 rw- shared,fixed,populate fd 1 0
write 0x50018000 1
mmap 0x50020000 0x8000 r-- shared,fixed,populate,nonblock fd 1 0
mmap 0x50030000 0x4000 -w- private,anon,fixed,populate
mmap 0x50034000 0x4000 -w- shared,anon,fixed,populate
mmap 0x50038000 0x4000 rw- private,anon,fixed,populate,nonblock
mmap 0x5003c000 0x4000 rw- private,anon,fixed,locked,nonblock
mmap 0x50040000 0x4000 rw- private,anon,fixed,growsdown,populate
mmap 0x50050000 0x4000 rw- private,anon,fixed,populate,noreserve,stack
madvise 0x50000000 0x4000 populate_read
madvise 0x50000000 0x4000 populate_write
madvise 0x50004000 0x4000 populate_read
madvise 0x50008000 0x8000 populate_read
madvise 0x50008000 0x8000 populate_write
madvise 0x50018000 0x8000 populate_write
madvise 0x50020000 0x8000 populate_write
madvise 0x50030000 0x8000 populate_read
madvise 0x50030000 0x8000 populate_write
madvise 0x50038000 0x10000 populate_write
madvise 0x50054000 0x1000 populate_read
madvise 0x50053000 0x2000 populate_read
madvise 0x50053001 0x2000 populate_read
madvise 0x50053000 0 populate_read
madvise 0x60000000 0 populate_write
madvise 0x60000001 0 populate_write
madvise 0xbffff000 0x1000 populate_write
madvise 0xbffdf000 0x21000 populate_read
madvise 0xbffd0000 0x10000 populate_write
madvise 0xbffff000 0x2000 populate_read
madvise 0x50040000 0x4000 guard_install
madvise 0x5003f000 0x3000 populate_write
madvise 0x5003f000 0x3000 populate_read
mlock 0x5003f000 0x2000
read 0x50040000
madvise 0x5003f000 0x5000 guard_remove
madvise 0x50040000 0x4000 guard_remove
munlock 0x5003f000 0x2000
madvise 0x50040000 0x4000 guard_remove
read 0x50040000
truncate 1 0x2000
madvise 0x50018000 0x4000 populate_read
madvise 0x50018000 0x4000 populate_write
madvise 0x50018000 0x2000 populate_write
