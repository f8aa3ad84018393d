#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "sm_os.h"
#include "sm_seam.h"

static int32_t result(long value) { return value < 0 ? -errno : (int32_t)value; }

/* realpath of a file that is there, else of its directory with its last part behind. */
int64_t sm_absolute(const char *path, void *buffer, size_t size) {
  SM_ASK("absolute");
  struct stat found;
  if (stat(path, &found) == 0 && S_ISDIR(found.st_mode)) return -EISDIR;
  char directory[PATH_MAX], real[PATH_MAX];
  int64_t length;
  if (realpath(path, real) != NULL) {
    length = snprintf(buffer, size, "%s", real);
  } else {
    if (errno != ENOENT) return -errno;
    if (lstat(path, &found) == 0) return -ENOENT; /* a link to nothing */
    const char *slash = strrchr(path, '/');
    const char *last = slash == NULL ? path : slash + 1;
    if (*last == 0 || strcmp(last, ".") == 0 || strcmp(last, "..") == 0) return -EISDIR;
    if ((size_t)(last - path) >= sizeof directory) return -ENAMETOOLONG;
    snprintf(directory, sizeof directory, "%.*s", (int)(last - path), path);
    if (realpath(slash == NULL ? "." : directory, real) == NULL) return -errno;
    length = snprintf(buffer, size, "%s/%s", strcmp(real, "/") == 0 ? "" : real, last);
  }
  return length < 0 || (size_t)length >= size ? -ENAMETOOLONG : length;
}

int64_t sm_write(int32_t fd, const void *buffer, size_t size, uint64_t offset) {
  SM_ASK("write");
  ssize_t count = pwrite(fd, buffer, size, (off_t)offset);
  return count < 0 ? -errno : count;
}

static struct flock one_byte(short type, uint64_t offset) {
  struct flock lock = {.l_type = type, .l_whence = SEEK_SET, .l_start = (off_t)offset, .l_len = 1};
  return lock;
}

static int32_t lock_byte(int32_t fd, short type, uint64_t offset, int32_t wait) {
  struct flock lock = one_byte(type, offset);
  for (;;) {
    int32_t status = result(fcntl(fd, wait ? F_SETLKW : F_SETLK, &lock));
    if (status == -EACCES) return -EAGAIN;
    if (status != -EINTR) return status;
  }
}

int32_t sm_lock(int32_t fd, uint64_t offset, int32_t wait) {
  SM_ASK("lock");
  return lock_byte(fd, F_WRLCK, offset, wait);
}

int32_t sm_lock_shared(int32_t fd, uint64_t offset, int32_t wait) {
  SM_ASK("lock");
  return lock_byte(fd, F_RDLCK, offset, wait);
}

int32_t sm_unlock(int32_t fd, uint64_t offset) {
  SM_STEP("unlock", 0);
  struct flock lock = one_byte(F_UNLCK, offset);
  return result(fcntl(fd, F_SETLK, &lock));
}

int32_t sm_is_locked(int32_t fd, uint64_t offset) {
  struct flock lock = one_byte(F_WRLCK, offset);
  if (fcntl(fd, F_GETLK, &lock) < 0) return -errno;
  return lock.l_type != F_UNLCK;
}

int32_t sm_locker(int32_t fd, uint64_t offset) {
  struct flock lock = one_byte(F_WRLCK, offset);
  if (fcntl(fd, F_GETLK, &lock) < 0 || lock.l_type == F_UNLCK) return 0;
  return (int32_t)lock.l_pid;
}
