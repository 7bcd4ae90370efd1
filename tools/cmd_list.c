/* cmd_list.c - list keys */
#include <fnmatch.h>
#include <inttypes.h>
#include <stdbool.h>
#include <string.h>

#include "commands.h"
#include "listing.h"
#include "report.h"

static bool has_filter(const struct args *args)
{
  return args->prefix || args->match || args->since != NOT_GIVEN ||
         args->until != NOT_GIVEN;
}

/* A glob is matched with the escaped form of a key that holds a NUL, which
 * would end the string. */
static bool matches_text(const struct store *store, blt_bytes key,
                         struct text *text)
{
  const struct args *args = store->args;
  text_clear(text);
  key_write_plain(store->key_type, key, text);
  const char *plain = text->data ? text->data : "";
  if (args->prefix) {
    const size_t len = strlen(args->prefix);
    if (text->len < len || memcmp(plain, args->prefix, len) != 0)
      return false;
  }
  if (!args->match)
    return true;
  if (text->len > 0 && memchr(plain, '\0', text->len)) {
    text_clear(text);
    key_write(store->key_type, key, text);
    plain = text->data;
  }
  return fnmatch(args->match, plain, 0) == 0;
}

static bool matches(const struct store *store, const blt_item *item,
                    struct text *text)
{
  const struct args *args = store->args;
  if (args->since != NOT_GIVEN && item->timestamp < args->since)
    return false;
  if (args->until != NOT_GIVEN && item->timestamp >= args->until)
    return false;
  return (!args->prefix && !args->match) ||
         matches_text(store, item->key, text);
}

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
    if (!matches(store, &item, &text))
      continue;
    listing_add(&listing, &item);
    n++;
  }
  listing_end(&listing);
  text_release(&text);
  if (status < 0)
    return store_failed(store);
  return n == 0 && has_filter(store->args) ? EXIT_NOT_FOUND : EXIT_DONE;
}

static unsigned iter_flags(const struct args *args)
{
  unsigned flags = BLT_ITER_KEYS;
  if (args->json || args->details || args->since != NOT_GIVEN ||
      args->until != NOT_GIVEN)
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
  if (!store->header.has_timestamps &&
      (args->since != NOT_GIVEN || args->until != NOT_GIVEN))
    return report_error(args, EXIT_USAGE, "unsupported", store->file,
                        "keeps no timestamps; leave out --since and --until");
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
