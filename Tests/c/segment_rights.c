/* Who may open whose segment. These need the superuser, to be two users; else they are skipped. */
#include <fcntl.h>
#include <grp.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "peer.h"

enum { STRANGER = 65534, COMMON_GROUP = 54321 };

static void need_superuser(void) {
  if (geteuid() != 0) harness_skip("only the superuser can be two users");
}

static void become_stranger(gid_t group) {
  CHECK_EQUAL(setgroups(0, NULL), 0);
  CHECK_EQUAL(setgid(group), 0);
  CHECK_EQUAL(setuid(STRANGER), 0);
  /* A process that the stranger had started would be dumpable, and own its /proc directory. */
  CHECK_EQUAL(prctl(PR_SET_DUMPABLE, 1), 0);
}

static int32_t open_with(const char *url, uint32_t flags, uint32_t mode, uint32_t group,
                         uint32_t owner, syncmgr_t **space) {
  syncmgr_open_options_t options = SYNCMGR_OPEN_OPTIONS_INIT;
  options.flags = flags;
  options.mode = mode;
  options.group = group;
  options.owner = owner;
  return syncmgr_open(url, &options, space);
}

static void stranger_outside(peer_t *self) {
  syncmgr_t *space = NULL;
  become_stranger(STRANGER);
  peer_pause(self);
  CHECK_STATUS(open_with(self->url, 0, 0600, SYNCMGR_ANY, SYNCMGR_ANY, &space),
               SYNCMGR_E_PERMISSION);
  CHECK(syncmgr_last_error()[0] != '\0');
  CHECK_STATUS(open_with(self->url, 0, 0600, SYNCMGR_ANY, 0, &space), SYNCMGR_E_PERMISSION);
  CHECK_STATUS(open_with(self->url, SYNCMGR_OPEN_ONLY, 0600, SYNCMGR_ANY, 0, &space),
               SYNCMGR_E_PERMISSION);
  CHECK_STATUS(syncmgr_unlink(self->url), SYNCMGR_E_PERMISSION);
  CHECK(space == NULL);
}

TEST(a_segment_of_another_user_that_the_system_protects_is_refused) {
  need_superuser();
  const char *url = unique_url();
  peer_t *stranger = peer_start(stranger_outside, url, 0, 0);
  syncmgr_t *space = open_space(url, 0);
  peer_go(stranger);
  peer_join(stranger);
  check_and_close(space);
}

static void stranger_inside(peer_t *self) {
  syncmgr_t *space = NULL;
  become_stranger(COMMON_GROUP);
  peer_pause(self);
  /* The system lets the group in; without `owner` it is still somebody else's segment. */
  CHECK_STATUS(open_with(self->url, 0, 0600, SYNCMGR_ANY, SYNCMGR_ANY, &space),
               SYNCMGR_E_PERMISSION);
  CHECK_STATUS(open_with(self->url, 0, 0600, SYNCMGR_ANY, 12345, &space), SYNCMGR_E_PERMISSION);
  CHECK_STATUS(syncmgr_unlink(self->url), SYNCMGR_E_PERMISSION);
  CHECK_OK(open_with(self->url, self->flags, 0600, SYNCMGR_ANY, 0, &space));
  syncmgr_mutex_t *mutex = open_mutex(open_workstream(space, "stranger"), "m", 0);
  CHECK_OK(syncmgr_mutex_lock(mutex, SYNCMGR_FOREVER));
  peer_pause(self);
  if (self->index == 0) CHECK_OK(syncmgr_close(space));
}

TEST(a_group_and_an_allowed_owner_let_two_users_share) {
  need_superuser();
  for (unsigned index = 0; index < 4; index++) {
    const char *url = unique_url();
    syncmgr_t *space = NULL;
    struct stat status;
    peer_t *stranger =
        peer_start(stranger_inside, url, index / 2, index % 2 ? SYNCMGR_OPEN_NO_THREADS : 0);
    CHECK_OK(open_with(url, 0, 0660, COMMON_GROUP, SYNCMGR_ANY, &space));
    CHECK_EQUAL(stat(segment_path(url), &status), 0);
    CHECK_EQUAL(status.st_gid, COMMON_GROUP);
    CHECK_EQUAL(status.st_mode & 07777, 0660);
    syncmgr_mutex_t *mutex = open_mutex(open_workstream(space, "owner"), "m", 0);
    peer_go(stranger);
    peer_wait_pause(stranger, 2);
    CHECK_STATUS(syncmgr_mutex_lock(mutex, 0), SYNCMGR_E_TIMEOUT);
    /* Death across users is noticed like any other. */
    if (index / 2 == 1) peer_kill(stranger);
    if (index / 2 == 0) peer_go(stranger);
    if (index / 2 == 0) peer_join(stranger);
    CHECK_STATUS(syncmgr_mutex_lock(mutex, 10 * SECOND),
                 index / 2 == 1 ? SYNCMGR_OWNER_DIED : SYNCMGR_OK);
    check_and_close(space);
    CHECK_EQUAL(segment_file_count(url), 0);
  }
}

