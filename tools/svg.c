/* svg.c - the pictures of space and chains as a drawing of its own */
#include <inttypes.h>
#include <string.h>

#include "survey.h"
#include "units.h"

#define BAR_LEFT 100
#define BAR_LENGTH 360
#define ROW 22

static void print_escaped(struct out *out, const char *string)
{
  struct text shown = {0};
  text_add_printable(&shown, string, strlen(string));
  for (size_t i = 0; i < shown.len; i++) {
    const char c = shown.data[i];
    if (c == '<')
      out_string(out, "&lt;");
    else if (c == '&')
      out_string(out, "&amp;");
    else
      out_bytes(out, &c, 1);
  }
  text_release(&shown);
}

static void print_row(struct out *out, int y, const char *label, double share,
                      const char *fill, const char *note)
{
  out_format(out, "<text x=\"12\" y=\"%d\">%s</text>\n", y + 14, label);
  out_format(out,
             "<rect x=\"%d\" y=\"%d\" width=\"%.1f\" height=\"16\" "
             "fill=\"%s\"/>\n",
             BAR_LEFT, y, share * BAR_LENGTH, fill);
  out_format(out, "<text x=\"%d\" y=\"%d\">%.1f %%  %s</text>\n",
             BAR_LEFT + BAR_LENGTH + 10, y + 14, share * 100, note);
}

static int print_space(const struct survey *survey, struct out *out, int y)
{
  static const char *const fills[N_SHARES] = {"#3a8f4d", "#c0504d", "#4472a8",
                                              "#a0a0a0"};
  struct share shares[N_SHARES];
  const double total = (double)survey->stats.file_len;
  survey_shares(survey, shares);
  for (size_t i = 0; i < N_SHARES; i++, y += ROW) {
    struct text note = {0};
    text_add_size(&note, shares[i].len);
    text_addf(&note, ", %s", shares[i].note.data);
    print_row(out, y, shares[i].name,
              total > 0 ? (double)shares[i].len / total : 0, fills[i],
              note.data);
    text_release(&note);
  }
  survey_release_shares(shares);
  return y;
}

static void print_chains(const struct survey *survey, struct out *out, int y)
{
  const double n_buckets = survey->header->n_buckets;
  for (size_t i = 0; i < survey_n_bins(survey); i++, y += ROW) {
    struct text note = {0};
    char label[32];
    const uint64_t n = survey->stats.chain_bins[i];
    snprintf(label, sizeof label, "chain of %zu%s", i,
             i + 1 == BLT_CHAIN_BINS ? "+" : "");
    text_add_counted(&note, n, "bucket");
    print_row(out, y, label, n_buckets > 0 ? (double)n / n_buckets : 0,
              "#4472a8", note.data);
    text_release(&note);
  }
}

void survey_print_svg(const struct survey *survey, struct out *out)
{
  const int rows = N_SHARES + (int)survey_n_bins(survey);
  out_format(out,
             "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"840\" "
             "height=\"%d\" font-family=\"sans-serif\" font-size=\"13\">\n"
             "<rect width=\"100%%\" height=\"100%%\" fill=\"white\"/>\n"
             "<text x=\"12\" y=\"24\" font-weight=\"bold\">",
             rows * ROW + 70);
  print_escaped(out, survey->file);
  out_string(out, "</text>\n");
  const int y = print_space(survey, out, 40);
  print_chains(survey, out, y + 16);
  out_string(out, "</svg>\n");
}
