# numbers and expressions that wrap, protections and flags as numbers, addresses at the edges
brk 0xffffffff
brk -1
brk 0x1000-1
brk 4096K
brk 1G
brk 2G-1
brk -0x100000000
brk 18446744073709551615
brk 18446744073709551616
brk brk0
brk brk0-brk0+0x5000
brk 0
brk -brk0
brk query
mmap 0xffffffff 1 rw- private,anon
mmap 0xfffff000 0x1000 rw- private,anon
mmap 0xffffffff 0xffffffff rw- private,anon
mmap -1 -1 rw- private,anon
mmap -4096 1K rw- private,anon,fixed
mmap 3G-4K 4K rw- private,anon,fixed
mmap 3G 4K rw- private,anon,fixed
mmap 3G-4K 8K rw- private,anon,fixed
mmap 1 1 rw- private,anon
mmap 0xfff 1 rw- private,anon
mmap 0 0xfffff001 rw- private,anon
mmap 0 0xfffff000 rw- private,anon
mmap 0 0xc0000000 rw- private,anon
mmap 0 0xbfff0000 rw- private,anon
mmap 0 1 7 34
mmap 0 1 0xff 34
mmap 0 1 0x1000000 34
mmap 0 1 8 34
mmap 0 1 - private,anon
mmap 0 1 rwxrwx private,anon
mmap 0 1 rw- 0
mmap 0 1 rw- none
mmap 0 1 rw- 3,anon
mmap 0 1 rw- 4,anon
mmap 0 1 rw- 0x22
mmap 0 1 rw- 0xfffbffff
mmap 0 1 rw- 0x80000022
mmap 0 1 rw- 0x10000000,private,anon
read 0xffffffff
read 0xc0000000
write 0xbfffffff 300
read 0xbfffffff
write -1 1
read 0
read $13
