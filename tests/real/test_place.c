/*
 * test_place.c - file systems of other machines, and of programs
 *
 * The linker hands the library's question for the kind of file system to this
 * file. FUSE is there for real, where bindfs and the permission to mount are.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "os/place.h"
#include "real/mounts.h"
#include "real/suites.h"
#include "support/agent.h"
#include "support/run.h"
#include "support/store.h"
#include "support/temp.h"

enum { NFS = 0x6969, P9 = 0x01021997, FUSE = 0x65735546, EXT4 = 0xef53 };
static const uint32_t SMB2 = 0xfe534d42;

static uint32_t fake_type; /* 0: the real one */

uint32_t __real_blt__place_type(int fd);
uint32_t __wrap_blt__place_type(int fd);

uint32_t __wrap_blt__place_type(int fd)
{
  return fake_type != 0 ? fake_type : __real_blt__place_type(fd);
}

static void setup(void)
{
  fake_type = 0;
}

START_TEST(what_is_known_has_a_name_and_what_is_not_is_local)
{
  ck_assert_str_eq(blt__place_of(NFS)->name, "NFS");
  ck_assert_str_eq(blt__place_of(SMB2)->name, "SMB");
  ck_assert_str_eq(blt__place_of(P9)->name, "9p");
  ck_assert(blt__place_of(NFS)->is_network);
  ck_assert(blt__place_of(SMB2)->is_network);
  ck_assert(blt__place_of(P9)->is_network);
  ck_assert_str_eq(blt__place_of(FUSE)->name, "FUSE");
  ck_assert(!blt__place_of(FUSE)->is_network);
  ck_assert_uint_eq(blt__place_of(EXT4)->type, 0);
  ck_assert(!blt__place_of(EXT4)->is_network);
  ck_assert_uint_eq(blt__place_of(0)->type, 0);
}
END_TEST

static const char *new_store(void)
{
  const char *const path = temp_path("store.blt");
  blt_db *const db = open_path(path, BLT_NEW);

  put_numbered(db, 0, 100);
  EXPECT_OK(blt_close(db));
  return path;
}

static blt_status try_open(const char *path, blt_mode mode, blt_choice network)
{
  blt_options options = options_of(mode);
  blt_db *db = NULL;

  options.network = network;
  const blt_status status = blt_open(path, &options, &db);
  if (status < 0)
    return status;
  if (mode != BLT_NEW)
    expect_numbered(db, 0, 100);
  return blt_close(db);
}

/* Does the process map a file of this name? */
static int is_mapped(const char *path)
{
  const char *const name = strrchr(path, '/');
  FILE *const maps = fopen("/proc/self/maps", "re");
  char line[1024];
  int found = 0;

  ck_assert_ptr_nonnull(maps);
  while (!found && fgets(line, sizeof line, maps) != NULL)
    found = strstr(line, name) != NULL;
  fclose(maps);
  return found;
}

START_TEST(on_a_network_a_file_is_read_and_not_written)
{
  const char *const path = new_store();
  size_t len, len_after;
  uint8_t *const before = file_read(path, &len);

  fake_type = _i == 0 ? NFS : _i == 1 ? SMB2 : P9;
  EXPECT_OK(try_open(path, BLT_READ, BLT_DEFAULT));
  EXPECT(BLT_E_NETWORK, try_open(path, BLT_WRITE, BLT_DEFAULT));
  EXPECT(BLT_E_NETWORK, try_open(path, BLT_CREATE, BLT_OFF));
  EXPECT(BLT_E_NETWORK, try_open(path, BLT_NEW, BLT_DEFAULT));
  EXPECT(BLT_E_NETWORK, blt_repair(path, NULL, NULL));
  uint8_t *const after = file_read(path, &len_after);
  ck_assert(bytes_equal((blt_bytes){after, len_after}, before, len));
  free(before);
  free(after);
}
END_TEST

START_TEST(a_descriptor_is_judged_as_a_path_is)
{
  const char *const path = new_store();
  FILE *const file = fopen(path, "r+be");
  blt_options options = options_of(BLT_WRITE);
  blt_db *db = NULL;

  ck_assert_ptr_nonnull(file);
  fake_type = NFS;
  EXPECT(BLT_E_NETWORK, blt_open_fd(fileno(file), &options, &db));
  options.network = BLT_ON;
  EXPECT_OK(blt_open_fd(fileno(file), &options, &db));
  EXPECT_OK(blt_close(db));
  fclose(file);
}
END_TEST

START_TEST(on_a_network_no_file_is_made)
{
  const char *const path = temp_path("new.blt");

  fake_type = NFS;
  EXPECT(BLT_E_NETWORK, try_open(path, BLT_CREATE, BLT_DEFAULT));
  EXPECT(BLT_E_NETWORK, try_open(path, BLT_NEW, BLT_DEFAULT));
  ck_assert(!file_exists(path));
}
END_TEST

