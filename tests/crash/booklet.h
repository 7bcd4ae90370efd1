/*
 * booklet.h - what booklet does to a file, done by hand
 *
 * After it a file of ours that was not closed is somebody else's: blocks
 * behind the log, links that the log does not explain, another count.
 */
#ifndef CRASH_BOOKLET_H
#define CRASH_BOOKLET_H

#include "crash/story.h"

/* Whether booklet opens the file for writing; *out_count is the header's. */
int booklet_opens(const struct image *file, uint32_t *out_count);

/* 1; 0 when booklet would refuse the file. */
int booklet_put(struct image *file, const struct story_key *key,
                const uint8_t *value, size_t len, uint64_t time);

/* 1; 0 when booklet would refuse the file, or not find the key. */
int booklet_delete(struct image *file, const struct story_key *key);

#endif
