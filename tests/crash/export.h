/*
 * export.h - images of crashes for another program
 *
 * A folder gets the images, 1.blt and so on, and states.jsonl with a line of
 * JSON for each story and, after its story, for each image:
 *
 *   {"story": 3, "plan": "times-full", "seed": 1, "level": "FULL",
 *    "times": true, "value_len": null, "has_time_sets": false, "n_keys": 4,
 *    "keys": ["", "62"],
 *    "moments": [[], [[1, 60, 7, 1700]]]}
 *   {"image": "9.blt", "story": 3, "model": "kill", "state": 17, "low": 0,
 *    "high": 1}
 *
 * Keys are in hexadecimal; those behind the first n_keys are the hidden ones.
 * A moment is what the store held after a commit: number of the key, length
 * of the value, the byte that it consists of, timestamp. Moments up to `low`
 * were acknowledged, after a power cut by the last sync but one; those up to
 * `high` were begun.
 */
#ifndef CRASH_EXPORT_H
#define CRASH_EXPORT_H

#include "crash/story.h"

struct export;

/* Exits when the folder cannot be written to. */
struct export *export_begin(const char *folder);
void export_end(struct export *export);

void export_state(struct export *export, const struct story *story,
                  const char *model, uint64_t number, size_t low, size_t high,
                  const struct image *image);

#endif
