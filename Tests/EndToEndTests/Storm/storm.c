/*
 * Makes processes of known sizes that end in every way that exit records must tell apart.
 *
 * usage: storm run COUNT SEED WIDTH      COUNT children, at most WIDTH at once
 *        storm reuse PAIRS               two processes with the same pid, PAIRS times
 *        storm child ORDINAL KIND KIB LIFE_MS CODE      what a child executes
 *
 * Each process writes what it knows of itself as the last thing before its end, and its parent
 * what it saw of that end. All share the file at standard output, one write for each line:
 *
 *     mark ORDINAL PID START KIND KIB last|old|left    its own VmHWM, START as in field 22 of stat;
 *                                                 "old" before it executes another program; "left"
 *                                                 for what was only inherited of a parent
 *     end ORDINAL PID CODE SIGNAL KIB             as wait4() tells; KIB is ru_maxrss
 *     done COUNT
 *
 * What is written must not change the mark: everything has been called and touched once before,
 * and the last steps are bare system calls.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum kind {
    TOUCH, RELEASE, SPAWN, VFORK_SPAWN, FAILED_EXEC, FAILED_VFORK, REEXEC, THREADS, LEADERLESS,
    THREAD_EXEC, KILLED, TERMINATED, CRASHED, FORKER, LAUNCHER, KINDS
};
static const char *const kind_names[KINDS] = {
    "touch", "release", "spawn", "vforkspawn", "failedexec", "failedvfork", "reexec", "threads",
    "leaderless", "threadexec", "killed", "terminated", "crashed", "forker", "launcher"};
/* Of 100 children that live for milliseconds. */
static const int weights[KINDS] = {39, 10, 14, 4, 5, 5, 6, 4, 3, 2, 3, 1, 1, 3, 0};

struct plan {
    long ordinal;
    enum kind kind;
    long kib;      /* what it touches */
    long life;     /* milliseconds from its start to its end */
    int code;      /* what it exits with */
    long next_kib; /* what the program touches that it executes */
};

static const char *self;
static char text[8192], line[256], words[6][24];
static long own_start; /* of this program, milliseconds */
static const long grandchildren = 1000000;

#include "words.h"

static void put_line(int file, char *end) {
    end[-1] = '\n';
    syscall(SYS_write, file, line, (size_t)(end - line));
}

static const char *number_text(int place, long number) {
    *put_number(words[place], number) = 0;
    words[place][strlen(words[place]) - 1] = 0;
    return words[place];
}

static void fail(const char *what) {
    put_line(1, put_text(put_text(line, "fail"), what));
    syscall(SYS_exit_group, 99);
}

static long now_milliseconds(void) {
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return time.tv_sec * 1000 + time.tv_nsec / 1000000;
}

static void sleep_until(long milliseconds) {
    long left = milliseconds - now_milliseconds();
    if (left <= 0) return;
    struct timespec time = {left / 1000, left % 1000 * 1000000};
    nanosleep(&time, NULL);
}

/* MARK: What a process knows of itself. */

static void read_file(const char *path) {
    int file = (int)syscall(SYS_openat, AT_FDCWD, path, O_RDONLY | O_CLOEXEC);
    long count = syscall(SYS_read, file, text, sizeof text - 1);
    syscall(SYS_close, file);
    text[count < 0 ? 0 : count] = 0;
}

/* The mark in KiB. A thread is asked: a leader that has ended has no memory to tell of. */
static long mark(void) {
    read_file("/proc/thread-self/status");
    const char *found = strstr(text, "VmHWM:");
    return found ? atol(found + 6) : 0;
}

static long start_ticks(void) {
    read_file("/proc/self/stat");
    char *at = strrchr(text, ')');
    for (int field = 2; at && field < 22; field++) at = strchr(at + 1, ' ');
    return at ? atol(at) : 0;
}

