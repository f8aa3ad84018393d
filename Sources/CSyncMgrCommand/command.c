#define _GNU_SOURCE
#include "command.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/membarrier.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

#ifndef SYS_futex_waitv
#define SYS_futex_waitv 449
#endif

static const int SIGNALS[] = {SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGUSR1, SIGUSR2, SIGALRM};
enum { SIGNAL_COUNT = sizeof SIGNALS / sizeof SIGNALS[0] };

static volatile sig_atomic_t caught;
static volatile pid_t child;

/* What the terminal sends goes to the whole process group: the child has it already. */
static void on_signal(int signal, siginfo_t *info, void *context) {
  (void)context;
  int error = errno;
  if (child == 0)
    caught = signal;
  else if (info->si_code <= 0)
    kill(child, signal);
  errno = error;
}

/* Of SIGNALS, those that are caught: the others were ignored. */
static int is_caught[SIGNAL_COUNT], are_caught;

void command_catch_signals(void) {
  struct sigaction action = {.sa_sigaction = on_signal, .sa_flags = SA_SIGINFO};
  sigset_t all, before_all;
  if (are_caught) return;
  are_caught = 1;
  sigfillset(&action.sa_mask);
  sigfillset(&all);
  sigprocmask(SIG_SETMASK, &all, &before_all);
  for (int i = 0; i < SIGNAL_COUNT; i++) {
    struct sigaction before;
    sigaction(SIGNALS[i], &action, &before);
    is_caught[i] = before.sa_handler != SIG_IGN;
    if (!is_caught[i]) sigaction(SIGNALS[i], &before, NULL);
  }
  sigprocmask(SIG_SETMASK, &before_all, NULL);
}

int32_t command_caught(void) { return caught; }

_Noreturn void command_end_by(int32_t number) {
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, number);
  signal(number, SIG_DFL);
  sigprocmask(SIG_UNBLOCK, &set, NULL);
  raise(number);
  _exit(128 + number);
}

/* The child of vfork runs in this process's memory until it is another program: it only makes
 * system calls, and tells why it could not by a variable. */
static pid_t start(char *const arguments[], char *const environment[], const sigset_t *mask,
                   volatile int *failure) {
  pid_t parent = getpid();
  pid_t pid = vfork();
  if (pid != 0) return pid;
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  /* A parent in another pid namespace has the number 0. */
  if (getppid() != parent && getppid() != 0) _exit(125);
  for (int i = 0; i < SIGNAL_COUNT; i++) {
    if (is_caught[i]) signal(SIGNALS[i], SIG_DFL);
  }
  sigprocmask(SIG_SETMASK, mask, NULL);
  execvpe(arguments[0], arguments, environment);
  *failure = errno;
  _exit(127);
}

/* Whether `entry` is for the variable that one of `settings` sets. */
static int is_set(const char *entry, char *const settings[]) {
  for (; *settings != NULL; settings++) {
    size_t length = strcspn(*settings, "=") + 1;
    if (strncmp(entry, *settings, length) == 0) return 1;
  }
  return 0;
}

/* This process's environment with `settings` in it; or NULL. To be freed. */
static char **environment_with(char *const settings[]) {
  size_t count = 1, used = 0;
  for (char **entry = environ; entry != NULL && *entry != NULL; entry++) count++;
  for (char *const *setting = settings; *setting != NULL; setting++) count++;
  char **made = malloc(count * sizeof *made);
  if (made == NULL) return NULL;
  for (char **entry = environ; entry != NULL && *entry != NULL; entry++) {
    if (!is_set(*entry, settings)) made[used++] = *entry;
  }
  while (*settings != NULL) made[used++] = *settings++;
  made[used] = NULL;
  return made;
}

