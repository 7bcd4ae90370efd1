/* words.c - a line taken apart into words, quoted as in sh(1) */
#include "words.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

static bool is_blank(char c)
{
  return c == ' ' || c == '\t';
}

/* Between double quotes a backslash stands for itself before other bytes. */
static bool is_escaped(char next, char quote)
{
  return quote == '\0' || (next != '\0' && strchr("\\\"$`", next));
}

/* Adds the word at *rest, with a NUL, and moves *rest behind it. */
static const char *add_word(struct text *bytes, const char **rest)
{
  const char *p = *rest;
  char quote = '\0';
  for (; *p && (quote || !is_blank(*p)); p++) {
    if (quote ? *p == quote : *p == '\'' || *p == '"') {
      quote = quote ? '\0' : *p;
      continue;
    }
    if (*p == '\\' && quote != '\'' && is_escaped(p[1], quote))
      p++;
    if (*p == '\0')
      return "there is nothing behind its last backslash";
    text_add(bytes, p, 1);
  }
  text_add(bytes, "", 1);
  *rest = p;
  return quote ? "a quote is not closed" : NULL;
}

const char *words_split(struct words *words, const struct text *line)
{
  const char *rest = line->len ? line->data : "";
  const char *wrong = NULL;
  *words = (struct words){.n = 0};
  if (strlen(rest) != line->len)
    return "there is a NUL byte in it";
  for (;;) {
    rest += strspn(rest, " \t");
    if (*rest == '\0')
      break;
    wrong = add_word(&words->bytes, &rest);
    if (wrong)
      return wrong;
    words->n++;
  }
  words->list = calloc(words->n + 1, sizeof *words->list);
  if (!words->list)
    return "out of memory";
  const char *word = words->bytes.data;
  for (size_t i = 0; i < words->n; i++) {
    words->list[i] = word;
    word += strlen(word) + 1;
  }
  return NULL;
}

void words_release(struct words *words)
{
  free(words->list);
  text_release(&words->bytes);
}
