/* picture.c - the screen that inspect shows */
#include <inttypes.h>
#include <string.h>

#include "survey.h"
#include "units.h"

#define WIDTH 72
#define BAR_WIDTH 30
#define CHAIN_BAR_WIDTH 24

struct picture {
  const struct survey *survey;
  struct out *out;
  bool color, utf8;
};

static const char *const share_colors[N_SHARES] = {"\033[32m", "\033[31m",
                                                   "\033[34m", "\033[2m"};

static const char *color_of(const struct picture *p, const char *code)
{
  return p->color ? code : "";
}

static const char *dot(const struct picture *p)
{
  return p->utf8 ? " \xc2\xb7 " : ", ";
}

/* Columns that UTF-8 text takes on the screen, for text of ours: each
 * character takes one. */
static size_t columns(const struct text *text)
{
  size_t n = 0;
  for (size_t i = 0; i < text->len; i++)
    n += ((unsigned char)text->data[i] & 0xc0) != 0x80;
  return n;
}

static void pad(struct text *text, size_t width)
{
  while (columns(text) < width)
    text_add_string(text, " ");
}

/* A bar to an eighth of a column, or without UTF-8 to a whole one. */
static void add_bar(struct text *text, const struct picture *p, double share,
                    size_t width)
{
  static const char *const eighths[] = {"",
                                        "\xe2\x96\x8f",
                                        "\xe2\x96\x8e",
                                        "\xe2\x96\x8d",
                                        "\xe2\x96\x8c",
                                        "\xe2\x96\x8b",
                                        "\xe2\x96\x8a",
                                        "\xe2\x96\x89"};
  struct text bar = {0};
  const double filled = share < 1 ? share : 1;
  const size_t units = (size_t)(filled * (double)width * 8 + 0.5);
  for (size_t i = 0; i < units / 8; i++)
    text_add_string(&bar, p->utf8 ? "\xe2\x96\x88" : "#");
  if (p->utf8)
    text_add_string(&bar, eighths[units % 8]);
  else if (units % 8 >= 4)
    text_add_string(&bar, "#");
  pad(&bar, width);
  text_add(text, bar.data, bar.len);
  text_release(&bar);
}

static void print_line(const struct picture *p, struct text *line)
{
  while (line->len > 0 && line->data[line->len - 1] == ' ')
    line->len--;
  out_text(p->out, line);
  out_string(p->out, "\n");
  text_clear(line);
}

static void print_title(const struct picture *p, struct text *line)
{
  const blt_header *header = p->survey->header;
  struct text size = {0};
  text_add_size(&size, p->survey->stats.file_len);
  text_add_printable(line, p->survey->file, strlen(p->survey->file));
  text_addf(line, "   %s-length booklet, format %u",
            survey_kind_name(p->survey), header->version);
  if (p->survey->unlocked)
    text_add_string(line, ", unlocked read");
  text_add_string(line, "  ");
  if (size.len < WIDTH)
    pad(line, WIDTH - size.len);
  text_add(line, size.data, size.len);
  out_string(p->out, color_of(p, "\033[1m"));
  out_text(p->out, line);
  out_format(p->out, "%s\n", color_of(p, "\033[0m"));
  text_clear(line);
  text_release(&size);
}

static const char *name_or_number(unsigned code, char *number, size_t capacity)
{
  const char *name = blt_serializer_name(code);
  snprintf(number, capacity, "%u", code);
  return name ? name : number;
}

static void add_uuid(struct text *line, const struct picture *p)
{
  const unsigned char *uuid = p->survey->header->uuid;
  text_add_hex(line, uuid, 2);
  text_add_string(line, p->utf8 ? "\xe2\x80\xa6-" : "..-");
  text_add_hex(line, uuid + 14, 2);
}

static void print_keys(const struct picture *p, struct text *line)
{
  const blt_header *header = p->survey->header;
  char number[16];
  text_add_string(line, "  keys       ");
  text_add_count(line, p->survey->stats.n_keys);
  pad(line, 32);
  text_addf(line, "key type  %s",
            name_or_number(header->key_serializer, number, sizeof number));
  pad(line, 52);
  text_addf(line, "timestamps  %s", header->has_timestamps ? "yes" : "no");
  print_line(p, line);

  text_add_string(line, "  hidden     ");
  text_add_count(line, p->survey->stats.n_hidden);
  pad(line, 32);
  if (header->kind == BLT_FIXED)
    text_addf(line, "values    %" PRIu32 " B", header->value_len);
  else
    text_addf(line, "values    %s",
              name_or_number(header->value_serializer, number, sizeof number));
  pad(line, 52);
  text_add_string(line, "uuid        ");
  add_uuid(line, p);
  print_line(p, line);
}

