#define _GNU_SOURCE
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "sm_os.h"
#include "sm_seam.h"

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
