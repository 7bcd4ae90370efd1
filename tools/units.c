/* units.c - sizes, counts and times as people write them */
#include "units.h"

#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#define MICROSECONDS 1000000u
/* Timestamps fill seven bytes in the file. */
#define LARGEST_TIME (((uint64_t)1 << 56) - 1)

void text_add_size(struct text *text, uint64_t len)
{
  static const char *const units[] = {"KiB", "MiB", "GiB", "TiB", "PiB"};
  if (len < 1024) {
    text_addf(text, "%" PRIu64 " B", len);
    return;
  }
  double size = (double)len / 1024;
  size_t unit = 0;
  while (size >= 1023.95 && unit < 4) {
    size /= 1024;
    unit++;
  }
  text_addf(text, "%.1f %s", size, units[unit]);
}

void text_add_count(struct text *text, uint64_t count)
{
  char digits[24];
  const int len = snprintf(digits, sizeof digits, "%" PRIu64, count);
  for (int i = 0; i < len; i++) {
    if (i > 0 && (len - i) % 3 == 0)
      text_add(text, " ", 1);
    text_add(text, digits + i, 1);
  }
}

void text_add_counted(struct text *text, uint64_t count, const char *noun)
{
  text_add_count(text, count);
  text_addf(text, " %s%s", noun, count == 1 ? "" : "s");
}

static void add_moment(struct text *text, uint64_t microseconds, char between)
{
  const time_t seconds = (time_t)(microseconds / MICROSECONDS);
  struct tm moment = {0};
  gmtime_r(&seconds, &moment);
  text_addf(text, "%04d-%02d-%02d%c%02d:%02d:%02d", moment.tm_year + 1900,
            moment.tm_mon + 1, moment.tm_mday, between, moment.tm_hour,
            moment.tm_min, moment.tm_sec);
}

void text_add_time(struct text *text, uint64_t microseconds)
{
  add_moment(text, microseconds, 'T');
  text_addf(text, ".%06" PRIu64 "Z", microseconds % MICROSECONDS);
}

void text_add_seconds(struct text *text, uint64_t microseconds)
{
  add_moment(text, microseconds, ' ');
  text_add_string(text, "Z");
}

uint64_t file_length(const char *path)
{
  struct stat facts;
  return stat(path, &facts) < 0 ? 0 : (uint64_t)facts.st_size;
}

bool parse_count(const char *string, uint64_t *out)
{
  if (!isdigit((unsigned char)string[0]))
    return false;
  char *end;
  errno = 0;
  const unsigned long long count = strtoull(string, &end, 10);
  if (errno != 0 || *end != '\0')
    return false;
  *out = count;
  return true;
}

static uint64_t now(void)
{
  struct timespec time;
  clock_gettime(CLOCK_REALTIME, &time);
  return (uint64_t)time.tv_sec * MICROSECONDS + (uint64_t)time.tv_nsec / 1000;
}

static bool parse_age(const char *string, uint64_t *out)
{
  static const char letters[] = "smhdw";
  static const uint64_t seconds[] = {1, 60, 3600, 86400, 604800};
  const size_t n_digits = strspn(string, "0123456789");
  if (n_digits == 0 || n_digits > 9 || string[n_digits] == '\0' ||
      string[n_digits + 1] != '\0')
    return false;
  const char *letter = strchr(letters, string[n_digits]);
  if (!letter)
    return false;
  const uint64_t age =
      strtoull(string, NULL, 10) * seconds[letter - letters] * MICROSECONDS;
  const uint64_t end = now();
  *out = age < end ? end - age : 0;
  return true;
}

/* "Z", "+hh:mm", "-hh:mm" or nothing; what is to be taken off, in seconds. */
static bool parse_zone(const char *string, int *out)
{
  int hours = 0, minutes = 0, end = 0;
  *out = 0;
  if (strcmp(string, "") == 0 || strcmp(string, "Z") == 0)
    return true;
  if ((string[0] != '+' && string[0] != '-') ||
      sscanf(string + 1, "%2d:%2d%n", &hours, &minutes, &end) != 2 ||
      end != 5 || string[6] != '\0' || hours < 0 || hours > 23 || minutes < 0 ||
      minutes > 59)
    return false;
  *out = (hours * 3600 + minutes * 60) * (string[0] == '-' ? -1 : 1);
  return true;
}

/* ".5" and the like up to nine digits; moves *string behind it. */
static uint64_t parse_fraction(const char **string)
{
  uint64_t microseconds = 0, unit = MICROSECONDS / 10;
  if (**string != '.')
    return 0;
  for (++*string; isdigit((unsigned char)**string); ++*string) {
    microseconds += unit * (uint64_t)(**string - '0');
    unit /= 10;
  }
  return microseconds;
}

static bool calendar_agrees(const struct tm *given, time_t seconds)
{
  struct tm back;
  return gmtime_r(&seconds, &back) && back.tm_mday == given->tm_mday &&
         back.tm_mon == given->tm_mon && back.tm_hour == given->tm_hour &&
         back.tm_min == given->tm_min && back.tm_sec == given->tm_sec;
}

static bool parse_iso(const char *string, uint64_t *out)
{
  struct tm moment = {0};
  const char *rest = strptime(string, "%Y-%m-%d", &moment);
  if (!rest)
    return false;
  uint64_t fraction = 0;
  if (*rest == 'T' || *rest == ' ') {
    const char *clock = rest + 1;
    rest = strptime(clock, "%H:%M:%S", &moment);
    if (!rest)
      rest = strptime(clock, "%H:%M", &moment);
    if (!rest)
      return false;
    fraction = parse_fraction(&rest);
  }
  int zone;
  struct tm copy = moment;
  const time_t local = timegm(&copy);
  if (!parse_zone(rest, &zone) || !calendar_agrees(&moment, local) ||
      local < zone)
    return false;
  *out = (uint64_t)(local - zone) * MICROSECONDS + fraction;
  return true;
}

bool parse_time(const char *string, uint64_t *out)
{
  uint64_t time;
  if (strcmp(string, "now") == 0)
    time = now();
  else if (!parse_count(string, &time) && !parse_age(string, &time) &&
           !parse_iso(string, &time))
    return false;
  if (time > LARGEST_TIME)
    return false;
  *out = time;
  return true;
}
