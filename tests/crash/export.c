/*
 * export.c - images of crashes for another program
 */
#include "crash/export.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

struct export
{
  const char *folder;
  FILE *lines;
  uint64_t n_stories, n_images;
  /* the story that was told last */
  const struct plan *plan;
  uint64_t seed;
};

static FILE *create(const struct export *export, const char *name)
{
  char path[4096];

  (void)snprintf(path, sizeof path, "%s/%s", export->folder, name);
  FILE *const file = fopen(path, "wb");
  if (file == NULL) {
    perror(path);
    exit(EXIT_FAILURE);
  }
  return file;
}

static void finish(FILE *file)
{
  const int failed = ferror(file);

  if (fclose(file) != 0 || failed) {
    fprintf(stderr, "the images cannot be written\n");
    exit(EXIT_FAILURE);
  }
}

struct export *export_begin(const char *folder)
{
  struct export *const export = calloc(1, sizeof *export);

  if (export == NULL)
    exit(EXIT_FAILURE);
  export->folder = folder;
  export->lines = create(export, "states.jsonl");
  return export;
}

void export_end(struct export *export)
{
  finish(export->lines);
  free(export);
}

static void tell_keys(FILE *to, const struct story *story)
{
  for (unsigned i = 0; i < story_n_entries(story); i++) {
    fprintf(to, i == 0 ? "\"" : ", \"");
    for (size_t k = 0; k < story->keys[i].len; k++)
      fprintf(to, "%02x", story->keys[i].bytes[k]);
    fprintf(to, "\"");
  }
}

static void tell_moment(FILE *to, const struct story *story,
                        const struct moment *moment)
{
  const char *between = "";

  for (unsigned i = 0; i < story_n_entries(story); i++) {
    const struct entry *const e = &moment->entries[i];
    if (e->version == 0)
      continue;
    fprintf(to, "%s[%u, %" PRIu32 ", %" PRIu64 ", %" PRIu64 "]", between, i,
            e->len, e->fill, e->time);
    between = ", ";
  }
}

static void tell_story(struct export *export, const struct story *story)
{
  static const char *const levels[] = {[BLT_SYNC_BATCH] = "BATCH",
                                       [BLT_SYNC_FULL] = "FULL",
                                       [BLT_SYNC_OFF] = "OFF"};
  FILE *const to = export->lines;

  export->plan = story->plan;
  export->seed = story->seed;
  fprintf(to, "{\"story\": %" PRIu64 ", \"plan\": \"%s\", \"seed\": %" PRIu64,
          ++export->n_stories, story->plan->name, story->seed);
  fprintf(to, ", \"level\": \"%s\", \"times\": %s, \"value_len\": %s",
          levels[story->plan->level],
          story->plan->shape == TIMES ? "true" : "false",
          story->plan->shape == FIXED_9   ? "9"
          : story->plan->shape == FIXED_0 ? "0"
                                          : "null");
  fprintf(to, ", \"has_time_sets\": %s, \"n_keys\": %u, \"keys\": [",
          story->has_time_sets ? "true" : "false", story->n_keys);
  tell_keys(to, story);
  fprintf(to, "], \"moments\": [");
  for (size_t i = 0; i < story->n_moments; i++) {
    fprintf(to, i == 0 ? "[" : ", [");
    tell_moment(to, story, &story->moments[i]);
    fprintf(to, "]");
  }
  fprintf(to, "]}\n");
}

void export_state(struct export *export, const struct story *story,
                  const char *model, uint64_t number, size_t low, size_t high,
                  const struct image *image)
{
  char name[64];

  if (export->plan != story->plan || export->seed != story->seed)
    tell_story(export, story);
  (void)snprintf(name, sizeof name, "%" PRIu64 ".blt", ++export->n_images);
  fprintf(export->lines,
          "{\"image\": \"%s\", \"story\": %" PRIu64
          ", \"model\": \"%s\", \"state\": %" PRIu64
          ", \"low\": %zu, \"high\": %zu}\n",
          name, export->n_stories, model, number, low, high);
  FILE *const file = create(export, name);
  if (image->len > 0)
    (void)fwrite(image->bytes, 1, image->len, file);
  finish(file);
}
