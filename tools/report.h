/* report.h - messages on standard error, for people and as JSON */
#ifndef BLT_TOOLS_REPORT_H
#define BLT_TOOLS_REPORT_H

#include <stdbool.h>

#include "args.h"
#include "blt.h"
#include "exits.h"

/*
 * Every message is one line: "blt: FILE: what happened; what to do", or with
 * --json {"error":{"code":..,"file":..,"message":..}}. Each function gives
 * the exit code that belongs to it, so that a caller may return it.
 */

/* The command line is wrong. The command's name stands for FILE. */
int report_usage(const struct args *args, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* `file` may be NULL. `code` is the word of the JSON member "code". */
int report_error(const struct args *args, int exit_code, const char *code,
                 const char *file, const char *format, ...)
    __attribute__((format(printf, 5, 6)));

/* errno of a failed system call on `file`. */
int report_errno(const struct args *args, const char *file, int error);

/* What the library had to say: blt_last_error(db). `reading` when the file is
 * or was to be open for reading only. */
int report_failure(const struct args *args, const char *file, const blt_db *db,
                   bool reading);

/* Something worth knowing that is no failure; nothing with --quiet. */
void report_note(const struct args *args, const char *file, const char *format,
                 ...) __attribute__((format(printf, 3, 4)));

/* The sentence of an error without the file's name. */
const char *reason_of(const blt_error *error);

/* Exit code of a status. */
int exit_code_of(blt_status status);

/* False when the answer at the terminal was not yes. True without asking
 * when standard input is no terminal, or with --yes. */
bool confirm(const struct args *args, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

#endif
