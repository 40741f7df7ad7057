# MREMAP_DONTUNMAP of every kind of area
mmap 0 0x8000 rw- private,anon
fill $0 0x8000 1
mremap $0 0x8000 0x8000 maymove,dontunmap
sum $0 0x8000
sum $2 0x8000
mremap $2 0x4000 0x4000 maymove,dontunmap
mremap $2+0x2000 0x4000 0x4000 maymove,dontunmap
mremap $2+0x2000 0x4000 0x2000 maymove,dontunmap
mremap $2+0x2000 0x4000 0x6000 maymove,dontunmap
mremap $2+0x2000 0x8000 0x8000 maymove,dontunmap
mremap $2+0x2000 0 0 maymove,dontunmap
mremap $2 0x1000 0x1000 dontunmap
mremap $2 0x1000 0x1000 maymove,fixed,dontunmap 0x70000000
mremap $2 0x1000 0x1000 maymove,dontunmap 0x71000000
write $2 1
mmap 0 0x8000 rw- private,anon,locked
mremap $15 0x8000 0x8000 maymove,dontunmap
write $15 1
munmap $15 0x8000
open 1 a 0x8000
mmap 0 0x8000 rw- private fd 1 0
write $20 1
read $20+0x4000
mremap $20 0x8000 0x8000 maymove,dontunmap
read $20
read $23
mmap 0 0x8000 rw- shared fd 1 0
write $26 1
mremap $26 0x8000 0x8000 maymove,dontunmap
write $26 1
write $28 1
mmap 0 0x8000 rw- shared,anon
write $31 1
mremap $31 0x8000 0x8000 maymove,dontunmap
write $31 1
mmap 0 0x8000 rw- private,anon,growsdown
write $35 1
mremap $35 0x8000 0x8000 maymove,dontunmap
write $35-1 1
write $37-1 1
rlimit as 0
mremap $2 0x1000 0x1000 maymove,dontunmap
mremap $2 0x1000 0x1000 maymove,fixed 0x72000000
