/* diff.c - what two files hold that differs */
#include <string.h>

#include "commands.h"
#include "out.h"
#include "report.h"
#include "store.h"
#include "units.h"

enum { PROGRESS_STEP = 1024 };

enum change { REMOVED, ADDED, CHANGED, N_CHANGES };

struct comparing {
  const struct args *args;
  struct store stores[2];
  struct out out;
  uint64_t n[N_CHANGES];
  uint64_t n_seen, n_total;
};

static bool differs(const struct comparing *comparing)
{
  return comparing->n[REMOVED] + comparing->n[ADDED] + comparing->n[CHANGED] >
         0;
}

static void tell(struct comparing *comparing, enum change change, blt_bytes key)
{
  static const char *const words[] = {"removed", "added", "changed"};
  static const char signs[] = "-+~";
  const struct key_type type = comparing->stores[0].key_type;
  comparing->n[change]++;
  if (comparing->args->quiet)
    return;
  if (comparing->args->json) {
    json_t *object = json_object();
    json_object_set_new(object, "change", json_string(words[change]));
    key_add_json(type, key, object);
    out_json(&comparing->out, object);
    return;
  }
  struct text line = {0};
  text_addf(&line, "%c ", signs[change]);
  key_write(type, key, &line);
  text_add_string(&line, "\n");
  out_text(&comparing->out, &line);
  text_release(&line);
}

static bool is_same(blt_bytes a, blt_bytes b)
{
  return a.len == b.len && (a.len == 0 || memcmp(a.data, b.data, a.len) == 0);
}

/* What an item of the first file is in the second one. */
static int compare_item(struct comparing *comparing, const blt_item *item)
{
  struct store *other = &comparing->stores[1];
  blt_bytes value;
  uint64_t timestamp = item->timestamp;
  blt_status status = blt_get(other->db, item->key.data, item->key.len, &value);
  if (status == BLT_OK && comparing->args->with_times)
    status =
        blt_timestamp_get(other->db, item->key.data, item->key.len, &timestamp);
  if (status < 0)
    return store_failed(other);
  if (status == BLT_NOT_FOUND)
    tell(comparing, REMOVED, item->key);
  else if (!is_same(item->value, value) || timestamp != item->timestamp)
    tell(comparing, CHANGED, item->key);
  return EXIT_DONE;
}

static int find_item(struct comparing *comparing, const blt_item *item)
{
  struct store *other = &comparing->stores[0];
  const blt_status status = blt_has(other->db, item->key.data, item->key.len);
  if (status < 0)
    return store_failed(other);
  if (status == BLT_NOT_FOUND)
    tell(comparing, ADDED, item->key);
  return EXIT_DONE;
}

/* With --quiet one difference is enough. */
static bool is_enough(struct comparing *comparing)
{
  return out_failed(&comparing->out) ||
         (comparing->args->quiet && differs(comparing));
}

static int each_item(struct comparing *comparing, struct store *store,
                     unsigned flags,
                     int (*judge)(struct comparing *, const blt_item *))
{
  blt_iter *iter;
  blt_item item;
  blt_status status;
  int code = EXIT_DONE;
  if (blt_iter_open(store->db, flags, &iter) < 0)
    return store_failed(store);
  while (code == EXIT_DONE && !is_enough(comparing) &&
         (status = blt_iter_next(iter, &item)) != BLT_END) {
    code = status < 0 ? store_failed(store) : judge(comparing, &item);
    if (code == EXIT_DONE && ++comparing->n_seen % PROGRESS_STEP == 0 &&
        progress_amount(&comparing->stores[0].progress, UNIT_KEYS,
                        comparing->n_seen, comparing->n_total))
      code = EXIT_INTERRUPTED;
  }
  blt_iter_close(iter);
  return code;
}

/* ---- hidden keys, which have names instead */

static void tell_hidden(struct comparing *comparing, enum change change,
                        const char *name)
{
  static const char *const words[] = {"removed", "added", "changed"};
  static const char signs[] = "-+~";
  comparing->n[change]++;
  if (comparing->args->json)
    out_json(&comparing->out,
             json_pack("{ss ss}", "change", words[change], "hidden", name));
  else if (!comparing->args->quiet)
    out_format(&comparing->out, "%c [%s]\n", signs[change], name);
}

static int compare_hidden(struct comparing *comparing)
{
  static const char *const names[N_HIDDEN] = {"metadata", "slot 1", "slot 2"};
  for (int i = 0; i < N_HIDDEN && !is_enough(comparing); i++) {
    blt_bytes bytes[2] = {{0}};
    uint64_t times[2] = {0};
    int found[2];
    for (int k = 0; k < 2; k++) {
      found[k] = store_hidden(&comparing->stores[k], i, &bytes[k], &times[k]);
      if (found[k] < 0)
        return store_failed(&comparing->stores[k]);
    }
    if (found[0] != found[1])
      tell_hidden(comparing, found[0] == BLT_OK ? REMOVED : ADDED, names[i]);
    else if (found[0] == BLT_OK &&
             (!is_same(bytes[0], bytes[1]) ||
              (comparing->args->with_times && times[0] != times[1])))
      tell_hidden(comparing, CHANGED, names[i]);
  }
  return EXIT_DONE;
}

/* ---- the whole */

static void print_sum(struct comparing *comparing)
{
  if (comparing->args->quiet || comparing->args->json || !differs(comparing))
    return;
  struct text line = {0};
  text_add_count(&line, comparing->n[REMOVED]);
  text_add_string(&line, " only in the first, ");
  text_add_count(&line, comparing->n[ADDED]);
  text_add_string(&line, " only in the second, ");
  text_add_count(&line, comparing->n[CHANGED]);
  text_add_string(&line, " differ\n");
  out_text(&comparing->out, &line);
  text_release(&line);
}

static int check(struct comparing *comparing)
{
  for (int i = 0; i < 2; i++) {
    struct store *store = &comparing->stores[i];
    uint64_t n;
    if (comparing->args->with_times && !store->header.has_timestamps)
      return report_error(comparing->args, EXIT_USAGE, "unsupported",
                          store->file,
                          "keeps no timestamps; leave out --timestamps");
    if (blt_count(store->db, &n) < 0)
      return store_failed(store);
    comparing->n_total += n;
  }
  return EXIT_DONE;
}

static int compare(struct comparing *comparing)
{
  struct store *stores = comparing->stores;
  int code = check(comparing);
  if (code != EXIT_DONE)
    return code;
  out_open(&comparing->out, comparing->args, NULL);
  code = each_item(comparing, &stores[0], BLT_ITER_VALUES | BLT_ITER_TIMESTAMPS,
                   compare_item);
  if (code == EXIT_DONE && !is_enough(comparing))
    code = each_item(comparing, &stores[1], BLT_ITER_KEYS, find_item);
  if (code == EXIT_DONE && comparing->args->all)
    code = compare_hidden(comparing);
  progress_clear(&stores[0].progress);
  if (code == EXIT_DONE) {
    print_sum(comparing);
    code = differs(comparing) ? EXIT_NOT_FOUND : EXIT_DONE;
  }
  return out_close(&comparing->out, comparing->args, code);
}

int cmd_diff(const struct args *args)
{
  struct comparing comparing = {.args = args};
  struct store *stores = comparing.stores;
  int code = store_open_mode(&stores[0], args, args->words[0], BLT_READ);
  if (code != EXIT_DONE)
    return code;
  code = store_open_mode(&stores[1], args, args->words[1], BLT_READ);
  if (code == EXIT_DONE)
    code = store_close(&stores[1], compare(&comparing));
  return store_close(&stores[0], code);
}
