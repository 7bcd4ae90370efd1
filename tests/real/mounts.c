/* mounts.c - small file systems that are there for one test */
#include "real/mounts.h"

#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/loop.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "support/run.h"
#include "support/temp.h"

#define FUSE_MAGIC 0x65735546

int skip_test(const char *why)
{
  printf("skipped a test: %s\n", why);
  fflush(stdout);
  return 0;
}

/* Mounts of our own; nobody else sees them. */
static int leave_the_mounts_of_others(void)
{
  static int is_done;

  if (is_done)
    return 1;
  if (!tests_are_forked())
    return skip_test("it would mount in the process of all tests");
  if (unshare(CLONE_NEWNS) != 0 ||
      mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) != 0)
    return skip_test("mounting is not permitted here");
  is_done = 1;
  return 1;
}

static const char *new_folder(const char *name)
{
  const char *const folder = temp_path(name);

  ck_assert_int_eq(mkdir(folder, 0755), 0);
  return folder;
}

static int mount_at_new_folder(const char *name, const char *source,
                               const char *type, unsigned long flags,
                               const char *data, const char **out_folder)
{
  const char *const folder = new_folder(name);

  if (mount(source, folder, type, flags, data) != 0) {
    char why[128];
    snprintf(why, sizeof why, "cannot mount %s: %s", type, strerror(errno));
    return skip_test(why);
  }
  *out_folder = folder;
  return 1;
}

int mount_memory(size_t len, const char **out_folder)
{
  char data[64];

  if (!leave_the_mounts_of_others())
    return 0;
  /* huge=never: a page is the unit, whatever the system prefers. */
  snprintf(data, sizeof data, "size=%zu,mode=0755", len);
  return mount_at_new_folder("memory", "tmpfs", "tmpfs", 0, data, out_folder);
}

void resize_memory(const char *folder, size_t len)
{
  char data[64];

  snprintf(data, sizeof data, "size=%zu", len);
  ck_assert_int_eq(mount("tmpfs", folder, "tmpfs", MS_REMOUNT, data), 0);
}

/* ---- ext4 */

static int run(const char *const *argv)
{
  int status = 0;
  const pid_t pid = fork();

  ck_assert_int_ge(pid, 0);
  if (pid == 0) {
    char *words[8] = {NULL};
    for (int i = 0; i < 7 && argv[i] != NULL; i++)
      words[i] = strdup(argv[i]);
    const int nowhere = open("/dev/null", O_RDWR | O_CLOEXEC);
    dup2(nowhere, STDOUT_FILENO);
    dup2(nowhere, STDERR_FILENO);
    execvp(words[0], words);
    _exit(127);
  }
  ck_assert_int_eq(waitpid(pid, &status, 0), pid);
  return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

/* The device is free again when nothing uses it any more. */
static int attach_loop(const char *image, char *device, size_t device_len)
{
  const int control = open("/dev/loop-control", O_RDWR | O_CLOEXEC);
  const int number = control < 0 ? -1 : ioctl(control, LOOP_CTL_GET_FREE);
  struct loop_config config;

  if (control >= 0)
    close(control);
  if (number < 0)
    return -1;
  snprintf(device, device_len, "/dev/loop%d", number);
  const int loop = open(device, O_RDWR | O_CLOEXEC);
  memset(&config, 0, sizeof config);
  config.fd = (uint32_t)open(image, O_RDWR | O_CLOEXEC);
  config.info.lo_flags = LO_FLAGS_AUTOCLEAR;
  if (loop < 0 || ioctl(loop, LOOP_CONFIGURE, &config) != 0)
    return -1;
  close((int)config.fd);
  return loop;
}

int mount_ext4(size_t len, const char **out_folder)
{
  const char *const image = temp_path("ext4.image");
  const char *const make[] = {"mkfs.ext4", "-q", "-F", "-m", "0", image, NULL};
  char device[32];

  if (!leave_the_mounts_of_others())
    return 0;
  file_write(image, "", 0);
  ck_assert_int_eq(truncate(image, (off_t)len), 0);
  if (!run(make))
    return skip_test("mkfs.ext4 does not run");
  const int loop = attach_loop(image, device, sizeof device);
  if (loop < 0)
    return skip_test("there is no loop device");
  const int is_mounted =
      mount_at_new_folder("ext4", device, "ext4", 0, "", out_folder);
  close(loop);
  return is_mounted;
}

int mount_read_only(const char *folder, const char **out_folder)
{
  if (!leave_the_mounts_of_others() ||
      !mount_at_new_folder("read-only", folder, "", MS_BIND, NULL, out_folder))
    return 0;
  if (mount(NULL, *out_folder, NULL, MS_BIND | MS_REMOUNT | MS_RDONLY, NULL) !=
      0)
    return skip_test("cannot make a mount read-only");
  return 1;
}

/* ---- FUSE */

static int has_become_fuse(const char *folder)
{
  const struct timespec pause = {.tv_nsec = 10000000};
  struct statfs fs;

  for (int i = 0; i < 500; i++) {
    if (statfs(folder, &fs) == 0 && fs.f_type == FUSE_MAGIC)
      return 1;
    nanosleep(&pause, NULL);
  }
  return 0;
}

int mount_fuse(const char **out_folder)
{
  if (!leave_the_mounts_of_others())
    return 0;
  if (access("/dev/fuse", R_OK | W_OK) != 0)
    return skip_test("there is no /dev/fuse");
  const char *const version[] = {"bindfs", "--version", NULL};
  if (!run(version))
    return skip_test("there is no bindfs");
  const char *const from = new_folder("from"), *const to = new_folder("fuse");
  const pid_t pid = fork();
  if (pid == 0) {
    prctl(PR_SET_PDEATHSIG, SIGKILL); /* it ends with the test */
    execlp("bindfs", "bindfs", "-f", from, to, (char *)NULL);
    _exit(127);
  }
  if (!has_become_fuse(to)) {
    kill(pid, SIGKILL);
    return skip_test("bindfs mounts nothing");
  }
  *out_folder = to;
  return 1;
}

void unmount(const char *folder)
{
  (void)umount2(folder, MNT_DETACH);
}
