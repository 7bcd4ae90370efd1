/* create.c - make an empty file */
#include <string.h>
#include <unistd.h>

#include "commands.h"
#include "describe.h"
#include "out.h"
#include "report.h"
#include "store.h"

/* With --force an existing file is emptied; else it is left alone. */
static int check_existing(const struct args *args, const char *file)
{
  if (access(file, F_OK) < 0)
    return EXIT_DONE;
  if (!args->force)
    return report_error(args, EXIT_SYSTEM, "exists", file,
                        "exists already; use --force to empty it");
  if (confirm(args, "%s exists; remove everything in it?", file))
    return EXIT_DONE;
  report_note(args, file, "left as it is");
  return EXIT_NOT_FOUND;
}

static int create(const struct args *args, blt_options *options)
{
  struct store store;
  const char *file = args->words[0];
  int code = store_open(&store, args, file, options);
  if (code != EXIT_DONE)
    return code;
  code = store_close(&store, EXIT_DONE);
  if (code == EXIT_DONE && args->verbose)
    report_note(args, file, "created");
  return code;
}

int cmd_create(const struct args *args)
{
  const char *file = args->words[0];
  blt_options options = store_options(args, args->force ? BLT_NEW : BLT_CREATE);
  options.exclusive = args->force ? BLT_OFF : BLT_ON;
  int code = describe_file(args, &options);
  if (code == EXIT_DONE)
    code = check_existing(args, file);
  blt_header like;
  if (code == EXIT_DONE)
    code = describe_like(args, &like, &options);
  if (code == EXIT_DONE)
    code = create(args, &options);
  if (code != EXIT_DONE || !args->json)
    return code;
  struct out out;
  out_open(&out, args, NULL);
  json_t *object = json_object();
  json_add_bytes(object, "file", (blt_bytes){file, strlen(file)});
  json_object_set_new(object, "created", json_true());
  out_json(&out, object);
  return out_close(&out, args, EXIT_DONE);
}
