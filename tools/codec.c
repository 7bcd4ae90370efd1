/* codec.c - bytes as hexadecimal and base64 text, and back */
#include "text.h"

#include <stdint.h>
#include <string.h>

static const char base64_letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
                                     "abcdefghijklmnopqrstuvwxyz0123456789+/";

void text_add_hex(struct text *text, const void *bytes, size_t len)
{
  static const char digits[] = "0123456789abcdef";
  const unsigned char *p = bytes;
  for (size_t i = 0; i < len; i++) {
    const char pair[2] = {digits[p[i] >> 4], digits[p[i] & 15]};
    text_add(text, pair, sizeof pair);
  }
}

static int hex_digit(char c)
{
  if (c >= '0' && c <= '9')
    return c - '0';
  if (c >= 'a' && c <= 'f')
    return c - 'a' + 10;
  return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

bool text_from_hex(struct text *text, const char *hex, size_t len)
{
  if (len % 2 != 0)
    return false;
  for (size_t i = 0; i < len; i += 2) {
    const int high = hex_digit(hex[i]), low = hex_digit(hex[i + 1]);
    if (high < 0 || low < 0)
      return false;
    const unsigned char byte = (unsigned char)(high * 16 + low);
    text_add(text, &byte, 1);
  }
  return true;
}

void text_add_base64(struct text *text, const void *bytes, size_t len)
{
  const unsigned char *p = bytes;
  for (size_t i = 0; i < len; i += 3) {
    const size_t left = len - i;
    const uint32_t group = (uint32_t)p[i] << 16 |
                           (left > 1 ? (uint32_t)p[i + 1] << 8 : 0) |
                           (left > 2 ? (uint32_t)p[i + 2] : 0);
    const char four[4] = {base64_letters[group >> 18],
                          base64_letters[group >> 12 & 63],
                          left > 1 ? base64_letters[group >> 6 & 63] : '=',
                          left > 2 ? base64_letters[group & 63] : '='};
    text_add(text, four, sizeof four);
  }
}

static size_t padding(const char *base64, size_t len)
{
  if (len < 4 || base64[len - 1] != '=')
    return 0;
  return base64[len - 2] == '=' ? 2 : 1;
}

bool text_from_base64(struct text *text, const char *base64, size_t len)
{
  if (len % 4 != 0)
    return false;
  const size_t n_letters = len - padding(base64, len);
  for (size_t i = 0; i < len; i += 4) {
    uint32_t group = 0;
    for (size_t k = 0; k < 4; k++) {
      const char letter = i + k < n_letters ? base64[i + k] : 'A';
      const char *found = letter ? strchr(base64_letters, letter) : NULL;
      if (!found)
        return false;
      group = group << 6 | (uint32_t)(found - base64_letters);
    }
    const unsigned char three[3] = {(unsigned char)(group >> 16),
                                    (unsigned char)(group >> 8 & 255),
                                    (unsigned char)(group & 255)};
    const size_t n = n_letters - i >= 4 ? 3 : n_letters - i - 1;
    text_add(text, three, n);
  }
  return true;
}
