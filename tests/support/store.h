/* store.h - short hands for stores under test; each fails the test */
#ifndef SUPPORT_STORE_H
#define SUPPORT_STORE_H

#include <blt.h>
#include <check.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

/* The call must give this status; says which it gave. */
#define EXPECT(want, call)                                                     \
  do {                                                                         \
    const blt_status got_ = (call);                                            \
    ck_assert_msg(got_ == (want), "%s gave %s, not %s", #call,                 \
                  blt_status_name(got_), blt_status_name(want));               \
  } while (0)

#define EXPECT_OK(call) EXPECT(BLT_OK, call)

/* The call must fail, for whatever reason. */
#define EXPECT_FAILURE(call)                                                   \
  do {                                                                         \
    const blt_status got_ = (call);                                            \
    ck_assert_msg(got_ < 0, "%s gave %s, not a failure", #call,                \
                  blt_status_name(got_));                                      \
  } while (0)

/* Options with this mode, and with this many buckets for a new file. */
blt_options options_of(blt_mode mode);
blt_options options_of_new(uint32_t n_buckets);

/* Open or fail the test. */
blt_db *open_path(const char *path, blt_mode mode);
blt_db *open_path_with(const char *path, const blt_options *options);
blt_db *open_bytes(const void *bytes, size_t len, blt_mode mode);
blt_db *new_in_memory(uint32_t n_buckets);

/* Text as bytes, without its closing zero. */
blt_bytes bytes_of(const char *text);
int bytes_equal(blt_bytes bytes, const void *other, size_t len);

void put_text(blt_db *db, const char *key, const char *value);
void delete_text(blt_db *db, const char *key);

/* The key has this value; NULL: there is no such key. */
void expect_text(blt_db *db, const char *key, const char *value);
void expect_count(blt_db *db, uint64_t count);

/* put_text of "key-000000" to "key-<n - 1>" with their values, and their
 * check. */
void put_numbered(blt_db *db, unsigned first, unsigned n);
void expect_numbered(blt_db *db, unsigned first, unsigned n);

/* blt_verify finds nothing. */
void expect_sound(blt_db *db);

blt_header header_of(blt_db *db);

/* How many items an iteration gives; fails unless it ends well. */
uint64_t count_by_iteration(blt_db *db, unsigned flags);

#endif
