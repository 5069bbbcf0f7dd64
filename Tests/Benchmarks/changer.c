/*
 * Processes for measuring agents, each executed by itself so that it shares no memory with others.
 *
 * usage: changer COUNT CHANGING     COUNT processes, of which CHANGING change their memory each
 *                                   second by a few pages up or down; the others sleep
 *
 * It writes "ready" when all are there. When it ends, however that happens, so do they.
 */
#define _GNU_SOURCE
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

static void end_with(pid_t parent) {
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != parent) _exit(1); /* It ended before it was asked for. */
}

static int change(void) {
    const size_t page = (size_t)sysconf(_SC_PAGESIZE), pages = 1024;
    char *memory =
        mmap(NULL, pages * page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED) return 1;
    srandom((unsigned)getpid());
    size_t used = 200 + (size_t)random() % 400;
    memset(memory, 1, used * page);
    usleep((useconds_t)random() % 1000000); /* So that not all change at once. */
    for (;;) {
        usleep(1000000);
        long next = (long)used + random() % 41 - 20;
        if (next < 1) next = 1;
        if (next > (long)pages) next = (long)pages;
        if ((size_t)next > used) memset(memory + used * page, 1, ((size_t)next - used) * page);
        if ((size_t)next < used)
            madvise(memory + (size_t)next * page, (used - (size_t)next) * page, MADV_DONTNEED);
        used = (size_t)next;
    }
}

int main(int argc, char **argv) {
    if (argc == 3 && !strcmp(argv[1], "one")) {
        end_with(getppid());
        if (!strcmp(argv[2], "changing")) return change();
        for (;;) pause();
    }
    if (argc != 3) return 2;
    end_with(getppid());
    const long count = atol(argv[1]), changing = atol(argv[2]);
    for (long i = 0; i < count; i++) {
        /* The changing ones lie among the others, as on a real host. */
        const int changes = (i + 1) * changing / count > i * changing / count;
        const pid_t child = fork();
        if (child < 0) {
            perror("changer: fork");
            return 1;
        }
        if (child == 0) {
            execl("/proc/self/exe", argv[0], "one", changes ? "changing" : "asleep", (char *)0);
            _exit(127);
        }
    }
    puts("ready");
    fflush(stdout);
    /* A child that ends would make the population another one than what was asked for. */
    wait(NULL);
    fputs("changer: a child has ended\n", stderr);
    return 1;
}