static long tell(int file, long ordinal, enum kind kind, const char *role) {
    long start = start_ticks(), last = mark();
    for (int round = 0; round < 8; round++) { /* until the reading itself adds nothing */
        long next = mark();
        if (next == last) break;
        last = next;
    }
    char *at = put_number(put_text(line, "mark"), ordinal);
    at = put_number(put_number(at, syscall(SYS_getpid)), start);
    at = put_number(put_text(at, kind_names[kind]), last);
    put_line(file, put_text(at, role));
    return last;
}

static void rehearse(const struct plan *plan) {
    tell(-1, plan->ordinal, plan->kind, "last");
    sleep_until(now_milliseconds());
}

/* MARK: How it fills its life. */

static char *touch(long kib) {
    size_t bytes = (size_t)kib << 10;
    char *memory =
        mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED) fail("mmap");
    for (size_t at = 0; at < bytes; at += 4096) memory[at] = 1;
    return memory;
}

static void end_as(const struct plan *plan) {
    if (plan->kind == CRASHED) prctl(PR_SET_DUMPABLE, 0);
    rehearse(plan);
    sleep_until(own_start + plan->life);
    tell(1, plan->ordinal, plan->kind, "last");
    switch (plan->kind) {
    case KILLED: syscall(SYS_kill, syscall(SYS_getpid), SIGKILL); break;
    case TERMINATED: syscall(SYS_kill, syscall(SYS_getpid), SIGTERM); break;
    case CRASHED: *(volatile int *)0 = 1; break;
    default: break;
    }
    syscall(SYS_exit_group, plan->code);
}

static void execute(const struct plan *plan, enum kind kind, long kib, long life) {
    execl(self, self, "child", number_text(0, plan->ordinal), number_text(1, kind),
          number_text(2, kib), number_text(3, life), number_text(4, plan->code), (char *)0);
}

static void *touch_share(void *plan) {
    touch(((struct plan *)plan)->kib / 4);
    return NULL;
}

static pthread_t leader;
static void *outlive(void *plan) {
    pthread_join(leader, NULL);
    touch(((struct plan *)plan)->kib);
    end_as(plan);
    return NULL;
}

static void *execute_in_thread(void *argument) {
    struct plan *plan = argument;
    rehearse(plan);
    tell(1, plan->ordinal, plan->kind, "old");
    execute(plan, plan->kind, plan->next_kib, plan->life);
    fail("exec in a thread");
    return NULL;
}

static void *rest(void *unused) {
    for (;;) pause();
    return unused;
}

static pthread_t make_thread(void *(*body)(void *), struct plan *plan) {
    pthread_t thread;
    pthread_attr_t attributes;
    pthread_attr_init(&attributes);
    pthread_attr_setstacksize(&attributes, 65536);
    if (pthread_create(&thread, &attributes, body, plan)) fail("pthread_create");
    return thread;
}

static void tell_end(long ordinal, int pid, int status, long maximum) {
    char *at = put_number(put_number(put_text(line, "end"), ordinal), pid);
    at = put_number(at, WIFEXITED(status) ? WEXITSTATUS(status) : -1);
    at = put_number(at, WIFSIGNALED(status) ? WTERMSIG(status) : -1);
    put_line(1, put_number(at, maximum));
}

static void await(long ordinal, int pid) {
    int status;
    struct rusage use;
    if (wait4(pid, &status, 0, &use) == pid) tell_end(ordinal, pid, status, use.ru_maxrss);
}

/* A child that executes nothing because there is no such file; by vfork it has no memory but its
 * parent's, whose buffers it uses while the parent stands still. */
static int fail_to_execute(const struct plan *plan, int by_vfork) {
    int pid = by_vfork ? vfork() : fork();
    if (pid != 0) return pid;
    execl("/nonexistent/program", "program", (char *)0);
    tell(1, plan->ordinal, plan->kind, "left");
    syscall(SYS_exit_group, plan->code);
    return 0;
}

