/* reindex.c - give the index another number of buckets */
#include <inttypes.h>

#include "commands.h"
#include "out.h"
#include "report.h"
#include "store.h"
#include "units.h"

static int print_change(const struct args *args, uint32_t before,
                        uint32_t after)
{
  struct out out;
  struct text line = {0};
  out_open(&out, args, NULL);
  if (args->json) {
    out_json(&out, json_pack("{sI sI sb}", "buckets_before", (json_int_t)before,
                             "buckets_after", (json_int_t)after, "dry_run",
                             args->dry_run));
  } else if (!args->quiet) {
    text_add_string(&line, args->dry_run ? "would change buckets from "
                                         : "buckets from ");
    text_add_count(&line, before);
    text_add_string(&line, " to ");
    text_add_count(&line, after);
    text_add_string(&line, before == after ? ": nothing to do\n" : "\n");
    out_text(&out, &line);
  }
  text_release(&line);
  return out_close(&out, args, EXIT_DONE);
}

static int target_buckets(struct store *store, uint32_t *out)
{
  const uint64_t wanted = store->args->buckets;
  if (wanted != NOT_GIVEN && wanted != BUCKETS_AUTO) {
    *out = (uint32_t)wanted;
    return EXIT_DONE;
  }
  uint64_t n_keys;
  if (blt_count(store->db, &n_keys) < 0)
    return store_failed(store);
  *out = blt_buckets_for(n_keys);
  return EXIT_DONE;
}

static int reindex(struct store *store, uint32_t *after)
{
  int code = target_buckets(store, after);
  if (code != EXIT_DONE || store->args->dry_run)
    return code;
  interrupt_catch();
  if (blt_reindex(store->db, *after) < 0)
    return store_failed(store);
  progress_clear(&store->progress);
  return EXIT_DONE;
}

int cmd_reindex(const struct args *args)
{
  struct store store;
  uint32_t after = 0;
  int code = store_open_mode(&store, args, args->words[0],
                             args->dry_run ? BLT_READ : BLT_WRITE);
  if (code != EXIT_DONE)
    return code;
  code = store_close(&store, reindex(&store, &after));
  if (code != EXIT_DONE)
    return code;
  return print_change(args, store.header.n_buckets, after);
}
