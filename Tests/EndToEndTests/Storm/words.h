/* Numbers to draw, and text and numbers to write without the C library's memory. */
#pragma once

#include <stdint.h>

static uint64_t state;
static uint64_t draw(void) { /* SplitMix64 */
    uint64_t mixed = state += 0x9E3779B97F4A7C15u;
    mixed = (mixed ^ (mixed >> 30)) * 0xBF58476D1CE4E5B9u;
    mixed = (mixed ^ (mixed >> 27)) * 0x94D049BB133111EBu;
    return mixed ^ (mixed >> 31);
}

/* Uniform in its logarithm: a power of two of low, then uniform up to the next one. */
static long draw_log(long low, int doublings) {
    long base = low << (draw() % (unsigned)doublings);
    return base + (long)(draw() % (uint64_t)base);
}

static char *put_text(char *at, const char *from) {
    while (*from) *at++ = *from++;
    *at++ = ' ';
    return at;
}

static char *put_number(char *at, long number) {
    char digits[24];
    int count = 0;
    if (number < 0) { *at++ = '-'; number = -number; }
    do { digits[count++] = (char)('0' + number % 10); number /= 10; } while (number);
    while (count) *at++ = digits[--count];
    *at++ = ' ';
    return at;
}
