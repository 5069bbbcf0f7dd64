/*
 * A process for measuring agents. With the argument 1 its memory changes every second, by a few
 * pages up or down; with 0 it sleeps.
 */
#define _GNU_SOURCE
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <signal.h>
#include <unistd.h>

int main(int count, char **words) {
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (count < 2 || strcmp(words[1], "1") != 0) {
        for (;;) pause();
    }
    const size_t page = 4096, pages = 1024;
    char *memory =
        mmap(NULL, pages * page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED) return 1;
    srandom((unsigned)getpid());
    size_t used = 200 + (size_t)random() % 400;
    memset(memory, 1, used * page);
    for (;;) {
        usleep(1000000);
        size_t next = used + (size_t)(random() % 41) - 20;
        if (next < 1) next = 1;
        if (next > pages) next = pages;
        if (next > used) memset(memory + used * page, 1, (next - used) * page);
        if (next < used) madvise(memory + next * page, (used - next) * page, MADV_DONTNEED);
        used = next;
    }
}
