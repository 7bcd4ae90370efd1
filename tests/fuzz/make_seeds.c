/*
 * make_seeds.c - files of every kind, and of every crash, for the corpus
 *
 *   make_seeds FOLDER [FILE.blt...]
 *
 * A short life is played for each kind of file and each level of syncs, and
 * after each change of the file what is there is a seed: a state that a kill
 * leaves. Further seeds are the given files, as they are. `campaign` throws
 * those away that show nothing new.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fuzz/world.h"

struct kind {
  const char *name;
  blt_kind kind;
  uint32_t value_len, n_buckets;
  blt_choice timestamps;
};

static const struct kind kinds[] = {
    {"times", BLT_VARIABLE, 0, 3, BLT_ON},
    {"times1", BLT_VARIABLE, 0, 1, BLT_ON},
    {"plain", BLT_VARIABLE, 0, 2, BLT_OFF},
    {"fixed0", BLT_FIXED, 0, 3, BLT_OFF},
    {"fixed4", BLT_FIXED, 4, 2, BLT_OFF},
    {"fixed200", BLT_FIXED, 200, 1, BLT_OFF},
};

static const char *folder;
static char name[64];
static unsigned n_seeds, n_scripts;

static void write_seed(const uint8_t *bytes, size_t len)
{
  char path[4096];
  uint8_t script[16];
  uint32_t chance = 2654435761u * ++n_scripts;

  for (size_t i = 0; i < sizeof script; i++) {
    chance = chance * 1664525u + 1013904223u;
    script[i] = (uint8_t)(chance >> 24);
  }
  snprintf(path, sizeof path, "%s/%s-%04u", folder, name, n_seeds++);
  FILE *const file = fopen(path, "wb");
  if (file == NULL || fwrite(bytes, 1, len, file) != len ||
      fwrite(script, 1, sizeof script, file) != sizeof script ||
      fputc(sizeof script, file) == EOF || fclose(file) != 0) {
    perror(path);
    exit(EXIT_FAILURE);
  }
}

/* What is there now, unless it was there before. */
static void take(void)
{
  static uint8_t last[1 << 16];
  static size_t last_len;
  size_t len = 0;
  const uint8_t *const now = world_get("a", &len);

  if (now == NULL || len > sizeof last ||
      (len == last_len && memcmp(now, last, len) == 0))
    return;
  memcpy(last, now, len);
  last_len = len;
  write_seed(now, len);
}

static void must(blt_status status)
{
  if (status >= 0 || status == BLT_E_UNSUPPORTED)
    return;
  fprintf(stderr, "%s: %s\n", name, blt_status_name(status));
  exit(EXIT_FAILURE);
}

static void put(blt_db *db, const struct kind *kind, const char *key,
                const char *value)
{
  char fixed[256] = "";

  snprintf(fixed, sizeof fixed, "%s", value);
  must(blt_put_at(db, key, strlen(key), kind->kind == BLT_FIXED ? fixed : value,
                  kind->kind == BLT_FIXED ? kind->value_len : strlen(value),
                  1000));
}

static blt_db *open_it(const blt_options *options)
{
  blt_db *db = NULL;

  must(blt_open("a", options, &db));
  world_write_ahead(db);
  return db;
}

static void live(const struct kind *kind, blt_sync_level level)
{
  blt_options options = world_options(BLT_NEW);

  world_reset();
  snprintf(name, sizeof name, "%s-%d", kind->name, (int)level);
  options.kind = kind->kind;
  options.fixed_value_len = kind->value_len;
  options.n_buckets = kind->n_buckets;
  options.timestamps = kind->timestamps;
  options.sync = level;
  blt_db *db = open_it(&options);
  take();
  put(db, kind, "a", "1");
  put(db, kind, "b", "two");
  put(db, kind, "", "");
  must(blt_sync(db));
  put(db, kind, "c", "three");
  put(db, kind, "a", "one");
  must(blt_delete(db, "b", 1));
  must(blt_metadata_set(db, "{}", 2, 7));
  must(blt_sync(db));
  must(blt_timestamp_set(db, "a", 1, 2000));
  must(blt_batch_begin(db));
  put(db, kind, "d", "in a batch");
  must(blt_delete(db, "c", 1));
  must(blt_batch_commit(db));
  must(blt_slot_set(db, 1, "slot", 4, 8));
  must(blt_close(db));
  take();
  options.mode = BLT_WRITE;
  db = open_it(&options);
  must(blt_reindex(db, 5));
  put(db, kind, "e", "behind the index");
  must(blt_sync(db));
  must(blt_prune(db, NULL, NULL));
  put(db, kind, "f", "behind the prune");
  must(blt_close(db));
  take();
  db = open_it(&options);
  must(blt_clear(db));
  put(db, kind, "g", "the only one");
  must(blt_close(db));
  take();
}

/* What a repair does, on a file whose first link is bent. */
static void mend(const struct kind *kind)
{
  blt_repair_options options = BLT_REPAIR_OPTIONS_INIT;
  size_t len = 0;

  live(kind, BLT_SYNC_FULL);
  snprintf(name, sizeof name, "%s-repair", kind->name);
  const uint8_t *const now = world_get("a", &len);
  uint8_t *const copy = malloc(len);
  memcpy(copy, now, len);
  memset(copy + 201, 0x11, 3);
  world_put("a", copy, len);
  options.allocator = world_options(BLT_READ).allocator;
  (void)blt_repair("a", &options, NULL);
  free(copy);
}

static void take_file(const char *path)
{
  static uint8_t bytes[1 << 16];
  FILE *const file = fopen(path, "rb");

  if (file == NULL) {
    perror(path);
    exit(EXIT_FAILURE);
  }
  const size_t len = fread(bytes, 1, sizeof bytes, file);
  (void)fclose(file);
  if (len < 12000)
    write_seed(bytes, len);
}

int main(int argc, char **argv)
{
  if (argc < 2) {
    fprintf(stderr, "usage: %s FOLDER [FILE.blt...]\n", argv[0]);
    return EXIT_FAILURE;
  }
  folder = argv[1];
  world_on_change = take;
  for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
    for (int level = BLT_SYNC_BATCH; level <= BLT_SYNC_OFF; level++)
      live(&kinds[i], (blt_sync_level)level);
    mend(&kinds[i]);
  }
  snprintf(name, sizeof name, "given");
  for (int i = 2; i < argc; i++)
    take_file(argv[i]);
  printf("%u seeds\n", n_seeds);
  return EXIT_SUCCESS;
}
