/* filter.c - which keys list and dump are asked for */
#include "filter.h"

#include <fnmatch.h>
#include <string.h>

#include "report.h"

bool filter_is_given(const struct args *args)
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

bool filter_matches(const struct store *store, const blt_item *item,
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

unsigned filter_iter_flags(const struct args *args)
{
  unsigned flags = BLT_ITER_KEYS;
  if (args->since != NOT_GIVEN || args->until != NOT_GIVEN)
    flags |= BLT_ITER_TIMESTAMPS;
  if (args->all)
    flags |= BLT_ITER_HIDDEN;
  return flags;
}

int filter_check(const struct store *store)
{
  const struct args *args = store->args;
  if (store->header.has_timestamps ||
      (args->since == NOT_GIVEN && args->until == NOT_GIVEN))
    return EXIT_DONE;
  return report_error(args, EXIT_USAGE, "unsupported", store->file,
                      "keeps no timestamps; leave out --since and --until");
}
