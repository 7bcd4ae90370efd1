/*
 * make_rows.c - rows for stations.c: "Hamburg;12.0", one a line
 *
 *   make_rows N_ROWS [N_STATIONS [SEED]] > rows.txt
 *
 * Each station has a mean of its own; a row is up to 25 degrees away from it.
 * The same numbers give the same rows. A billion rows are about 13 GB.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

/* xorshift64*: good enough to spread rows over stations. */
static uint64_t random_number(uint64_t *state)
{
  *state ^= *state >> 12;
  *state ^= *state << 25;
  *state ^= *state >> 27;
  return *state * 0x2545f4914f6cdd1du;
}

static unsigned below(uint64_t *state, unsigned limit)
{
  return (unsigned)(random_number(state) >> 33) % limit;
}

/* Names of four to ten letters, with a letter that has two bytes in some. */
static void print_name(unsigned station)
{
  static const char *const parts[] = {"ka", "lo", "mi", "ne",  "su",
                                      "ra", "to", "vi", "ber", "d\xc3\xbc"};
  unsigned rest = station;

  putchar('A' + (int)(station % 26));
  do {
    fputs(parts[rest % 10], stdout);
    rest /= 10;
  } while (rest > 0);
}

int main(int argc, char **argv)
{
  const uint64_t n_rows = argc > 1 ? strtoull(argv[1], NULL, 10) : 0;
  const uint64_t n_stations = argc > 2 ? strtoull(argv[2], NULL, 10) : 413;
  uint64_t state = argc > 3 ? strtoull(argv[3], NULL, 10) : 1;

  if (argc < 2 || n_stations < 1 || n_stations > 1000000) {
    fprintf(stderr, "usage: make_rows N_ROWS [N_STATIONS [SEED]]\n");
    return 2;
  }
  state = state * 0x9e3779b97f4a7c15u + 1;
  for (uint64_t i = 0; i < n_rows; i++) {
    const unsigned station = below(&state, (unsigned)n_stations);
    const int mean = (int)(station * 7919 % 500) - 100;
    const int tenths = mean + (int)below(&state, 501) - 250;
    print_name(station);
    printf(";%s%d.%d\n", tenths < 0 ? "-" : "", abs(tenths) / 10,
           abs(tenths) % 10);
  }
  return ferror(stdout) || fflush(stdout) != 0;
}
