/* list.c - list keys */
#include <inttypes.h>

#include "commands.h"
#include "filter.h"
#include "listing.h"
#include "report.h"

static int list_items(struct store *store, blt_iter *iter, struct out *out)
{
  struct text text = {0};
  struct listing listing;
  listing_begin(&listing, store, out);
  uint64_t n = 0;
  blt_item item;
  blt_status status = BLT_END;
  while (n < store->args->limit && !out_failed(out)) {
    status = blt_iter_next(iter, &item);
    if (status != BLT_OK)
      break;
    if (!filter_matches(store, &item, &text))
      continue;
    listing_add(&listing, &item);
    n++;
  }
  listing_end(&listing);
  text_release(&text);
  if (status < 0)
    return store_failed(store);
  return n == 0 && filter_is_given(store->args) ? EXIT_NOT_FOUND : EXIT_DONE;
}

static unsigned iter_flags(const struct args *args)
{
  unsigned flags = filter_iter_flags(args);
  if (args->json || args->details)
    flags |= BLT_ITER_TIMESTAMPS;
  if (args->details || args->locations)
    flags |= BLT_ITER_OFFSETS;
  if (args->values)
    flags |= BLT_ITER_VALUES;
  if (args->all)
    flags |= BLT_ITER_HIDDEN;
  return flags;
}

static int list_store(struct store *store)
{
  const struct args *args = store->args;
  const int checked = filter_check(store);
  if (checked != EXIT_DONE)
    return checked;
  blt_iter *iter;
  if (blt_iter_open(store->db, iter_flags(args), &iter) < 0)
    return store_failed(store);
  struct out out;
  out_open(&out, args, NULL);
  const int code = list_items(store, iter, &out);
  blt_iter_close(iter);
  return out_close(&out, args, code);
}

int cmd_list(const struct args *args)
{
  const int n_forms = args->details + args->locations + args->nul;
  if (!args->json && (n_forms > 1 || (args->values && n_forms > args->nul)))
    return report_usage(args, "--long, --locations and --null or --values "
                              "exclude each other; give one, or --json");
  struct store store;
  const int code = store_open_mode(&store, args, args->words[0], BLT_READ);
  if (code != EXIT_DONE)
    return code;
  return store_close(&store, list_store(&store));
}
