#define _GNU_SOURCE
#define NCURSES_WIDECHAR 1

#include "CNcurses.h"

#include <errno.h>
#include <fcntl.h>
#include <langinfo.h>
#include <locale.h>
#include <ncurses.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>
#include <wchar.h>

_Static_assert(sizeof(wchar_t) == sizeof(uint32_t), "wchar_t is UTF-32 on Linux");

static SCREEN *screen;
static int wake_files[2] = {-1, -1};
static int colour_count;
// How long an escape sequence may take on its way, in milliseconds: longer than over most lines,
// and too short to be felt when Esc is pressed.
static const int escape_milliseconds = 50;

// What a crash needs to give the terminal back, prepared because little may be called by then.
static struct termios saved_terminal;
static char farewell[256];
static size_t farewell_length;
static volatile sig_atomic_t is_taken;

static const int told_signals[] = {SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGTSTP, SIGCONT, SIGWINCH};
static const int fatal_signals[] = {SIGSEGV, SIGBUS, SIGILL, SIGTRAP, SIGABRT, SIGFPE, SIGSYS};

static void tell(unsigned char what) {
    int code = errno;
    // The pipe does not block: when it is full, whoever reads it wakes up anyway.
    ssize_t ignored = write(wake_files[1], &what, 1);
    (void)ignored;
    errno = code;
}

static void on_signal(int number) { tell((unsigned char)number); }

static void on_crash(int number) {
    if (is_taken) {
        is_taken = 0;
        ssize_t ignored = write(STDOUT_FILENO, farewell, farewell_length);
        (void)ignored;
        tcsetattr(STDIN_FILENO, TCSANOW, &saved_terminal);
    }
    signal(number, SIG_DFL);
    raise(number);
}

static void handle(int number, void (*handler)(int), int flags) {
    struct sigaction action;
    memset(&action, 0, sizeof action);
    action.sa_handler = handler;
    action.sa_flags = flags;
    sigemptyset(&action.sa_mask);
    sigaction(number, &action, NULL);
}

static void take_signals(void) {
    // The threads of a pool, from which this one may come, have signals blocked.
    sigset_t none;
    sigemptyset(&none);
    pthread_sigmask(SIG_SETMASK, &none, NULL);
    for (size_t i = 0; i < sizeof told_signals / sizeof *told_signals; i++)
        handle(told_signals[i], on_signal, SA_RESTART);
    for (size_t i = 0; i < sizeof fatal_signals / sizeof *fatal_signals; i++)
        handle(fatal_signals[i], on_crash, SA_NODEFER);
    // Writing to a terminal that is gone must not look like a crash.
    handle(SIGPIPE, SIG_IGN, 0);
}

static void prepare_farewell(void) {
    // The wheel is nobody's any more; then what ncurses writes at its end.
    const char *mouse = "\033[?1000l\033[?1006l";
    const char *parts[] = {mouse, tigetstr("sgr0"), tigetstr("rmkx"), tigetstr("cnorm"),
                           tigetstr("rmcup")};
    farewell_length = 0;
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++) {
        const char *part = parts[i];
        if (part == NULL || part == (char *)-1) continue;
        if (part == mouse && tigetstr("kmous") == NULL) continue;
        size_t length = strlen(part);
        if (farewell_length + length > sizeof farewell) continue;
        memcpy(farewell + farewell_length, part, length);
        farewell_length += length;
    }
}

bool cncurses_use_locale(void) {
    // A locale that is asked for and not installed: characters are the same in all of UTF-8.
    if (setlocale(LC_CTYPE, "") == NULL) {
        const char *names[] = {getenv("LC_ALL"), getenv("LC_CTYPE"), getenv("LANG")};
        const char *name = NULL;
        for (int i = 0; i < 3 && name == NULL; i++)
            if (names[i] != NULL && *names[i] != 0) name = names[i];
        if (name != NULL && (strcasestr(name, "utf-8") || strcasestr(name, "utf8")))
            setlocale(LC_CTYPE, "C.UTF-8");
    }
    return strcmp(nl_langinfo(CODESET), "UTF-8") == 0;
}

static void prepare_colours(bool with_colours) {
    colour_count = 0;
    if (!with_colours || !has_colors() || start_color() == ERR) return;
    colour_count = COLORS;
    int background = use_default_colors() == OK ? -1 : COLOR_BLACK;
    int most = COLORS < 16 ? COLORS : 16;
    for (int i = 0; i < most && i + 1 < COLOR_PAIRS; i++)
        init_pair((short)(i + 1), (short)i, (short)background);
}