int32_t command_run(char *const arguments[], char *const settings[], int32_t *status) {
  char **environment = environment_with(settings);
  if (environment == NULL) return -ENOMEM;
  sigset_t all, before;
  volatile int failure = 0;
  sigfillset(&all);
  sigprocmask(SIG_SETMASK, &all, &before);
  pid_t pid = start(arguments, environment, &before, &failure);
  if (pid < 0) failure = errno;
  if (pid > 0 && failure == 0) child = pid;
  sigprocmask(SIG_SETMASK, &before, NULL);
  /* One that came while the object was waited for, and found nobody to go to. */
  if (child != 0 && caught != 0) kill(child, caught);
  free(environment);
  if (pid < 0) return -failure;
  int result = 0;
  while (waitpid(pid, &result, 0) < 0 && errno == EINTR) {
  }
  child = 0;
  caught = 0;
  *status = result;
  return -failure;
}

int32_t command_exit_status(int32_t status) {
  return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

int32_t command_lockers(const char *path, int32_t *pids, int32_t capacity) {
  int file = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
  if (file < 0) return -errno;
  int32_t count = 0;
  off_t from = 0;
  for (;;) {
    struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET, .l_start = from, .l_len = 0};
    if (fcntl(file, F_GETLK, &lock) < 0) {
      count = -errno;
      break;
    }
    if (lock.l_type == F_UNLCK) break;
    int known = 0;
    for (int32_t i = 0; i < count && i < capacity; i++) known |= pids[i] == lock.l_pid;
    if (!known && count < capacity) pids[count] = lock.l_pid;
    if (!known) count++;
    if (lock.l_len == 0) break;
    from = lock.l_start + lock.l_len;
  }
  close(file);
  return count;
}

int32_t command_has_waitv(void) {
  syscall(SYS_futex_waitv, NULL, 0, 0, NULL, 0);
  return errno != ENOSYS;
}

int32_t command_has_membarrier(void) {
  long commands = syscall(SYS_membarrier, MEMBARRIER_CMD_QUERY, 0, 0);
  return commands > 0 && (commands & MEMBARRIER_CMD_PRIVATE_EXPEDITED) != 0;
}

int32_t command_columns(int32_t file) {
  struct winsize size;
  return ioctl(file, TIOCGWINSZ, &size) == 0 ? size.ws_col : 0;
}

static struct termios before_raw;
static int is_raw;

void command_raw_terminal(int32_t on) {
  if (!on) {
    if (is_raw) tcsetattr(STDIN_FILENO, TCSANOW, &before_raw);
    is_raw = 0;
    return;
  }
  if (tcgetattr(STDIN_FILENO, &before_raw) < 0) return;
  struct termios raw = before_raw;
  raw.c_lflag &= (tcflag_t)~(ICANON | ECHO);
  raw.c_cc[VMIN] = 0;
  raw.c_cc[VTIME] = 0;
  is_raw = tcsetattr(STDIN_FILENO, TCSANOW, &raw) == 0;
}

int32_t command_key(int32_t milliseconds) {
  struct pollfd input = {.fd = STDIN_FILENO, .events = POLLIN};
  unsigned char key;
  if (poll(is_raw ? &input : NULL, is_raw ? 1 : 0, milliseconds) <= 0) return 0;
  ssize_t count = read(STDIN_FILENO, &key, 1);
  return count == 1 ? key : -1;
}

static int argument_count;
static char **arguments_kept;

__attribute__((constructor)) static void keep_arguments(int count, char **arguments) {
  argument_count = count;
  arguments_kept = arguments;
}

int32_t command_argument_count(void) { return argument_count; }

char **command_arguments(void) { return arguments_kept; }

int32_t command_flush(void) {
  int failed_before = ferror(stdout);
  if (fflush(stdout) != 0) return -errno;
  return failed_before != 0 ? -EIO : 0;
}

void command_write(const void *data, size_t length) { fwrite(data, 1, length, stdout); }

int32_t command_line(char **line, size_t *room, size_t *length) {
  errno = 0;
  ssize_t count = getline(line, room, stdin);
  if (count < 0) return -errno;
  *length = (size_t)count;
  return 1;
}