START_TEST(on_a_network_it_is_written_when_the_user_says_so)
{
  const char *const path = new_store();
  blt_repair_options repair = BLT_REPAIR_OPTIONS_INIT;

  fake_type = SMB2;
  EXPECT_OK(try_open(path, BLT_WRITE, BLT_ON));
  repair.network = BLT_ON;
  EXPECT_OK(blt_repair(path, &repair, NULL));
  EXPECT_OK(try_open(path, BLT_READ, BLT_DEFAULT));
  EXPECT_OK(try_open(path, BLT_NEW, BLT_ON));
}
END_TEST

START_TEST(on_a_network_and_on_fuse_nothing_is_mapped)
{
  const char *const path = new_store();

  for (int round = 0; round < 4; round++) {
    blt_options options = options_of(round % 2 ? BLT_WRITE : BLT_READ);
    fake_type = round < 2 ? FUSE : NFS;
    options.network = BLT_ON;
    blt_db *const db = open_path_with(path, &options);
    ck_assert(!is_mapped(path));
    expect_numbered(db, 0, 100);
    EXPECT_OK(blt_close(db));
  }
  fake_type = 0;
  blt_db *const db = open_path(path, BLT_READ);
  ck_assert(is_mapped(path));
  EXPECT_OK(blt_close(db));
}
END_TEST

START_TEST(who_asks_for_a_mapping_gets_one)
{
  const char *const path = new_store();
  blt_options options = options_of(BLT_READ);

  fake_type = NFS;
  options.io = BLT_IO_MMAP;
  blt_db *const db = open_path_with(path, &options);
  ck_assert(is_mapped(path));
  EXPECT_OK(blt_close(db));
}
END_TEST

START_TEST(a_reader_on_a_network_recovers_in_memory)
{
  const char *const path = new_store();
  struct agent agent = agent_start();
  size_t len, len_after;
  blt_open_info info;

  EXPECT_OK(agent_ask(&agent, "open w -1 %s", path).status);
  EXPECT_OK(agent_ask(&agent, "put new 1").status);
  EXPECT_OK(agent_ask(&agent, "sync").status);
  agent_kill(&agent);
  uint8_t *const before = file_read(path, &len);
  fake_type = NFS;
  blt_db *const db = open_path(path, BLT_READ);
  expect_text(db, "new", "1");
  expect_numbered(db, 0, 100);
  EXPECT_OK(blt_open_report(db, &info));
  ck_assert_int_eq(info.what, BLT_OPENED_OVERLAID);
  EXPECT_OK(blt_close(db));
  uint8_t *const after = file_read(path, &len_after);
  ck_assert(bytes_equal((blt_bytes){after, len_after}, before, len));
  free(before);
  free(after);
}
END_TEST

/* ---- FUSE, for real */

START_TEST(on_a_real_fuse_file_system_a_store_works)
{
  const char *folder = NULL;

  if (!mount_fuse(&folder))
    return;
  struct agent agent = agent_start(); /* it sees the mount */
  char path[512];
  snprintf(path, sizeof path, "%s/store.blt", folder);
  blt_db *db = open_path(path, BLT_NEW);
  ck_assert(!is_mapped(path));
  put_numbered(db, 0, 3000);
  EXPECT(BLT_E_LOCKED, agent_ask(&agent, "open w 0 %s", path).status);
  EXPECT_OK(blt_sync(db));
  EXPECT_OK(blt_prune(db, NULL, NULL));
  put_text(db, "a", "1");
  EXPECT_OK(blt_close(db));
  EXPECT_OK(agent_ask(&agent, "open w 0 %s", path).status);
  EXPECT_OK(agent_ask(&agent, "put b 2").status);
  EXPECT_OK(agent_ask(&agent, "sync").status);
  agent_kill(&agent);
  db = open_path(path, BLT_READ);
  ck_assert(!is_mapped(path));
  expect_numbered(db, 0, 3000);
  expect_text(db, "b", "2");
  expect_sound(db);
  EXPECT_OK(blt_close(db));
  unmount(folder);
}
END_TEST

Suite *place_suite(void)
{
  Suite *const suite = suite_create("place");
  TCase *const cases = case_of("place");

  tcase_add_checked_fixture(cases, setup, NULL);
  tcase_add_test(cases, what_is_known_has_a_name_and_what_is_not_is_local);
  tcase_add_loop_test(cases, on_a_network_a_file_is_read_and_not_written, 0, 3);
  tcase_add_test(cases, a_descriptor_is_judged_as_a_path_is);
  tcase_add_test(cases, on_a_network_no_file_is_made);
  tcase_add_test(cases, on_a_network_it_is_written_when_the_user_says_so);
  tcase_add_test(cases, on_a_network_and_on_fuse_nothing_is_mapped);
  tcase_add_test(cases, who_asks_for_a_mapping_gets_one);
  tcase_add_test(cases, a_reader_on_a_network_recovers_in_memory);
  tcase_add_test(cases, on_a_real_fuse_file_system_a_store_works);
  suite_add_tcase(suite, cases);
  return suite;
}