static void print_values(const struct picture *p, struct text *line)
{
  const blt_stats *stats = &p->survey->stats;
  if (stats->n_keys == 0)
    return;
  const char *names[] = {"min", "median", "p99", "max"};
  const uint64_t lens[] = {stats->value_len_min, stats->value_len_p50,
                           stats->value_len_p99, stats->value_len_max};
  text_add_string(line, "  values     ");
  for (size_t i = 0; i < 4; i++) {
    text_addf(line, "%s%s ", i ? dot(p) : "", names[i]);
    text_add_size(line, lens[i]);
  }
  print_line(p, line);
}

static void print_state(const struct picture *p, struct text *line)
{
  text_add_string(line, "  written    ");
  text_add_seconds(line, p->survey->header->file_timestamp);
  pad(line, 42);
  text_addf(line, "state  %s", survey_state_name(p->survey));
  if (p->survey->n_faults > 0)
    text_addf(line, " (%" PRIu64 " faults; see blt verify)",
              p->survey->n_faults);
  print_line(p, line);
}

static void print_space(const struct picture *p, struct text *line)
{
  struct share shares[N_SHARES];
  const uint64_t total = p->survey->stats.file_len;
  out_string(p->out, "\nspace\n");
  survey_shares(p->survey, shares);
  for (size_t i = 0; i < N_SHARES; i++) {
    const double share = total ? (double)shares[i].len / (double)total : 0;
    struct text size = {0};
    text_add_size(&size, shares[i].len);
    text_addf(line, "  %-10s %s", shares[i].name, color_of(p, share_colors[i]));
    add_bar(line, p, share, BAR_WIDTH);
    text_addf(line, "%s %5.1f %% %10s   ", color_of(p, "\033[0m"), share * 100,
              size.data);
    text_add(line, shares[i].note.data, shares[i].note.len);
    print_line(p, line);
    text_release(&size);
  }
  survey_release_shares(shares);
}

static void print_chains(const struct picture *p, struct text *line)
{
  const blt_stats *stats = &p->survey->stats;
  const double n_buckets = p->survey->header->n_buckets;
  out_format(p->out,
             "\nchains  (blocks read to find a key: mean %.2f, worst %" PRIu64
             ")\n",
             survey_mean_steps(p->survey), stats->chain_max);
  for (size_t i = 0; i < survey_n_bins(p->survey); i++) {
    const double share =
        n_buckets > 0 ? (double)stats->chain_bins[i] / n_buckets : 0;
    struct text count = {0};
    text_add_count(&count, stats->chain_bins[i]);
    text_addf(line, "  %2zu%s %13s  %5.1f %%  ", i,
              i + 1 == BLT_CHAIN_BINS ? "+" : " ", count.data, share * 100);
    add_bar(line, p, share, CHAIN_BAR_WIDTH);
    print_line(p, line);
    text_release(&count);
  }
}

static void print_advice(const struct picture *p, struct text *line)
{
  const blt_stats *stats = &p->survey->stats;
  const uint64_t prune = survey_prune_gain(p->survey);
  const uint64_t index = survey_index_gain(p->survey);
  if (!prune && !index)
    return;
  out_string(p->out, "\n");
  if (prune) {
    text_add_string(line, "advice  prune would free ");
    text_add_size(line, prune);
    text_addf(line, " (%.0f %%)",
              100 * (double)prune / (double)stats->file_len);
    print_line(p, line);
  }
  if (index) {
    text_add_string(line, prune ? "        prune --buckets auto would also "
                                : "advice  prune --buckets auto would ");
    text_add_string(line, "shrink the index from ");
    text_add_size(line, stats->index_len);
    text_add_string(line, " to ");
    text_add_size(line, stats->index_len - index);
    print_line(p, line);
  }
}

void survey_print(const struct survey *survey, struct out *out, bool color,
                  bool utf8)
{
  const struct picture picture = {survey, out, color, utf8};
  struct text line = {0};
  print_title(&picture, &line);
  print_keys(&picture, &line);
  print_values(&picture, &line);
  print_state(&picture, &line);
  print_space(&picture, &line);
  print_chains(&picture, &line);
  print_advice(&picture, &line);
  text_release(&line);
}
