/* verified.c - remembers which files were sound, and what they were then */
#include "verified.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "store.h"
#include "text.h"

/* Two changes within this time may have one timestamp. */
#define TICK_NS INT64_C(100000000)
#define SECOND_NS INT64_C(1000000000)

static bool memory_path(struct text *path, bool make)
{
  const char *cache = getenv("XDG_CACHE_HOME");
  const char *home = getenv("HOME");
  if (cache && *cache == '/')
    text_add_string(path, cache);
  else if (home && *home == '/')
    text_addf(path, "%s/.cache", home);
  else
    return false;
  if (make)
    mkdir(path->data, 0700);
  text_add_string(path, "/blt");
  if (make)
    mkdir(path->data, 0700);
  text_add_string(path, "/verified.blt");
  return true;
}

static blt_db *open_memory(const struct args *args, blt_mode mode)
{
  struct text path = {0};
  blt_db *db = NULL;
  blt_options options = store_options(args, mode);
  options.key_serializer = BLT_SERIALIZER_STR;
  options.value_serializer = BLT_SERIALIZER_STR;
  options.sync = BLT_SYNC_OFF;
  if (memory_path(&path, mode == BLT_CREATE))
    blt_open(path.data, &options, &db);
  text_release(&path);
  return db;
}

static int64_t nanoseconds(struct timespec time)
{
  return (int64_t)time.tv_sec * SECOND_NS + time.tv_nsec;
}

/* "device inode length mtime ctime" */
static void add_facts(struct text *text, const struct stat *facts)
{
  text_addf(text, "%ju %ju %jd %" PRId64 " %" PRId64, (uintmax_t)facts->st_dev,
            (uintmax_t)facts->st_ino, (intmax_t)facts->st_size,
            nanoseconds(facts->st_mtim), nanoseconds(facts->st_ctim));
}

static bool read_memory(blt_bytes value, const struct text *facts,
                        blt_verify_report *out)
{
  struct text text = {0};
  text_add(&text, value.data, value.len);
  const bool known =
      text.len > facts->len &&
      memcmp(text.data, facts->data, facts->len) == 0 &&
      sscanf(text.data + facts->len,
             " ; %" SCNu64 " %" SCNu64 " %" SCNu64 " %" SCNu64, &out->n_live,
             &out->n_dead, &out->n_hidden, &out->n_records) == 4;
  text_release(&text);
  return known;
}

bool verified_knows(const struct args *args, const char *file,
                    blt_verify_report *out)
{
  struct stat now;
  struct text facts = {0};
  blt_bytes value;
  bool known = false;
  char *path = realpath(file, NULL);
  blt_db *db =
      path && stat(path, &now) == 0 ? open_memory(args, BLT_READ) : NULL;
  *out = (blt_verify_report){0};
  if (db) {
    add_facts(&facts, &now);
    known = blt_get(db, path, strlen(path), &value) == BLT_OK &&
            read_memory(value, &facts, out);
    blt_close(db);
  }
  text_release(&facts);
  free(path);
  return known;
}

/* File systems that count whole seconds leave the rest 0. */
static bool is_settled(const struct stat *facts)
{
  struct timespec clock;
  clock_gettime(CLOCK_REALTIME, &clock);
  const int64_t tick = facts->st_ctim.tv_nsec == 0 ? 2 * SECOND_NS : TICK_NS;
  return nanoseconds(clock) - nanoseconds(facts->st_ctim) > tick;
}

void verified_remember(const struct args *args, const char *file,
                       const struct stat *before,
                       const blt_verify_report *report)
{
  struct stat now;
  struct text value = {0}, after = {0};
  char *path = realpath(file, NULL);
  if (path && stat(path, &now) == 0 && is_settled(before)) {
    add_facts(&value, before);
    add_facts(&after, &now);
    blt_db *db = strcmp(value.data, after.data) == 0
                     ? open_memory(args, BLT_CREATE)
                     : NULL;
    text_addf(&value, " ; %" PRIu64 " %" PRIu64 " %" PRIu64 " %" PRIu64,
              report->n_live, report->n_dead, report->n_hidden,
              report->n_records);
    if (db) {
      blt_put(db, path, strlen(path), value.data, value.len);
      blt_close(db);
    }
  }
  text_release(&value);
  text_release(&after);
  free(path);
}
