/*
 * scene.h - one job on a file, done while something fails, then once more
 *
 *   prepare ─► act, and call n fails ─► look ─► act, and nothing fails ─► look
 *
 * For what the workload does not do: other ways to open a file, repair, and
 * stores of an odd shape.
 */
#ifndef FAULTS_SCENE_H
#define FAULTS_SCENE_H

#include <blt.h>

#include "faults/faulty.h"

struct scene {
  const char *name;
  /* Makes the file at scene_path. */
  void (*prepare)(void);
  /* The job; the first failure, or BLT_OK. It asserts nothing. */
  blt_status (*act)(void);
  /* Fails the test when the files are not as they may be; `status` is what
   * act said. */
  void (*look)(blt_status status);
};

enum { SCENE_REPAIR, SCENE_OPEN, SCENE_OPEN_NUMBERED, N_SCENES = 21 };
extern const struct scene scenes[N_SCENES];

/* The file, and a second one that a scene may make. */
extern const char *scene_path, *scene_other;
/* Borrowed until the scene is over. */
extern const blt_allocator *scene_allocator;

/* What a killed writer leaves: the file as it is while it is open. */
void scene_keep_unclosed(blt_db *db);

/* A log of which one record is damaged, and later ones are whole; after its
 * repair. */
void gap_prepare(void);
void gap_look(blt_status status);

/* Dead blocks that an iteration must pass over, and a table of them that grows.
 */
void tombs_prepare(void);
blt_status tombs_act(void);
void tombs_look(blt_status status);

/* Lookups in a writer, where a dead block waits, and in a reader: each builds
 * its side table. */
void lookups_prepare(void);
blt_status lookups_act(void);

#endif