int cncurses_start(bool with_colours) {
    if (pipe2(wake_files, O_CLOEXEC | O_NONBLOCK) != 0) return -2;
    if (tcgetattr(STDIN_FILENO, &saved_terminal) != 0) return -2;
    if (getenv("ESCDELAY") == NULL) set_escdelay(escape_milliseconds);
    screen = newterm(NULL, stdout, stdin);
    if (screen == NULL) return -1;
    is_taken = 1;
    prepare_farewell();
    take_signals();
    atexit(cncurses_stop);
    cbreak();
    noecho();
    nonl();
    intrflush(stdscr, FALSE);
    keypad(stdscr, TRUE);
    nodelay(stdscr, TRUE);
    curs_set(0);
    mouseinterval(0);
    mousemask(BUTTON1_PRESSED | BUTTON4_PRESSED | BUTTON5_PRESSED, NULL);
    prepare_colours(with_colours);
    return wake_files[0];
}

void cncurses_stop(void) {
    if (!is_taken) return;
    is_taken = 0;
    mousemask(0, NULL);
    curs_set(1);
    endwin();
    // endwin restores what it found by the modes that it knows; this restores all of them.
    tcsetattr(STDIN_FILENO, TCSADRAIN, &saved_terminal);
}

void cncurses_suspend(void) {
    endwin();
    tcsetattr(STDIN_FILENO, TCSADRAIN, &saved_terminal);
    is_taken = 0;
    handle(SIGTSTP, SIG_DFL, 0);
    // To this thread: it must not go on, and take the signal again, before the program has stopped.
    raise(SIGTSTP);
    handle(SIGTSTP, on_signal, SA_RESTART);
    cncurses_resume();
}

void cncurses_resume(void) {
    is_taken = 1;
    reset_prog_mode();
    clearok(curscr, TRUE);
    doupdate();
}

int cncurses_colours(void) { return colour_count; }

bool cncurses_size(int *rows, int *columns) {
    struct winsize size;
    if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) != 0) return false;
    if (size.ws_row == 0 || size.ws_col == 0) return false;
    *rows = size.ws_row;
    *columns = size.ws_col;
    return true;
}

void cncurses_resize(int rows, int columns) {
    resizeterm(rows, columns);
    clearok(curscr, TRUE);
    werase(stdscr);
}

void cncurses_put(int row, int column, const uint32_t *text, int count, unsigned style) {
    attr_t attributes = A_NORMAL;
    if (style & CNCURSES_BOLD) attributes |= A_BOLD;
    if (style & CNCURSES_DIM) attributes |= A_DIM;
    if (style & CNCURSES_REVERSE) attributes |= A_REVERSE;
    if (style & CNCURSES_UNDERLINE) attributes |= A_UNDERLINE;
    int colour = (int)((style & CNCURSES_COLOUR_MASK) >> CNCURSES_COLOUR_SHIFT);
    short pair = 0;
    if (colour > 0 && colour <= colour_count) pair = (short)colour;
    wattr_set(stdscr, attributes, pair, NULL);
    mvwaddnwstr(stdscr, row, column, (const wchar_t *)text, count);
}

void cncurses_show(void) { wrefresh(stdscr); }

static enum cncurses_input read_mouse(int *row) {
    MEVENT event;
    if (getmouse(&event) != OK) return CNCURSES_OTHER;
    *row = event.y;
    if (event.bstate & BUTTON4_PRESSED) return CNCURSES_WHEEL_UP;
    if (event.bstate & BUTTON5_PRESSED) return CNCURSES_WHEEL_DOWN;
    if (event.bstate & BUTTON1_PRESSED) return CNCURSES_CLICK;
    return CNCURSES_OTHER;
}

static enum cncurses_input read_key(wint_t key, int *row) {
    switch (key) {
    case KEY_UP: return CNCURSES_UP;
    case KEY_DOWN: return CNCURSES_DOWN;
    case KEY_LEFT: return CNCURSES_LEFT;
    case KEY_RIGHT: return CNCURSES_RIGHT;
    case KEY_PPAGE: return CNCURSES_PAGE_UP;
    case KEY_NPAGE: return CNCURSES_PAGE_DOWN;
    case KEY_HOME: return CNCURSES_HOME;
    case KEY_END: return CNCURSES_END;
    case KEY_ENTER: return CNCURSES_ENTER;
    case KEY_BACKSPACE: return CNCURSES_BACKSPACE;
    case KEY_BTAB: return CNCURSES_BACK_TAB;
    case KEY_MOUSE: return read_mouse(row);
    default: return CNCURSES_OTHER;
    }
}

enum cncurses_input cncurses_read(uint32_t *character, int *row) {
    wint_t key;
    switch (wget_wch(stdscr, &key)) {
    case KEY_CODE_YES: return read_key(key, row);
    case OK:
        if (key == '\r' || key == '\n') return CNCURSES_ENTER;
        if (key == 127 || key == 8) return CNCURSES_BACKSPACE;
        *character = (uint32_t)key;
        return CNCURSES_CHARACTER;
    default: return CNCURSES_NOTHING;
    }
}

void cncurses_wake(void) { tell(0); }

int cncurses_woken(void) {
    unsigned char what;
    return read(wake_files[0], &what, 1) == 1 ? what : -1;
}
