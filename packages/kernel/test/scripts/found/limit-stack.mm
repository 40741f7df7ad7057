# RLIMIT_STACK at its edges
rlimit stack 0x21000
read 0xbffde000
rlimit stack 0x22000
read 0xbffde000
read 0xbffdd000
rlimit stack 0x22fff
read 0xbffdd000
rlimit stack 0
read 0xbffdd000
read 0xbffde000
write 0xbffff000 1
rlimit stack inf
read 0xbf000000
mmap 0xbe000000 0x2000 rw- private,anon,fixed,growsdown
rlimit stack 0x3000
read 0xbdfff000
read 0xbdffe000
munmap 0xbe000000 0x1000
read 0xbe000000
read 0xbdffe000
mprotect 0xbe001000 0x1000 none
read 0xbe000000
rlimit stack 0x4000
read 0xbe000000
mprotect 0xbdffe000 0x1000 0x01000003
rlimit as 0x1000000
rlimit stack inf
read 0xbd000000
read 0xb8000000
rlimit as inf
read 0xb0000000
read 0x90000000
mmap 0 0x1000 rw- private,anon
mmap 0x8fe00000 0x1000 rw- private,anon,fixed
read 0x8ff00fff
read 0x8ff01000
