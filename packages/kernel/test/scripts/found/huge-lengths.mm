# zero, huge and wrapping lengths and addresses
mmap 0 0 rw- private,anon
mmap 0 0xffffffff rw- private,anon
mmap 0 0xfffff001 rw- private,anon
mmap 0 0xfffff000 rw- private,anon
mmap 0 0xc0000000 rw- private,anon
mmap 0 0xc0000001 rw- private,anon
mmap 0 0xbfff0000 none private,anon
mmap 0x10000 0xbffc0000 none private,anon,noreserve
mmap 0x1000 0x1000 rw- private,anon,fixed
mmap 0 0x1000 rw- private,anon,fixed
mmap 0xfff 0x1000 rw- private,anon
mmap 0xffffffff 0x1000 rw- private,anon
mmap 0xfffff000 0x1000 rw- private,anon,fixed
mmap 0xfffff000 0x2000 rw- private,anon,fixed
mmap 0xbffff000 0x2000 rw- private,anon,fixed
mmap 0xc0000000 0x1000 rw- private,anon,fixed
mmap 0xbffff001 0x1000 rw- private,anon,fixed
mmap 0xbffff000 0xfffff001 rw- private,anon,fixed
mmap 0xbffff000 0x1000 rw- private,anon,fixed_noreplace
mmap 0x50000000 0x70000001 rw- private,anon,fixed_noreplace
mmap 0x50000001 0x1000 rw- private,anon,fixed_noreplace
mmap 0xf000 0x1000 rw- private,anon
munmap 0 0xffffffff
munmap 0xc0000000 0x1000
munmap 0xc0000000 0
munmap 0xbffff000 0x2000
munmap 0xfffff000 0x1000
munmap 0xfffff000 0x2000
munmap 0x50000000 0xffffffff
munmap 0x50000000 0
munmap 0x50000001 0x1000
munmap 0x50000000 1
munmap 0x60000000 0x5fffffff
mprotect 0x50000000 0xffffffff rw-
mprotect 0x50000000 0xfffff000 rw-
mprotect 0x50000000 0xb0000000 rw-
mprotect 0xfffff000 0x1000 rw-
mprotect 0xfffff000 0x2000 rw-
mprotect 0x50000001 0 rw-
mprotect 0x50000000 0 rw-
mprotect 0x50000000 0x1000 8
mprotect 0x50000000 0x1000 0x10
mprotect 0x50000000 0 0x10
mincore 0x50000000 0
mincore 0x50000001 0
mincore 0x1000 0x1000
mincore 0xbffff000 0x1001
mincore 0xc0000000 0x1000
mincore 0xfffff000 0x1000
mincore 0x50000000 0xb0001000
