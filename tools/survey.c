/* survey.c - what inspect found out about a file, as numbers and JSON */
#include "survey.h"

#include <inttypes.h>
#include <string.h>

#include "units.h"

#define SLOT_LEN 6
/* Below a hundredth of the file, advice is not worth a line. */
#define WORTH_SAYING 100
/* Header and gaps are large above both of these. */
#define LARGE_GAP 65536
#define LARGE_GAP_SHARE 10

void survey_shares(const struct survey *survey, struct share *shares)
{
  const blt_stats *stats = &survey->stats;
  const uint32_t n_buckets = survey->header->n_buckets;
  shares[SHARE_LIVE] =
      (struct share){.name = "live data", .len = stats->live_len};
  shares[SHARE_DEAD] =
      (struct share){.name = "dead data", .len = stats->dead_len};
  shares[SHARE_INDEX] =
      (struct share){.name = "index", .len = stats->index_len};
  shares[SHARE_OTHER] =
      (struct share){.name = "other", .len = stats->other_len};
  text_add_counted(&shares[SHARE_LIVE].note, stats->n_live, "block");
  if (survey->n_sampled > 0)
    text_add_string(&shares[SHARE_DEAD].note, "guessed");
  else
    text_add_counted(&shares[SHARE_DEAD].note, stats->n_dead, "block");
  if (stats->n_records > 0) {
    text_add_string(&shares[SHARE_DEAD].note, ", ");
    text_add_count(&shares[SHARE_DEAD].note, stats->n_records);
    text_add_string(&shares[SHARE_DEAD].note, stats->n_records == 1
                                                  ? " of them a record"
                                                  : " of them records");
  }
  text_add_counted(&shares[SHARE_INDEX].note, n_buckets, "bucket");
  text_addf(&shares[SHARE_INDEX].note, ", load %.2f",
            n_buckets ? (double)stats->n_live / n_buckets : 0.0);
  text_add_string(&shares[SHARE_OTHER].note, "header and gaps");
}

void survey_release_shares(struct share *shares)
{
  for (size_t i = 0; i < N_SHARES; i++)
    text_release(&shares[i].note);
}

uint64_t pruned_len(const blt_stats *stats, uint32_t n_buckets)
{
  return BLT_HEADER_LEN + stats->live_len + (uint64_t)n_buckets * SLOT_LEN;
}

/* Dead data, and gaps where they are large: a reindex and a rebuilt file
 * leave old bytes in front of the first block. */
uint64_t survey_prune_gain(const struct survey *survey)
{
  const blt_stats *stats = &survey->stats;
  const uint64_t pruned = pruned_len(stats, survey->header->n_buckets);
  const bool is_worth_it =
      stats->dead_len > stats->file_len / WORTH_SAYING ||
      (stats->other_len > LARGE_GAP &&
       stats->other_len > stats->file_len / LARGE_GAP_SHARE);
  return is_worth_it && stats->file_len > pruned ? stats->file_len - pruned : 0;
}

uint64_t survey_index_gain(const struct survey *survey)
{
  const blt_stats *stats = &survey->stats;
  const uint64_t fitting = (uint64_t)blt_buckets_for(stats->n_keys) * SLOT_LEN;
  const uint64_t gain =
      stats->index_len > fitting ? stats->index_len - fitting : 0;
  return gain > stats->file_len / WORTH_SAYING ? gain : 0;
}

double survey_mean_steps(const struct survey *survey)
{
  const uint64_t n = survey->stats.n_keys + survey->stats.n_hidden;
  return n ? (double)survey->stats.chain_steps / (double)n : 0;
}

const char *survey_state_name(const struct survey *survey)
{
  static const char *const names[] = {"clean", "dirty", "damaged"};
  return names[survey->state];
}

const char *survey_kind_name(const struct survey *survey)
{
  return survey->header->kind == BLT_FIXED ? "fixed" : "variable";
}

size_t survey_n_bins(const struct survey *survey)
{
  const uint64_t longest = survey->stats.chain_max;
  return longest < BLT_CHAIN_BINS ? (size_t)longest + 1 : BLT_CHAIN_BINS;
}

static json_t *number(uint64_t value)
{
  return json_integer((json_int_t)value);
}

