/*
 * side.c - the side table is filled by a scan, or by walking the chains; with
 * the file in memory, and when nothing of it is
 */
#include <fcntl.h>
#include <unistd.h>

#include "api/db.h"
#include "core/must.h"
#include "micro/micro.h"

static blt_db *open_for(const char *path, blt_mode mode)
{
  blt_options options = BLT_OPTIONS_INIT;
  blt_db *db = NULL;
  options.mode = mode;
  options.sync = BLT_SYNC_OFF;
  must(blt_open(path, &options, &db) == BLT_OK, "cannot open %s", path);
  return db;
}

static void make_store(const char *path, const struct dataset *set)
{
  blt_db *db = open_for(path, BLT_NEW);
  for (size_t i = 0; i < set->n; i++)
    must(blt_put(db, key_in(set->keys, i), KEY_LEN, value_of(set, i, 0),
                 set->value_len) == BLT_OK,
         "put failed");
  must(blt_close(db) == BLT_OK, "cannot close %s", path);
}

/* Nobody may have it mapped. */
static void forget(const char *path)
{
  const int fd = open(path, O_RDONLY);
  must(fd >= 0 && fsync(fd) == 0, "cannot sync %s", path);
  must(posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED) == 0, "no advice");
  close(fd);
}

static void build(blt_db *db, int by_chains)
{
  if (by_chains)
    blt__side_build(&db->side, &(struct blt__side_source){.image = &db->image,
                                                          .n_keys = db->n_keys,
                                                          .by_chains = 1});
  else
    blt__build_side(db);
}

static void measure(const char *path, size_t n, int by_chains, int is_cold)
{
  static const char *const names[2][2] = {
      {"a scan", "a scan, file not in memory"},
      {"chains", "chains, file not in memory"}};
  if (is_cold)
    forget(path);
  blt_db *const db = open_for(path, BLT_READ);
  const struct lap start = lap_start();
  build(db, by_chains);
  const struct lap lap = lap_since(start);
  micro_row("side", names[by_chains][is_cold], n, n, lap,
            blt__side_is_ready(&db->side) &&
                db->side.was_scanned == !by_chains && db->side.n_used == n);
  must(blt_close(db) == BLT_OK, "cannot close %s", path);
}

static void side(void)
{
  static const size_t sizes[] = {50000, 1000000};
  char path[4096];
  micro_path(path, sizeof path, "side.blt");
  for (size_t s = 0; s < sizeof sizes / sizeof *sizes; s++) {
    struct dataset set;
    dataset_make(&set, sizes[s], 200);
    make_store(path, &set);
    for (int by_chains = 0; by_chains < 2; by_chains++)
      measure(path, set.n, by_chains, 0);
    /* By chains that takes seconds at a million keys. */
    for (int by_chains = 0; s == 0 && by_chains < 2; by_chains++)
      measure(path, set.n, by_chains, 1);
    dataset_free(&set);
  }
}

const struct micro micro_side = {
    .name = "side",
    .purpose = "a side table filled by a scan and by chains; n is its keys",
    .run = side,
};
