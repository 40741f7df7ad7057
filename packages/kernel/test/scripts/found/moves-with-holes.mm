# mremap of several areas with holes, and what stays at the target
mmap 0x50000000 64K rw- private,anon,fixed
fill 0x50000000 64K 1
munmap 0x50002000 8K
mprotect 0x50006000 4K r--
mprotect 0x50008000 4K none
mmap 0x50003000 4K rw- shared,anon,fixed
write 0x50003000 9
mmap 0x60000000 64K rwx private,anon,fixed
fill 0x60000000 64K 2
mremap 0x50000000 64K 64K maymove,fixed 0x60000000
sum 0x60000000 0x2000
read 0x60002000
read 0x60003000
read 0x50000000
mremap 0x60000000 64K 60K maymove,fixed 0x50000000
mremap 0x60000000 64K 68K maymove,fixed 0x50000000
mremap 0x60000000 64K 68K maymove 0x50000000
mremap 0x60001000 32K 32K maymove,fixed 0x70000800
mremap 0x60001000 32K 32K maymove,fixed 0x60004000
mremap 0x60001000 32K 32K maymove,fixed 0x60009000
mremap 0x60001000 32K 32K maymove,fixed,dontunmap 0x70000000
mremap 0x60000000 4K 4K maymove,fixed,dontunmap 0x70000000
mremap 0x60000000 4K 4K maymove,dontunmap
mremap 0x60003000 4K 4K maymove,dontunmap
mremap 0x60003000 0 8K maymove
mremap 0x60003000 0 8K maymove,fixed 0x71000000
mremap 0x60003000 0 0 maymove,fixed 0x71000000
mremap 0x60000000 0 8K maymove
mremap 0x4fffe000 0x10000 0x10000 maymove,fixed 0x72000000
mremap 0x50000000 0x100000 0x100000 maymove,fixed 0x72000000
mremap 0x60000000 0x20000 0x20000 maymove,fixed 0x72000000
mremap 0x72000000 0x20000 0x20000 none
mremap 0x72000000 0x20000 0x1000 none
mremap 0x70000000 0x20000 0x1000 maymove,fixed 0x73000000