static json_t *serializer(unsigned code)
{
  const char *name = blt_serializer_name(code);
  return name ? json_string(name) : number(code);
}

static json_t *format_json(const blt_header *header, const char *kind)
{
  struct text uuid = {0};
  text_add_hex(&uuid, header->uuid, sizeof header->uuid);
  json_t *format = json_pack(
      "{ss sI sI sI sI so so sb ss sI}", "kind", kind, "version",
      (json_int_t)header->version, "n_buckets", (json_int_t)header->n_buckets,
      "index_offset", (json_int_t)header->index_off, "first_data_block_pos",
      (json_int_t)header->first_block_off, "key_serializer",
      serializer(header->key_serializer), "value_serializer",
      serializer(header->value_serializer), "timestamps",
      header->has_timestamps != 0, "uuid", uuid.data, "file_timestamp",
      (json_int_t)header->file_timestamp);
  if (header->kind == BLT_FIXED)
    json_object_set_new(format, "value_len", number(header->value_len));
  text_release(&uuid);
  return format;
}

static json_t *chains_json(const struct survey *survey)
{
  json_t *histogram = json_array();
  for (size_t i = 0; i < survey_n_bins(survey); i++)
    json_array_append_new(histogram, number(survey->stats.chain_bins[i]));
  return json_pack("{so sf sI}", "histogram", histogram, "mean_hit",
                   survey_mean_steps(survey), "max",
                   (json_int_t)survey->stats.chain_max);
}

static json_t *advice_json(const struct survey *survey)
{
  json_t *advice = json_array();
  const uint64_t prune = survey_prune_gain(survey);
  const uint64_t index = survey_index_gain(survey);
  if (prune)
    json_array_append_new(advice, json_pack("{ss sI}", "action", "prune",
                                            "bytes", (json_int_t)prune));
  if (index)
    json_array_append_new(advice,
                          json_pack("{ss sI}", "action", "prune --buckets auto",
                                    "bytes", (json_int_t)index));
  return advice;
}

static json_t *lengths_json(uint64_t least, uint64_t most, uint64_t sum)
{
  return json_pack("{sI sI sI}", "min", (json_int_t)least, "max",
                   (json_int_t)most, "sum", (json_int_t)sum);
}

static json_t *header_count(const blt_header *header)
{
  return header->n_keys == UINT32_MAX ? json_null() : number(header->n_keys);
}

json_t *survey_json(const struct survey *survey)
{
  const blt_stats *s = &survey->stats;
  json_t *object = json_object();
  json_add_bytes(object, "file",
                 (blt_bytes){survey->file, strlen(survey->file)});
  json_object_set_new(object, "size", number(s->file_len));
  json_object_set_new(object, "format",
                      format_json(survey->header, survey_kind_name(survey)));
  json_object_set_new(
      object, "keys",
      json_pack("{so sI sI}", "header", header_count(survey->header), "counted",
                (json_int_t)s->n_keys, "hidden", (json_int_t)s->n_hidden));
  json_object_set_new(
      object, "space",
      json_pack("{sI sI sI sI sI}", "live", (json_int_t)s->live_len, "dead",
                (json_int_t)s->dead_len, "index", (json_int_t)s->index_len,
                "other", (json_int_t)s->other_len, "records",
                (json_int_t)s->record_len));
  json_object_set_new(object, "blocks",
                      json_pack("{sI sI sI}", "live", (json_int_t)s->n_live,
                                "dead", (json_int_t)s->n_dead, "records",
                                (json_int_t)s->n_records));
  json_object_set_new(object, "chains", chains_json(survey));
  json_object_set_new(
      object, "key_len",
      lengths_json(s->key_len_min, s->key_len_max, s->key_len_sum));
  json_t *values =
      lengths_json(s->value_len_min, s->value_len_max, s->value_len_sum);
  json_object_set_new(values, "p50", number(s->value_len_p50));
  json_object_set_new(values, "p99", number(s->value_len_p99));
  json_object_set_new(object, "value_len", values);
  json_object_set_new(object, "advice", advice_json(survey));
  json_object_set_new(object, "state", json_string(survey_state_name(survey)));
  if (survey->n_sampled > 0)
    json_object_set_new(object, "sampled", number(survey->n_sampled));
  if (survey->unlocked)
    json_object_set_new(object, "unlocked", json_true());
  return object;
}
