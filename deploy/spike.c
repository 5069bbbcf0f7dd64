/*
 * A program whose peak nobody sees who looks once a second.
 *
 * Waits for one byte on standard input, so that a watcher can be there first. Then it touches
 * 300 MiB, keeps them for a fifth of a second, gives them back and lives on for four seconds.
 * At the end it prints what the kernel says of it: "VmHWM: <kB>" (proc_pid_status(5)).
 */
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

static const size_t spike_bytes = (size_t)300 << 20;

static void rest(long milliseconds) {
    struct timespec left = {milliseconds / 1000, (milliseconds % 1000) * 1000000};
    while (nanosleep(&left, &left) != 0) {
    }
}

int main(void) {
    char go;
    if (read(STDIN_FILENO, &go, 1) != 1) return 1;

    char *memory = mmap(NULL, spike_bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED) {
        perror("spike: no 300 MiB to be had");
        return 1;
    }
    memset(memory, 1, spike_bytes);
    rest(200);
    munmap(memory, spike_bytes);
    rest(4000);

    char line[256];
    FILE *status = fopen("/proc/self/status", "r");
    if (status == NULL) return 1;
    while (fgets(line, sizeof line, status) != NULL) {
        if (strncmp(line, "VmHWM:", 6) == 0) fputs(line, stdout);
    }
    fclose(status);
    return 0;
}
