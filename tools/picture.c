/* picture.c - the screen that inspect shows */
#include <inttypes.h>
#include <string.h>

#include "survey.h"
#include "units.h"

/* No narrower and no wider, whatever the terminal is. */
#define NARROWEST 56
#define WIDEST 120
/* Three fields stand beside each other from here on, else two. */
#define WIDE 76
/* A row of space without its bar and its note, and one of chains. */
#define SHARE_WIDTH 36
#define CHAIN_WIDTH 30
#define SHORTEST_BAR 12
#define LONGEST_BAR 60

struct picture {
  const struct survey *survey;
  struct out *out;
  bool color, utf8;
  size_t width;
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

/* A line that is too long goes on below, behind `indent` blanks. */
static void print_wrapped(const struct picture *p, struct text *line,
                          size_t indent)
{
  struct text row = {0};
  size_t at = 0;
  while (line->len > 0) {
    size_t n = 0, end = at, blank = 0;
    for (; end < line->len && n <= p->width; end++) {
      n += ((unsigned char)line->data[end] & 0xc0) != 0x80;
      if (line->data[end] == ' ' && end > at + indent && n <= p->width)
        blank = end;
    }
    if (n <= p->width || blank == 0)
      break;
    text_add(&row, line->data + at, blank - at);
    print_line(p, &row);
    /* What was printed gives its room to the indent. */
    at = blank + 1;
    while (at < line->len && line->data[at] == ' ')
      at++;
    at -= indent < at ? indent : at;
    memset(line->data + at, ' ', indent);
  }
  text_add(&row, line->data + at, line->len - at);
  print_line(p, &row);
  text_clear(line);
  text_release(&row);
}

static void add_kind(const struct picture *p, struct text *line)
{
  text_addf(line, "%s-length booklet, format %u", survey_kind_name(p->survey),
            p->survey->header->version);
  if (p->survey->unlocked)
    text_add_string(line, ", unlocked read");
  if (p->survey->n_sampled > 0)
    text_add_string(line, ", sampled");
}

/* The name stands alone where the rest does not fit beside it. */
static void print_title(const struct picture *p, struct text *line)
{
  struct text size = {0}, kind = {0};
  text_add_size(&size, p->survey->stats.file_len);
  add_kind(p, &kind);
  text_add_printable(line, p->survey->file, strlen(p->survey->file));
  out_string(p->out, color_of(p, "\033[1m"));
  if (columns(line) + 3 + kind.len + 2 + size.len > p->width) {
    print_line(p, line);
    text_add_string(line, "  ");
  } else {
    text_add_string(line, "   ");
  }
  text_add(line, kind.data, kind.len);
  text_add_string(line, "  ");
  if (size.len < p->width)
    pad(line, p->width - size.len);
  text_add(line, size.data, size.len);
  out_text(p->out, line);
  out_format(p->out, "%s\n", color_of(p, "\033[0m"));
  text_clear(line);
  text_release(&size);
  text_release(&kind);
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

enum { LEFT = 2, MIDDLE = 32, RIGHT = 52, N_FIELDS = 6 };

static void fill_fields(const struct picture *p, struct text *fields)
{
  const blt_header *header = p->survey->header;
  char number[16];
  text_add_string(&fields[0], "keys       ");
  text_add_count(&fields[0], p->survey->stats.n_keys);
  text_addf(&fields[1], "key type  %s",
            name_or_number(header->key_serializer, number, sizeof number));
  text_add_string(&fields[2], "hidden     ");
  if (p->survey->n_sampled > 0)
    text_add_string(&fields[2], "?");
  else
    text_add_count(&fields[2], p->survey->stats.n_hidden);
  if (header->kind == BLT_FIXED)
    text_addf(&fields[3], "values    %" PRIu32 " B", header->value_len);
  else
    text_addf(&fields[3], "values    %s",
              name_or_number(header->value_serializer, number, sizeof number));
  text_addf(&fields[4], "timestamps  %s",
            header->has_timestamps ? "yes" : "no");
  text_add_string(&fields[5], "uuid        ");
  add_uuid(&fields[5], p);
}

static void add_at(struct text *line, size_t column, const struct text *field)
{
  pad(line, column);
  text_add(line, field->data, field->len);
}

static void print_keys(const struct picture *p, struct text *line)
{
  struct text fields[N_FIELDS] = {{0}};
  fill_fields(p, fields);
  for (size_t i = 0; i < 2; i++) {
    add_at(line, LEFT, &fields[2 * i]);
    add_at(line, MIDDLE, &fields[2 * i + 1]);
    if (p->width >= WIDE)
      add_at(line, RIGHT, &fields[4 + i]);
    print_line(p, line);
  }
  if (p->width < WIDE) {
    add_at(line, LEFT, &fields[4]);
    add_at(line, MIDDLE, &fields[5]);
    print_line(p, line);
  }
  for (size_t i = 0; i < N_FIELDS; i++)
    text_release(&fields[i]);
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
  print_wrapped(p, line, 13);
}

static void print_state(const struct picture *p, struct text *line)
{
  text_add_string(line, "  written    ");
  text_add_seconds(line, p->survey->header->file_timestamp);
  pad(line, 42);
  text_addf(line, "state  %s", survey_state_name(p->survey));
  if (p->survey->n_faults > 0)
    text_addf(line, " (%" PRIu64 " %s; see blt verify)", p->survey->n_faults,
              p->survey->n_faults == 1 ? "fault" : "faults");
  print_wrapped(p, line, 13);
}

static size_t longest_note(const struct share *shares)
{
  size_t longest = 0;
  for (size_t i = 0; i < N_SHARES; i++)
    if (columns(&shares[i].note) > longest)
      longest = columns(&shares[i].note);
  return longest;
}

static size_t bar_width(size_t room)
{
  return room < SHORTEST_BAR ? SHORTEST_BAR
                             : (room > LONGEST_BAR ? LONGEST_BAR : room);
}

/* Where the notes leave no room for a bar they stand below it. */
static void print_space(const struct picture *p, struct text *line)
{
  struct share shares[N_SHARES];
  const uint64_t total = p->survey->stats.file_len;
  out_string(p->out, "\nspace\n");
  survey_shares(p->survey, shares);
  const size_t taken = SHARE_WIDTH + longest_note(shares);
  const bool beside = taken + SHORTEST_BAR <= p->width;
  const size_t width = bar_width(p->width - (beside ? taken : SHARE_WIDTH - 3));
  for (size_t i = 0; i < N_SHARES; i++) {
    const double share = total ? (double)shares[i].len / (double)total : 0;
    struct text size = {0};
    text_add_size(&size, shares[i].len);
    text_addf(line, "  %-10s %s", shares[i].name, color_of(p, share_colors[i]));
    add_bar(line, p, share, width);
    text_addf(line, "%s %5.1f %% %10s   ", color_of(p, "\033[0m"), share * 100,
              size.data);
    if (!beside) {
      print_line(p, line);
      pad(line, 13);
    }
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
  const size_t width = bar_width(p->width - CHAIN_WIDTH);
  text_addf(line,
            "chains  (blocks read to find a key: mean %.2f, worst %" PRIu64 ")",
            survey_mean_steps(p->survey), stats->chain_max);
  out_string(p->out, "\n");
  print_wrapped(p, line, 9);
  for (size_t i = 0; i < survey_n_bins(p->survey); i++) {
    const double share =
        n_buckets > 0 ? (double)stats->chain_bins[i] / n_buckets : 0;
    struct text count = {0};
    text_add_count(&count, stats->chain_bins[i]);
    text_addf(line, "  %2zu%s %13s  %5.1f %%  ", i,
              i + 1 == BLT_CHAIN_BINS ? "+" : " ", count.data, share * 100);
    add_bar(line, p, share, width);
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
    print_wrapped(p, line, 8);
  }
  if (index) {
    text_add_string(line, prune ? "        prune --buckets auto would also "
                                : "advice  prune --buckets auto would ");
    text_add_string(line, "shrink the index from ");
    text_add_size(line, stats->index_len);
    text_add_string(line, " to ");
    text_add_size(line, stats->index_len - index);
    print_wrapped(p, line, 8);
  }
}

void survey_print(const struct survey *survey, struct out *out,
                  const struct screen *screen)
{
  const size_t width = screen->width < NARROWEST ? NARROWEST
                       : screen->width > WIDEST  ? WIDEST
                                                 : screen->width;
  const struct picture picture = {survey, out, screen->color, screen->utf8,
                                  width};
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
