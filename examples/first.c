/* first.c - the first program: open, put, get, close (README.md shows it) */
#include <blt.h>
#include <stdio.h>

int main(void)
{
  blt_options options = BLT_OPTIONS_INIT;
  blt_db *db;
  blt_bytes value;

  options.mode = BLT_CREATE;
  if (blt_open("rain.blt", &options, &db) < 0) {
    fprintf(stderr, "%s\n", blt_last_error(NULL)->message);
    return 1;
  }
  blt_put(db, "site-42", 7, "{\"mm\": 3.2}", 11);
  if (blt_get(db, "site-42", 7, &value) == BLT_OK)
    printf("%.*s\n", (int)value.len, (const char *)value.data);
  return blt_close(db) < 0;
}
