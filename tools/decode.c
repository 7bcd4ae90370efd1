/* decode.c - values as text, by the serializer of the file */
#include "decode.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include <jansson.h>
#include <zstd.h>

#include "keys.h"
#include "report.h"
#include "units.h"

typedef enum decoded (*decoder)(blt_bytes value, struct text *out);

/* What one value may unpack to. */
#define LARGEST_UNPACKED ((uint64_t)1 << 32)

static enum decoded decode_bytes(blt_bytes value, struct text *out)
{
  text_add(out, value.data, value.len);
  return DECODED_BYTES;
}

static enum decoded decode_str(blt_bytes value, struct text *out)
{
  text_add(out, value.data, value.len);
  return utf8_valid(value.data, value.len) ? DECODED_TEXT : DECODED_FAILED;
}

/* Numbers beyond the range of C are still JSON. */
static bool is_json(blt_bytes value)
{
  json_t *json = json_loadb(
      value.len ? value.data : "", value.len,
      JSON_DECODE_ANY | JSON_DECODE_INT_AS_REAL | JSON_ALLOW_NUL, NULL);
  json_decref(json);
  return json != NULL;
}

static enum decoded decode_json(blt_bytes value, struct text *out)
{
  text_add(out, value.data, value.len);
  return is_json(value) ? DECODED_JSON : DECODED_FAILED;
}

static enum decoded decode_unsigned(blt_bytes value, struct text *out)
{
  if (value.len > 8)
    return DECODED_FAILED;
  text_addf(out, "%" PRIu64, number_load(value.data, value.len));
  return DECODED_JSON;
}

static enum decoded decode_signed(blt_bytes value, struct text *out)
{
  if (value.len > 8)
    return DECODED_FAILED;
  text_addf(out, "%" PRId64, number_load_signed(value.data, value.len));
  return DECODED_JSON;
}

static enum decoded decode_array(blt_bytes value, size_t width,
                                 struct text *out)
{
  if (value.len % width != 0)
    return DECODED_FAILED;
  const unsigned char *p = value.data;
  text_add_string(out, "[");
  for (size_t i = 0; i < value.len; i += width)
    text_addf(out, "%s%" PRId64, i ? ", " : "",
              number_load_signed(p + i, width));
  text_add_string(out, "]");
  return DECODED_JSON;
}

static enum decoded decode_numpy1(blt_bytes value, struct text *out)
{
  return decode_array(value, 1, out);
}

static enum decoded decode_numpy2(blt_bytes value, struct text *out)
{
  return decode_array(value, 2, out);
}

static enum decoded decode_numpy4(blt_bytes value, struct text *out)
{
  return decode_array(value, 4, out);
}

static enum decoded decode_numpy8(blt_bytes value, struct text *out)
{
  return decode_array(value, 8, out);
}

/* A pickle of protocol 2 and above starts with 0x80 and its number. */
static enum decoded decode_pickle(blt_bytes value, struct text *out)
{
  const unsigned char *p = value.data;
  if (value.len < 2 || p[0] != 0x80)
    return DECODED_FAILED;
  text_addf(out, "pickle protocol %u, ", (unsigned)p[1]);
  text_add_size(out, value.len);
  text_add_string(out, " (decode with: python -m blt get ...)");
  return DECODED_SUMMARY;
}

/* "orjson_zstd" is what orjson makes, packed. */
static bool is_packed(const char *serializer)
{
  const size_t len = strlen(serializer);
  return len >= 4 && strcmp(serializer + len - 4, "zstd") == 0;
}

static bool unpack(blt_bytes value, struct text *out)
{
  const unsigned long long len =
      ZSTD_getFrameContentSize(value.data, value.len);
  if (len == ZSTD_CONTENTSIZE_UNKNOWN || len == ZSTD_CONTENTSIZE_ERROR ||
      len > LARGEST_UNPACKED)
    return false;
  char *end = text_reserve(out, (size_t)len);
  const size_t n = ZSTD_decompress(end, (size_t)len, value.data, value.len);
  if (ZSTD_isError(n) || n != len)
    return false;
  end[len] = '\0';
  out->len += (size_t)len;
  return true;
}

static decoder find_decoder(const char *serializer)
{
  static const struct {
    const char *serializer;
    decoder decode;
  } decoders[] = {
      {"str", decode_str},           {"json", decode_json},
      {"orjson", decode_json},       {"bytes", decode_bytes},
      {"pickle", decode_pickle},     {"uint1", decode_unsigned},
      {"uint2", decode_unsigned},    {"uint4", decode_unsigned},
      {"uint5", decode_unsigned},    {"uint8", decode_unsigned},
      {"int1", decode_signed},       {"int2", decode_signed},
      {"int4", decode_signed},       {"int5", decode_signed},
      {"int8", decode_signed},       {"numpy_int1", decode_numpy1},
      {"numpy_int2", decode_numpy2}, {"numpy_int4", decode_numpy4},
      {"numpy_int8", decode_numpy8}, {"zstd", decode_bytes},
      {"wkb", decode_bytes},
  };
  char plain[32];
  snprintf(plain, sizeof plain, "%s", serializer);
  if (is_packed(serializer) && strcmp(serializer, "zstd") != 0)
    plain[strlen(plain) - strlen("_zstd")] = '\0';
  for (size_t i = 0; i < sizeof decoders / sizeof *decoders; i++)
    if (strcmp(plain, decoders[i].serializer) == 0)
      return decoders[i].decode;
  return NULL;
}

/* Values of a FIXED file have no serializer. */
static decoder decoder_of(const blt_header *header)
{
  if (header->kind == BLT_FIXED ||
      header->value_serializer == BLT_SERIALIZER_NONE)
    return decode_bytes;
  const char *name = blt_serializer_name(header->value_serializer);
  return name ? find_decoder(name) : NULL;
}

int decode_check(const struct args *args, const char *file,
                 const blt_header *header)
{
  if (decoder_of(header))
    return EXIT_DONE;
  const char *name = blt_serializer_name(header->value_serializer);
  return report_error(args, EXIT_USAGE, "unsupported", file,
                      "values of the serializer %s cannot be decoded here; "
                      "leave out --decode for the bytes, or read them with "
                      "Python",
                      name ? name : "of an unknown number");
}

enum decoded decode_value(const blt_header *header, blt_bytes value,
                          struct text *out)
{
  const decoder decode = decoder_of(header);
  const char *name = blt_serializer_name(header->value_serializer);
  if (!decode)
    return DECODED_FAILED;
  if (header->kind == BLT_FIXED || !name || !is_packed(name))
    return decode(value, out);
  struct text plain = {0};
  const enum decoded decoded =
      unpack(value, &plain) ? decode((blt_bytes){plain.data, plain.len}, out)
                            : DECODED_FAILED;
  text_release(&plain);
  return decoded;
}
