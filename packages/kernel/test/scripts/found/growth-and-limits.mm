# growth downwards of locked, forbidden and advised areas, under every limit
mmap 0x50000000 64K rw- private,anon,growsdown,fixed
write 0x4fff0000 1
mremap 0x4fff0000 0x20000 0x30000 none
mremap 0x4fff0000 0x20000 0x30000 maymove
write 0x40000000-0x1000 2
mmap 0x50000000 64K rw- private,anon,growsdown,fixed
mremap 0x50000000 64K 64K maymove,dontunmap
write 0x4ffff000 1
mlock 0x50000000 4K
write 0x4fffe000 1
rlimit memlock 8K
write 0x4ff00000 1
rlimit memlock 0
write 0x4fe00000 1
rlimit memlock 8M
mlock2 0x4fff0000 0x10000 1
rlimit stack 0x10000
write 0x4fd00000 1
munlock 0x4fff0000 0x20000
write 0x4fd00000 1
rlimit stack 8M
write 0x4fd00000 1
rlimit as 0
write 0x4fc00000 1
rlimit as inf
rlimit data 0
write 0x4fc00000 1
rlimit data inf
mprotect 0x4fd00000 4K none
write 0x4fcff000 1
mprotect 0x4fd00000 4K r--
read 0x4fcff000
madvise 0x4fcff000 4K dontneed
madvise 0x4fcfe000 4K populate_write
madvise 0x4fcff000 4K dontfork
write 0x4fcfe000 1
mmap 0x4fbfe000 4K none private,anon,fixed
write 0x4fbff000 1
mmap 0x4faff000-0x100000 4K rw- private,anon,fixed
write 0x4fafe000 1
write 0x4faff000 1
