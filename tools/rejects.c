/* rejects.c - rows that load could not take */
#include "rejects.h"

#include <inttypes.h>
#include <string.h>

#include "report.h"

int rejects_open(struct rejects *rejects, const struct args *args)
{
  const char *word = args->bad_rows;
  *rejects = (struct rejects){.args = args};
  rejects->stops = !word || strcmp(word, "stop") == 0;
  rejects->has_file = !rejects->stops && strcmp(word, "skip") != 0;
  if (!rejects->has_file)
    return EXIT_DONE;
  for (size_t i = 1; i < args->n_words; i++)
    if (newfile_is_same(args->words[i], word))
      return report_usage(args, "%s and %s are one file", args->words[i], word);
  return out_open(&rejects->out, args, word);
}

/* "rows.csv:1842", or "dump.raw: row 17". */
static void add_place(struct text *text, const struct reader *reader)
{
  text_addf(text, "%s%s%" PRIu64, reader->input->name,
            reader->has_lines ? ":" : ": row ", reader->line);
}

static void write_reject(struct rejects *rejects, const struct reader *reader,
                         const char *reason)
{
  const char *name = reader->input->name;
  json_t *object = json_object();
  json_add_bytes(object, "input", (blt_bytes){name, strlen(name)});
  json_object_set_new(object, reader->has_lines ? "line" : "number",
                      json_integer((json_int_t)reader->line));
  json_add_bytes(object, "reason", (blt_bytes){reason, strlen(reason)});
  if (reader->has_lines)
    json_add_bytes(object, "row",
                   (blt_bytes){reader->raw.data, reader->raw.len});
  out_json(&rejects->out, object);
}

int rejects_add(struct rejects *rejects, const struct reader *reader,
                const char *reason)
{
  struct text place = {0};
  int code = EXIT_DONE;
  rejects->n++;
  add_place(&place, reader);
  if (rejects->stops)
    code = report_error(rejects->args, EXIT_REJECTED, "rejected", place.data,
                        "%s", reason);
  else if (rejects->n == 1)
    text_addf(&rejects->first, "%s: %s", place.data, reason);
  if (rejects->has_file) {
    write_reject(rejects, reader, reason);
    if (out_failed(&rejects->out))
      code = EXIT_SYSTEM;
  }
  text_release(&place);
  return code;
}

int rejects_close(struct rejects *rejects, int code)
{
  if (rejects->has_file) {
    /* Without a row it tells that all were taken. */
    const int closed = out_close(&rejects->out, rejects->args,
                                 rejects->n > 0 ? EXIT_DONE : code);
    if (closed != EXIT_DONE)
      code = closed;
  }
  if (code == EXIT_DONE && rejects->n > 0)
    code = report_error(rejects->args, EXIT_REJECTED, "rejected", NULL,
                        "%" PRIu64 " %s rejected; the first is %s", rejects->n,
                        rejects->n == 1 ? "row was" : "rows were",
                        rejects->first.data);
  text_release(&rejects->first);
  return code;
}
