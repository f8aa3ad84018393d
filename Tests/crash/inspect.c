/* What /proc and /dev/shm tell about a process and about a space. */
#define _GNU_SOURCE
#include "support.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

char process_state(pid_t process) {
  char path[64];
  char line[512];
  snprintf(path, sizeof path, "/proc/%d/stat", (int)process);
  FILE *file = fopen(path, "re");
  if (file == NULL) {
    return 0;
  }
  size_t length = fread(line, 1, sizeof line - 1, file);
  fclose(file);
  line[length] = '\0';
  /* The name of the program stands in brackets before the state and may hold anything. */
  const char *bracket = strrchr(line, ')');
  return bracket != NULL && bracket[1] == ' ' ? bracket[2] : 0;
}

/* Whether a file in /dev/shm belongs to the space: the segment itself, or a file beside it whose
 * name begins with the segment's. A digit after the name belongs to another space. */
static bool belongs_to_space(const char *file, const char *name) {
  char segment[256];
  int length = snprintf(segment, sizeof segment, "syncmgr.%s", name);
  const char *found = strstr(file, segment);
  if (found == NULL) {
    return false;
  }
  char after = found[length];
  return after < '0' || after > '9';
}

uint32_t space_files(const char *name, char *out_first, size_t capacity) {
  uint32_t count = 0;
  DIR *directory = opendir("/dev/shm");
  if (directory == NULL) {
    return 0;
  }
  for (struct dirent *entry; (entry = readdir(directory)) != NULL;) {
    if (belongs_to_space(entry->d_name, name)) {
      if (count == 0) {
        snprintf(out_first, capacity, "%s", entry->d_name);
      }
      count++;
    }
  }
  closedir(directory);
  return count;
}

void space_files_remove(const char *name) {
  char file[256];
  char path[512];
  while (space_files(name, file, sizeof file) > 0) {
    snprintf(path, sizeof path, "/dev/shm/%s", file);
    if (unlink(path) != 0) {
      return;
    }
  }
}

void disk_file(const char *name, char *path, size_t capacity) {
  const char *directory = getenv("TMPDIR");
  snprintf(path, capacity, "%s/%s.db", directory && directory[0] ? directory : "/tmp", name);
}

void disk_files_remove(const char *name) {
  static const char *const endings[] = {"", "-wal", "-shm", ".syncmgr"};
  char file[256];
  char path[300];
  disk_file(name, file, sizeof file);
  for (uint32_t index = 0; index < sizeof endings / sizeof endings[0]; index++) {
    snprintf(path, sizeof path, "%s%s", file, endings[index]);
    unlink(path);
  }
}

int64_t patience_ns(void) {
  double load = 0;
  double processors = (double)sysconf(_SC_NPROCESSORS_ONLN);
  FILE *file = fopen("/proc/loadavg", "re");
  if (file != NULL) {
    if (fscanf(file, "%lf", &load) != 1) {
      load = 0;
    }
    fclose(file);
  }
  double factor = load / (4 * processors);
  return 5 * (int64_t)((factor < 1 ? 1 : factor > 10 ? 10 : factor) * (double)SECOND);
}

static uint32_t entry_count(const char *path) {
  uint32_t count = 0;
  DIR *directory = opendir(path);
  if (directory == NULL) {
    return 0;
  }
  for (struct dirent *entry; (entry = readdir(directory)) != NULL;) {
    count += entry->d_name[0] != '.';
  }
  closedir(directory);
  return count;
}

uint32_t descriptor_count(void) {
  /* The listing itself holds one descriptor while it counts; callers only compare counts. */
  return entry_count("/proc/self/fd");
}

uint32_t thread_count(void) { return entry_count("/proc/self/task"); }

uint32_t segment_mapping_count(void) {
  uint32_t count = 0;
  char line[1024];
  FILE *file = fopen("/proc/self/maps", "re");
  if (file == NULL) {
    return 0;
  }
  while (fgets(line, sizeof line, file) != NULL) {
    count += strstr(line, "/dev/shm/") != NULL;
  }
  fclose(file);
  return count;
}
