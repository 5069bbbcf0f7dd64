/* Takes and gives back known amounts of resident memory, page by page and past any allocator. */
#define _GNU_SOURCE
#include <stddef.h>
#include <sys/mman.h>

/* Resident memory of so many bytes, a multiple of the page's 4 KiB; NULL if there is none. */
void *memory_take(size_t bytes) {
    char *start = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (start == MAP_FAILED) return NULL;
    /* A huge page would make more resident than was touched. */
    madvise(start, bytes, MADV_NOHUGEPAGE);
    for (size_t offset = 0; offset < bytes; offset += 4096) start[offset] = 1;
    return start;
}

/* Gives it back; 0 if that is done. */
int memory_give(void *start, size_t bytes) { return munmap(start, bytes); }

/* Both in one call, which no thread of the interpreter need notice. */
int memory_spike(size_t bytes) {
    void *start = memory_take(bytes);
    return start ? munmap(start, bytes) : -1;
}
