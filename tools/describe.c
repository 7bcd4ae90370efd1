/* describe.c - what the options say about a new file */
#include "describe.h"

#include <string.h>

#include "keys.h"
#include "report.h"
#include "store.h"
#include "text.h"

/* The serializer whose name is nearest, or NULL. */
static const char *nearest_serializer(const char *word)
{
  const char *nearest = NULL;
  size_t best = strlen(word) / 2 + 1;
  for (unsigned code = 1; blt_serializer_name(code); code++) {
    const size_t distance = word_distance(word, blt_serializer_name(code));
    if (distance < best) {
      best = distance;
      nearest = blt_serializer_name(code);
    }
  }
  return nearest;
}

static int unknown_serializer(const struct args *args, const char *option,
                              const char *name)
{
  const char *nearest = nearest_serializer(name);
  if (nearest)
    return report_usage(args,
                        "--%s: there is no serializer \"%s\"; did you mean "
                        "%s?",
                        option, name, nearest);
  struct text names = {0};
  for (unsigned code = 0; blt_serializer_name(code); code++)
    text_addf(&names, "%s%s", code ? ", " : "", blt_serializer_name(code));
  report_usage(args, "--%s: there is no serializer \"%s\"; give one of %s",
               option, name, names.data);
  text_release(&names);
  return EXIT_USAGE;
}

static int find_serializer(const struct args *args, const char *option,
                           const char *name, uint32_t *out)
{
  if (!name)
    return EXIT_DONE;
  const int code = serializer_of(name);
  if (code < 0)
    return unknown_serializer(args, option, name);
  *out = code == 0 ? BLT_SERIALIZER_CUSTOM : (uint32_t)code;
  return EXIT_DONE;
}

static int check_conflicts(const struct args *args)
{
  const bool fixed = args->fixed != NOT_GIVEN;
  if (args->like && (args->key_type || args->value_type || fixed ||
                     args->buckets != NOT_GIVEN || args->no_timestamps))
    return report_usage(args, "--like takes everything from the other file; "
                              "leave out the options that describe this one");
  if (fixed && args->value_type)
    return report_usage(args, "values of a fixed file have no type; leave "
                              "out --fixed or --value-type");
  if (fixed && (args->fixed == 0 || args->fixed > UINT32_MAX))
    return report_usage(args, "--fixed must be from 1 to 4294967295");
  if (args->buckets != NOT_GIVEN &&
      (args->buckets == 0 || args->buckets > UINT32_MAX))
    return report_usage(args, "--buckets must be from 1 to 4294967295");
  return EXIT_DONE;
}

int describe_file(const struct args *args, blt_options *options)
{
  int code = check_conflicts(args);
  if (code == EXIT_DONE)
    code = find_serializer(args, "key-type", args->key_type,
                           &options->key_serializer);
  if (code == EXIT_DONE)
    code = find_serializer(args, "value-type", args->value_type,
                           &options->value_serializer);
  if (args->fixed != NOT_GIVEN) {
    options->kind = BLT_FIXED;
    options->fixed_value_len = (uint32_t)args->fixed;
  }
  if (args->buckets != NOT_GIVEN)
    options->n_buckets = (uint32_t)args->buckets;
  if (args->no_timestamps)
    options->timestamps = BLT_OFF;
  return code;
}

int describe_like(const struct args *args, blt_header *out,
                  blt_options *options)
{
  if (!args->like)
    return EXIT_DONE;
  struct store store;
  const int code = store_open_mode(&store, args, args->like, BLT_READ);
  if (code != EXIT_DONE)
    return code;
  *out = store.header;
  options->header = out->bytes;
  return store_close(&store, EXIT_DONE);
}
