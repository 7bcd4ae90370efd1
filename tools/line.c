/* line.c - lines that are typed at a prompt, or read from a pipe */
#include "line.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <histedit.h>

#include "progress.h"

struct lines {
  EditLine *editor; /* NULL: not typed                                      */
  History *history;
  complete_word complete;
  char *line; /* of a pipe                                                  */
  size_t capacity;
};

static char *prompt(EditLine *editor)
{
  static char text[] = "blt> ";
  (void)editor;
  return text;
}

/* How many bytes all of the words have in common. */
static size_t common_len(const char *words)
{
  size_t len = strcspn(words, " ");
  for (const char *word = words + len; *word; word += strcspn(word, " ")) {
    size_t n = 0;
    word++;
    while (n < len && word[n] == words[n])
      n++;
    len = n;
  }
  return len;
}

/* What is sure is written into the line; what is not is shown below it. */
static unsigned char complete(EditLine *editor, int key)
{
  struct lines *lines;
  struct text words = {0}, rest = {0};
  const LineInfo *info = el_line(editor);
  const char *word = info->cursor;
  unsigned char answer = CC_ERROR;
  (void)key;
  el_get(editor, EL_CLIENTDATA, &lines);
  while (word > info->buffer && word[-1] != ' ')
    word--;
  const size_t len = (size_t)(info->cursor - word);
  lines->complete(&words, word, len, word == info->buffer);
  if (words.len > 0) {
    const size_t sure = common_len(words.data);
    const bool is_only = !strchr(words.data, ' ');
    text_add(&rest, words.data + len, sure - len);
    if (is_only)
      text_add(&rest, " ", 1);
    if (rest.len > 0) {
      el_insertstr(editor, rest.data);
      answer = CC_REFRESH;
    } else {
      printf("\n%s\n", words.data);
      fflush(stdout);
      answer = CC_REDISPLAY;
    }
  }
  text_release(&words);
  text_release(&rest);
  return answer;
}

/* Ctrl-C gives up the line, not the shell. */
static unsigned char give_up(EditLine *editor, int key)
{
  const LineInfo *info = el_line(editor);
  const int len = (int)(info->lastchar - info->buffer);
  (void)key;
  el_cursor(editor, len);
  el_deletestr(editor, len);
  /* A line without its newline would be the end of input. */
  el_insertstr(editor, "\n");
  printf("^C\n");
  fflush(stdout);
  return CC_NEWLINE;
}

static bool open_editor(struct lines *lines)
{
  HistEvent event;
  lines->editor = el_init("blt", stdin, stdout, stderr);
  lines->history = history_init();
  if (!lines->editor || !lines->history)
    return false;
  history(lines->history, &event, H_SETSIZE, 500);
  history(lines->history, &event, H_SETUNIQUE, 1);
  el_set(lines->editor, EL_CLIENTDATA, lines);
  el_set(lines->editor, EL_PROMPT, prompt);
  el_set(lines->editor, EL_EDITOR, "emacs");
  el_set(lines->editor, EL_SIGNAL, 1);
  el_set(lines->editor, EL_HIST, history, lines->history);
  el_set(lines->editor, EL_ADDFN, "blt-complete", "complete", complete);
  el_set(lines->editor, EL_BIND, "^I", "blt-complete", NULL);
  el_set(lines->editor, EL_ADDFN, "blt-give-up", "give up", give_up);
  el_source(lines->editor, NULL);
  /* While a line is edited Ctrl-C is a key and no signal. */
  el_set(lines->editor, EL_SETTY, "-d", "-isig", NULL);
  el_set(lines->editor, EL_BIND, "^C", "blt-give-up", NULL);
  return true;
}

struct lines *lines_open(complete_word complete_with)
{
  struct lines *lines = calloc(1, sizeof *lines);
  if (!lines)
    return NULL;
  lines->complete = complete_with;
  if (!isatty(STDIN_FILENO) || !isatty(STDOUT_FILENO)) {
    /* What follows a line may be for the command in it, which reads the
     * descriptor. */
    setvbuf(stdin, NULL, _IONBF, 0);
  } else if (!open_editor(lines)) {
    lines_close(lines);
    return NULL;
  }
  return lines;
}

void lines_close(struct lines *lines)
{
  if (lines->history)
    history_end(lines->history);
  if (lines->editor)
    el_end(lines->editor);
  free(lines->line);
  free(lines);
}

bool lines_are_typed(const struct lines *lines)
{
  return lines->editor != NULL;
}

static enum line next_typed(struct lines *lines, struct text *out)
{
  HistEvent event;
  int len = 0;
  errno = 0;
  const char *line = el_gets(lines->editor, &len);
  if (!line || len <= 0)
    return interrupted() ? LINE_INTERRUPTED : LINE_END;
  text_add(out, line, (size_t)len);
  if (strspn(line, " \t\n") < (size_t)len)
    history(lines->history, &event, H_ENTER, line);
  return LINE_READ;
}

enum line lines_next(struct lines *lines, struct text *out)
{
  text_clear(out);
  if (interrupt_to_end_by() != 0)
    return LINE_INTERRUPTED;
  if (lines->editor) {
    const enum line read = next_typed(lines, out);
    if (read != LINE_READ)
      return read;
  } else {
    const ssize_t len = getline(&lines->line, &lines->capacity, stdin);
    if (len < 0)
      return interrupted() ? LINE_INTERRUPTED : LINE_END;
    text_add(out, lines->line, (size_t)len);
  }
  while (out->len > 0 && strchr("\r\n", out->data[out->len - 1]))
    out->data[--out->len] = '\0';
  return LINE_READ;
}
