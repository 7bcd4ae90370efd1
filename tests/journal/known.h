/*
 * known.h - what the header and the log of an image say
 *
 * Read without the library's table of changed links: from the records alone.
 * So a link that the library wants to write can be held against it.
 */
#ifndef JOURNAL_KNOWN_H
#define JOURNAL_KNOWN_H

#include "journal/image.h"
#include "format/layout.h"
#include "format/record.h"

/* A link that a record changes; the last record that names it counts. */
struct known_link {
  uint64_t off, value;
  uint64_t held;       /* what the image has there                          */
  uint64_t record_end; /* of that record and its blocks                     */
  size_t turn;         /* which change of the log it was                    */
  int is_tomb;
  int is_reached; /* a tomb's block, by a walk through its chain            */
};

struct known {
  int is_readable; /* has a header; all else is 0 if not                    */
  int has_checkpoint;
  struct blt__checkpoint checkpoint;
  struct blt__geometry geo;
  struct blt__layout layout;
  uint64_t end;                /* of what is committed                      */
  struct blt__record *records; /* owned                                     */
  size_t n_records, record_capacity;
  struct known_link *links; /* owned; by offset                             */
  size_t n_links, link_capacity;
};

/* Read the image; what was known before is forgotten. */
void known_read(struct known *known, const struct image *image);
void known_release(struct known *known);

/* The link to which the byte belongs, or NULL when no record changes it. */
const struct known_link *known_find(const struct known *known, uint64_t off);

/* The block that holds the byte; 0 when there is none. */
int known_block(const struct known *known, const struct image *image,
                uint64_t off, struct blt__block *out);

/* Whether the image has the links, or the links and tombs, that only the
 * records up to `end` name. */
int known_is_settled(const struct known *known, uint64_t end, int with_tombs);

#endif
