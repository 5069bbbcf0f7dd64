#pragma once

#include <stdbool.h>
#include <stdint.h>

// The system's ncurses, as far as a screen needs it: macros and variadic functions do not import
// into Swift, and its names would be everybody's. One screen a program; all functions but
// cncurses_wake belong to one thread.

// Styles, to be combined by or.
enum {
    CNCURSES_BOLD = 1,
    CNCURSES_DIM = 2,
    CNCURSES_REVERSE = 4,
    CNCURSES_UNDERLINE = 8,
    // A colour from 0 to 15 stands four bits higher with one added; 0 is the terminal's own.
    CNCURSES_COLOUR_SHIFT = 4,
    CNCURSES_COLOUR_MASK = 0x1F0,
};

// What cncurses_read found.
enum cncurses_input {
    CNCURSES_NOTHING = 0,
    CNCURSES_CHARACTER,
    CNCURSES_UP,
    CNCURSES_DOWN,
    CNCURSES_LEFT,
    CNCURSES_RIGHT,
    CNCURSES_PAGE_UP,
    CNCURSES_PAGE_DOWN,
    CNCURSES_HOME,
    CNCURSES_END,
    CNCURSES_ENTER,
    CNCURSES_BACKSPACE,
    CNCURSES_BACK_TAB,
    CNCURSES_WHEEL_UP,
    CNCURSES_WHEEL_DOWN,
    CNCURSES_CLICK,
    CNCURSES_OTHER,
};

// Takes the locale of the environment for characters; whether it is one of UTF-8.
bool cncurses_use_locale(void);

// Takes over the terminal of standard input and output, and all signals that end, stop or resize
// a program of a terminal. Returns the file from which cncurses_woken reads, or -1 if the
// terminal is not known, or -2 with errno if that file cannot be had.
int cncurses_start(bool with_colours);

// Gives the terminal back as it was; does nothing the second time.
void cncurses_stop(void);

// Gives the terminal back, stops the program as SIGTSTP does, and takes it again on SIGCONT.
void cncurses_suspend(void);

// Takes the terminal again after somebody else had it.
void cncurses_resume(void);

// How many colours there are: 0, 8, 16 or more.
int cncurses_colours(void);

// The rows and columns that the terminal says it has; false if it says none.
bool cncurses_size(int *rows, int *columns);

// Draws for so many rows and columns from now on, everything anew.
void cncurses_resize(int rows, int columns);

// Puts characters (UTF-32) at a place; what does not fit is cut.
void cncurses_put(int row, int column, const uint32_t *text, int count, unsigned style);

// Shows what was put.
void cncurses_show(void);

// The next key or turn of the wheel without waiting; *character and *row are set for
// CNCURSES_CHARACTER and CNCURSES_CLICK.
enum cncurses_input cncurses_read(uint32_t *character, int *row);

// Wakes whoever waits for the file; from any thread.
void cncurses_wake(void);

// The next signal that came, 0 for a call of cncurses_wake, -1 if nothing is left.
int cncurses_woken(void);
