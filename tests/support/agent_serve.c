/* agent_serve.c - the agent's end: read a command, do it, answer */
#include "support/agent.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { LINE_LEN = 1024, WORD_LEN = 128 };

static blt_mode mode_of(char letter)
{
  switch (letter) {
  case 'w':
    return BLT_WRITE;
  case 'c':
    return BLT_CREATE;
  case 'n':
    return BLT_NEW;
  default:
    return BLT_READ;
  }
}

static void answer(blt_status status, const char *value)
{
  const int pid = status == BLT_E_LOCKED ? blt_last_error(NULL)->holder_pid : 0;

  printf("%d %d %s\n", (int)status, pid, value);
  fflush(stdout);
}

static blt_status open_store(const char *path, char letter, int wait,
                             blt_db **out)
{
  blt_options options = BLT_OPTIONS_INIT;

  options.mode = mode_of(letter);
  options.lock = wait < 0 ? BLT_LOCK_WAIT : BLT_LOCK_TIMEOUT;
  options.lock_timeout_ms = wait < 0 ? 0 : (uint32_t)wait;
  return blt_open(path, &options, out);
}

static blt_status add_one(blt_db *db, const char *key)
{
  char text[WORD_LEN] = "";
  size_t len = 0;
  const blt_status status =
      blt_get_into(db, key, strlen(key), text, sizeof text - 1, &len);

  if (status < 0)
    return status;
  text[status == BLT_OK ? len : 0] = '\0';
  const int text_len =
      snprintf(text, sizeof text, "%ld", strtol(text, NULL, 10) + 1);
  return blt_put(db, key, strlen(key), text, (size_t)text_len);
}

static blt_status add_often(const char *path, const char *key, int n)
{
  for (int i = 0; i < n; i++) {
    blt_db *db = NULL;
    blt_status status = open_store(path, 'w', -1, &db);
    if (status < 0)
      return status;
    status = add_one(db, key);
    const blt_status closed = blt_close(db);
    if (status < 0 || closed < 0)
      return status < 0 ? status : closed;
  }
  return BLT_OK;
}

static void answer_get(blt_db *db, const char *key)
{
  char text[WORD_LEN] = "";
  size_t len = 0;
  const blt_status status =
      blt_get_into(db, key, strlen(key), text, sizeof text - 1, &len);

  text[status == BLT_OK ? len : 0] = '\0';
  answer(status, text);
}

static void serve_line(const char *line, blt_db **db)
{
  char word[LINE_LEN] = "", key[WORD_LEN] = "", value[WORD_LEN] = "";
  char letter = 'r';
  int number = 0;

  if (sscanf(line, "open %c %d %1000s", &letter, &number, word) == 3)
    answer(open_store(word, letter, number, db), "");
  else if (sscanf(line, "put %100s %100s", key, value) == 2)
    answer(blt_put(*db, key, strlen(key), value, strlen(value)), "");
  else if (sscanf(line, "get %100s", key) == 1)
    answer_get(*db, key);
  else if (sscanf(line, "add %1000s %100s %d", word, key, &number) == 3)
    answer(add_often(word, key, number), "");
  else if (strncmp(line, "sync", 4) == 0)
    answer(blt_sync(*db), "");
  else if (strncmp(line, "close", 5) == 0) {
    answer(blt_close(*db), "");
    *db = NULL;
  } else
    answer(BLT_E_INVALID, "command");
}

int agent_serve(void)
{
  char line[LINE_LEN];
  blt_db *db = NULL;

  while (fgets(line, sizeof line, stdin) != NULL)
    serve_line(line, &db);
  blt_close(db);
  return EXIT_SUCCESS;
}
