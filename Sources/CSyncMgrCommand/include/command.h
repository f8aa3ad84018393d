/* What the command needs of the system that Swift cannot do itself: running a program with signals
 * passed on, variadic calls. */
#ifndef SYNCMGR_COMMAND_H
#define SYNCMGR_COMMAND_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* From here on the signals that usually end a program are kept, see command_caught; those that were
 * ignored stay so. */
void command_catch_signals(void);

/* The signal that arrived, or 0. */
int32_t command_caught(void);

/* Ends this process by `signal`, as if it had never been caught. */
_Noreturn void command_end_by(int32_t signal);

/* Runs a program and waits for its end. It has this process's environment with `settings`, each
 * NAME=value. Signals that others send to this process go to it; it is killed when this process
 * dies. 0 with *status as from waitpid; or -errno: it could not be started. After
 * command_catch_signals. */
int32_t command_run(char *const arguments[], char *const settings[], int32_t *status);

/* The exit status by which a shell tells of `status`: that of the program, or 128 + signal. */
int32_t command_exit_status(int32_t status);

/* The processes that have a record lock in a file, each once: how many, or -errno. */
int32_t command_lockers(const char *path, int32_t *pids, int32_t capacity);

/* Whether the kernel has futex_waitv, and private expedited membarrier. */
int32_t command_has_waitv(void);
int32_t command_has_membarrier(void);

/* Columns of the terminal at `file`, or 0. */
int32_t command_columns(int32_t file);

/* Whether a key was pressed at the terminal within `milliseconds`; the key, or 0; -1 at the end of
 * the input. */
int32_t command_key(int32_t milliseconds);
void command_raw_terminal(int32_t on);

/* Writes what is yet to be written to the standard output. 0, or -errno when that, or something
 * before, could not be written. */
int32_t command_flush(void);

/* Writes to the standard output; command_flush tells whether it could be written. */
void command_write(const void *data, size_t length);

/* Reads a line of the standard input, with its end. 1; 0 at the end of the input; or -errno. As
 * getline has it, *line is to be freed. */
int32_t command_line(char **line, size_t *room, size_t *length);

/* The words that this process was started with. Swift's own way to them reads the process's map. */
int32_t command_argument_count(void);
char **command_arguments(void);

#endif