static void stranger_creates(peer_t *self) {
  become_stranger(STRANGER);
  syncmgr_t *space = peer_space(self);
  peer_pause(self);
  CHECK_OK(syncmgr_close(space));
}

TEST(a_segment_of_another_user_is_refused_even_by_the_superuser_unless_allowed) {
  need_superuser();
  const char *url = unique_url();
  syncmgr_t *space = NULL;
  peer_t *stranger = peer_start(stranger_creates, url, 0, 0);
  peer_wait_pause(stranger, 1);
  CHECK_STATUS(try_open(url, 0), SYNCMGR_E_PERMISSION);
  CHECK_OK(open_with(url, 0, 0600, SYNCMGR_ANY, STRANGER, &space));
  check_and_close(space);
  peer_go(stranger);
  peer_join(stranger);
  CHECK_EQUAL(segment_file_count(url), 0);
}

TEST(a_segment_given_away_to_another_user_is_refused) {
  need_superuser();
  const char *url = unique_url();
  syncmgr_t *space = open_space(url, SYNCMGR_PERSISTENT);
  CHECK_OK(syncmgr_close(space));
  CHECK_EQUAL(chown(segment_path(url), STRANGER, STRANGER), 0);
  CHECK_STATUS(try_open(url, 0), SYNCMGR_E_PERMISSION);
  CHECK_STATUS(try_open(url, SYNCMGR_OPEN_ONLY), SYNCMGR_E_PERMISSION);
  CHECK_EQUAL(chown(segment_path(url), 0, 0), 0);
  CHECK_OK(try_open(url, SYNCMGR_OPEN_ONLY));
  CHECK_OK(syncmgr_unlink(url));
  CHECK_EQUAL(segment_file_count(url), 0);
}

static void stranger_squats(peer_t *self) {
  become_stranger(STRANGER);
  int file = open(segment_path(self->url), O_RDWR | O_CREAT | O_EXCL, 0666);
  CHECK(file >= 0);
  CHECK_EQUAL(fchmod(file, 0666), 0);
  peer_pause(self);
  CHECK_EQUAL(unlink(segment_path(self->url)), 0);
}

TEST(a_file_that_another_user_put_at_the_name_is_refused_and_left_alone) {
  need_superuser();
  const char *url = unique_url();
  peer_t *stranger = peer_start(stranger_squats, url, 0, 0);
  peer_wait_pause(stranger, 1);
  CHECK_STATUS(try_open(url, 0), SYNCMGR_E_PERMISSION);
  CHECK_EQUAL(access(segment_path(url), F_OK), 0);
  peer_go(stranger);
  peer_join(stranger);
  CHECK_OK(try_open(url, 0));
}

static void stranger_without_rights(peer_t *self) {
  become_stranger(STRANGER);
  CHECK_REFUSED(try_open(self->url, 0));
  CHECK_REFUSED(try_open(self->url, SYNCMGR_CREATE_ONLY));
}

TEST(a_segment_whose_file_may_not_be_read_is_refused) {
  need_superuser();
  const char *url = unique_url();
  CHECK_OK(syncmgr_close(open_space(url, SYNCMGR_PERSISTENT)));
  CHECK_EQUAL(chown(segment_path(url), STRANGER, STRANGER), 0);
  CHECK_EQUAL(chmod(segment_path(url), 0), 0);
  peer_join(peer_start(stranger_without_rights, url, 0, 0));
  CHECK_EQUAL(chown(segment_path(url), 0, 0), 0);
  CHECK_OK(syncmgr_unlink(url));
  CHECK_EQUAL(segment_file_count(url), 0);
}
