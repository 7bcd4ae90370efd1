/*
 * probe.h - everything that can be done to a damaged file, and what
 * blt_verify must find in it
 */
#ifndef HOSTILE_PROBE_H
#define HOSTILE_PROBE_H

#include <blt.h>
#include <stddef.h>
#include <stdint.h>

#include "support/image.h"

/* Open for reading and ask everything; then open for writing, with recovery
 * and without, and change everything. Whatever comes out, it must be one of
 * the statuses, in finite time and within finite space. */
void probe(const void *bytes, size_t len);
void probe_image(const struct image *image);

/* The same with each call once, for tests that probe thousands of files. */
void probe_briefly(const void *bytes, size_t len);

/* Only the first half: no change. */
void probe_reading(const void *bytes, size_t len);

/* Open the image for reading, as it is. Fails the test when it is refused. */
blt_db *open_image(const struct image *image);

/* It is refused, for reading and for writing without recovery, with this
 * status, and probe() does no harm. */
void expect_refused(const struct image *image, blt_status status);

/* blt_get gives this status. */
void expect_status(const struct image *image, const char *key,
                   blt_status status);

/* blt_verify finds a fault of this kind, placed in [off, off + len). A `len`
 * of 0 leaves the place open. */
void expect_fault(const struct image *image, const char *kind, uint64_t off,
                  uint64_t len);

/* The same in one: the key is damaged, the fault is found, no harm is done. */
void expect_damage(const struct image *image, const char *key, const char *kind,
                   uint64_t off, uint64_t len);

#endif
