# every range call with addresses and lengths at the edges of the address space
mmap 0 4K rw- private,anon
fill $0 0 1
sum $0 0
sum 0xffffffff 0
fill 0xfffffffe 4 1
sum 0xbffffffe 4
fill 0xbffffffe 4 7
read 0xbffffffe
munmap 0 0xffffffff
munmap 0 0xc0000000
munmap 0xc0000000 1
munmap 0xbffff000 0x1001
munmap 0x1000 0
munmap 1 1
mprotect 0xfffff000 0x1000 rw-
mprotect 0xfffff000 0x2000 rw-
mprotect 0xbffff000 0x2000 rw-
mprotect 0 0x1000 rw-
mprotect 1 0 rw-
mprotect 0 0 0xff
mprotect $0 4K 0x1000000
mprotect $0 4K 0x2000000
mprotect $0 4K 0x1000003
mprotect $0 4K 8
mprotect $0 4K 16
madvise 0xfffff000 0x1000 normal
madvise 0xfffff000 0x2000 normal
madvise 1 0 normal
madvise 0 0 99
madvise 0 0 normal
madvise $0 0xfffff001 normal
madvise $0 0xffffffff normal
msync 0xfffff000 0x1000 sync
msync $0 0xffffffff sync
msync 0 0 none
msync 0 0 8
msync 1 0 none
msync $0 4K 7
mincore 0xfffff000 0x1000
mincore 0xbffff000 0x1000
mincore 0xbffff000 0x2000
mincore 0xc0000000 0x1000
mincore 1 0
mincore 0 0
mincore 0x40000000 0x8000000
mincore 0x40000000 0x8000001
mlock 0 0
mlock 1 0
mlock 0xffffffff 0
mlock 0xffffffff 1
mlock 0xbfffffff 2
munlock 0xffffffff 2
mlock2 $0 1 2
mlock2 $0 1 0xffffffff
mlock2 $0 1 1
mlock2 0 0 1
mremap 0xffffffff 1 1 none
mremap 0xfffff000 0x1000 0x1000 none
mremap $0 0 0 none
mremap $0 0 1 maymove
mremap $0 1 0xffffffff maymove
mremap $0 1 0xc0000000 maymove
mremap $0 0xffffffff 1 maymove
mremap $0 0xfffff000 1 none
mremap $0 4K 4K 8
mremap $0 4K 4K 0xffffffff
mremap $0 4K 4K fixed 0x50000000
mremap $0 4K 4K maymove,fixed 0x50000001
mremap $0 4K 4K maymove,fixed 0xc0000000
mremap $0 4K 4K maymove,fixed 0xbffff000
mremap $0 4K 4K maymove,fixed
mremap $0 4K 4K maymove,fixed 0xfff00000