/* Children of a child: one that adds to what it inherited, and two that add nothing. */
static void make_grandchildren(const struct plan *plan) {
    struct plan next = *plan;
    next.ordinal = grandchildren + plan->ordinal * 3;
    next.kind = FAILED_VFORK;
    next.code = 127;
    rehearse(&next); /* What these share with a vforked child is touched before. */
    await(next.ordinal, fail_to_execute(&next, 1));
    next.ordinal += 1;
    next.kind = FAILED_EXEC;
    await(next.ordinal, fail_to_execute(&next, 0));
    if (plan->kind != FORKER) return;
    next.ordinal += 1;
    next.kind = TOUCH;
    next.code = 3;
    int pid = fork();
    if (pid == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        own_start = now_milliseconds();
        touch(plan->next_kib);
        end_as(&next);
    }
    await(next.ordinal, pid);
}

static void live(struct plan *plan) {
    pthread_t threads[4];
    char *memory;
    switch (plan->kind) {
    case RELEASE:
        memory = touch(plan->kib);
        munmap(memory, (size_t)plan->kib << 9 & ~(size_t)0xFFFF);
        break;
    case REEXEC:
        touch(plan->kib);
        rehearse(plan);
        sleep_until(own_start + plan->life);
        tell(1, plan->ordinal, plan->kind, "old");
        execute(plan, TOUCH, plan->next_kib, 1);
        fail("exec");
        break;
    case THREADS:
        for (int i = 0; i < 4; i++) threads[i] = make_thread(touch_share, plan);
        for (int i = 0; i < 4; i++) pthread_join(threads[i], NULL);
        break;
    case LEADERLESS:
        leader = pthread_self();
        make_thread(outlive, plan);
        pthread_exit(NULL);
        break;
    case THREAD_EXEC:
        touch(plan->kib);
        for (int i = 0; i < 3; i++) make_thread(rest, plan);
        pthread_join(make_thread(execute_in_thread, plan), NULL);
        break;
    case FORKER:
    case LAUNCHER:
        touch(plan->kib);
        make_grandchildren(plan);
        break;
    default: touch(plan->kib); break;
    }
    end_as(plan);
}

/* MARK: The driver. */

static long count, width, driver_kib;

static struct plan draw_plan(long ordinal, uint64_t seed) {
    state = seed * 1000003 + (uint64_t)ordinal;
    struct plan plan = {.ordinal = ordinal};
    plan.kib = draw_log(1024, 6);
    plan.next_kib = draw_log(1024, 6);
    plan.life = draw_log(1, 6);
    if (plan.life > 50) plan.life = 50;
    plan.code = (int)(draw() % 126);
    int at = (int)(draw() % 100);
    while (at >= weights[plan.kind]) at -= weights[plan.kind++];
    if (ordinal % 100 == 50) { /* Large ones that live longer than a look takes. */
        static const enum kind large[] = {TOUCH, LAUNCHER, REEXEC, THREADS};
        plan.kind = large[draw() % 4];
        plan.kib = 65536 + (long)(draw() % (136 << 10));
        plan.life = 400 + (long)(draw() % 1200);
    }
    if (plan.kind == FAILED_EXEC || plan.kind == FAILED_VFORK) {
        plan.kib = 0;
        plan.code = 127;
    } else {
        /* More than the driver's own mark, below which a child's is only inherited. */
        plan.kib += driver_kib;
    }
    return plan;
}

static int start(struct plan *plan) {
    if (plan->kind == FAILED_EXEC || plan->kind == FAILED_VFORK)
        return fail_to_execute(plan, plan->kind == FAILED_VFORK);
    int pid = plan->kind == VFORK_SPAWN ? vfork() : fork();
    if (pid != 0) return pid;
    if (plan->kind == SPAWN || plan->kind == VFORK_SPAWN) {
        execute(plan, plan->kind, plan->kib, plan->life);
        fail("exec of a child");
    }
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    own_start = now_milliseconds();
    live(plan);
    return 0;
}

