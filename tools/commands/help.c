/* help.c - help on the commands, made from their tables */
#include <stdbool.h>
#include <string.h>

#include "commands.h"
#include "out.h"
#include "report.h"

#define HELP_COLUMN 28

static void print_option(struct out *out, const struct option *option)
{
  struct text left = {0};
  if (option->letter)
    text_addf(&left, "  -%c, --%s", option->letter, option->name);
  else
    text_addf(&left, "      --%s", option->name);
  if (option->arg)
    text_addf(&left, option->type == OPTION_OPTIONAL ? "[=%s]" : "=%s",
              option->arg);
  if (left.len + 2 > HELP_COLUMN)
    out_format(out, "%s\n%*s%s\n", left.data, HELP_COLUMN, "", option->help);
  else
    out_format(out, "%-*s%s\n", HELP_COLUMN, left.data, option->help);
  text_release(&left);
}

static void print_options(struct out *out, const char *title,
                          const struct option *options)
{
  if (!options->name)
    return;
  out_format(out, "\n%s\n", title);
  for (const struct option *o = options; o->name; o++)
    print_option(out, o);
}

static void print_command(struct out *out, const struct command *command)
{
  out_format(out, "blt %s [OPTIONS] %s\n\n%s\n", command->name, command->words,
             command->summary);
  if (command->alias)
    out_format(out, "The same as blt %s.\n", command->alias);
  print_options(out, "options", command->options);
  print_options(out, "global options", global_options);
  if (*command->notes)
    out_format(out, "\n%s", command->notes);
}

static void print_overview(struct out *out)
{
  out_string(out, "blt [OPTIONS] COMMAND [OPTIONS] FILE [ARGS]\n\n"
                  "Look into .blt files and change them.\n\ncommands\n");
  for (const struct command *c = commands; c->name; c++)
    out_format(out, "  %-12s%s\n", c->name, c->summary);
  print_options(out, "global options", global_options);
  out_string(out, "\nblt help COMMAND tells about one of them.\n\n"
                  "exit codes\n"
                  "  0  done\n"
                  "  1  not found, or nothing matched\n"
                  "  2  the command line is wrong\n"
                  "  3  the system reported an error\n"
                  "  4  not a booklet, wrong version, or damaged\n"
                  "  5  locked\n"
                  "  6  finished, but part of the input was rejected\n"
                  "130 interrupted\n"
                  "141 nobody reads the output any more\n");
}

int help_print(const struct args *args, const struct command *command)
{
  struct out out;
  out_open(&out, args, NULL);
  if (command)
    print_command(&out, command);
  else
    print_overview(&out);
  return out_close(&out, args, EXIT_DONE);
}

int cmd_help(const struct args *args)
{
  if (args->n_words == 0)
    return help_print(args, NULL);
  const char *word = args->words[0];
  const struct command *command = command_find(word);
  if (command)
    return help_print(args, command);
  command = command_nearest(word);
  if (command)
    return report_usage(args, "unknown command \"%s\"; did you mean %s?", word,
                        command->name);
  return report_usage(args, "unknown command \"%s\"; see blt help", word);
}