struct running { int pid; long ordinal, kib; };

static void run(uint64_t seed) {
    static struct running running[64];
    const long most_kib = 640 << 10;
    long begun = 0, ended = 0, active = 0, held = 0;
    driver_kib = mark();
    while (ended < count) {
        if (begun < count && active < width) {
            struct plan plan = draw_plan(begun, seed);
            long need = plan.kib + plan.next_kib;
            if (active == 0 || held + need <= most_kib) {
                int pid = start(&plan);
                if (pid < 0) fail("fork");
                for (int i = 0; i < width; i++) {
                    if (running[i].pid) continue;
                    running[i] = (struct running){pid, begun, need};
                    break;
                }
                begun++, active++, held += need;
                continue;
            }
        }
        int status;
        struct rusage use;
        int pid = wait4(-1, &status, 0, &use);
        if (pid < 0) fail("wait");
        for (int i = 0; i < width; i++) {
            if (running[i].pid != pid) continue;
            tell_end(running[i].ordinal, pid, status, use.ru_maxrss);
            ended++, active--, held -= running[i].kib;
            running[i].pid = 0;
            break;
        }
    }
    put_line(1, put_number(put_text(line, "done"), ended));
}

/* MARK: The same pid twice. */

static int fork_as(int wanted, struct plan *plan) {
    for (int attempt = 0; attempt < 2000; attempt++) {
        if (wanted) {
            int file = open("/proc/sys/kernel/ns_last_pid", O_WRONLY | O_CLOEXEC);
            char *end = put_number(line, wanted - 1);
            if (file < 0 || write(file, line, (size_t)(end - line - 1)) < 0) fail("ns_last_pid");
            close(file);
        }
        int pid = fork();
        if (pid < 0) fail("fork");
        if (pid == 0) {
            if (wanted && getpid() != wanted) syscall(SYS_exit_group, 0);
            prctl(PR_SET_PDEATHSIG, SIGKILL);
            own_start = now_milliseconds();
            live(plan);
        }
        if (!wanted || pid == wanted) return pid;
        waitpid(pid, NULL, 0);
    }
    fail("another process has that pid");
    return -1;
}

static void reuse(void) {
    driver_kib = mark();
    for (long pair = 0; pair < count; pair++) {
        int pid = 0;
        for (int member = 0; member < 2; member++) {
            struct plan plan = {.ordinal = pair * 2 + member, .kind = TOUCH};
            /* The larger one first in every other pair, and far enough apart to be told apart. */
            plan.kib = driver_kib + ((member ^ (pair & 1)) ? 24 << 10 : 4 << 10);
            plan.life = 60;
            plan.code = 10 + member;
            pid = fork_as(pid, &plan);
            await(plan.ordinal, pid);
        }
    }
    put_line(1, put_number(put_text(line, "done"), count * 2));
}

int main(int argc, char **argv) {
    self = argv[0];
    own_start = now_milliseconds();
    struct rlimit none = {0, 0};
    setrlimit(RLIMIT_CORE, &none);
    if (argc == 7 && !strcmp(argv[1], "child")) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        struct plan plan = {atol(argv[2]), (enum kind)atol(argv[3]), atol(argv[4]),
                            atol(argv[5]), (int)atol(argv[6]), 0};
        touch(plan.kib);
        end_as(&plan);
    }
    struct plan unborn = {0, TOUCH, 0, 0, 0, 0};
    rehearse(&unborn);
    nice(5); /* What watches comes first, and so do other tests. */
    if (argc == 5 && !strcmp(argv[1], "run")) {
        count = atol(argv[2]);
        width = atol(argv[4]);
        if (width < 1 || width > 64) return 2;
        run((uint64_t)strtoull(argv[3], NULL, 10));
        return 0;
    }
    if (argc == 3 && !strcmp(argv[1], "reuse")) {
        count = atol(argv[2]);
        reuse();
        return 0;
    }
    return 2;
}
