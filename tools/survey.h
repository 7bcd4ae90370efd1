/* survey.h - what inspect found out about a file, and its pictures */
#ifndef BLT_TOOLS_SURVEY_H
#define BLT_TOOLS_SURVEY_H

#include "out.h"
#include "store.h"

enum state { STATE_CLEAN, STATE_DIRTY, STATE_DAMAGED };

struct survey {
  const char *file;
  const blt_header *header;
  blt_stats stats;
  enum state state;
  bool unlocked;
  uint64_t n_sampled; /* buckets that were looked at; 0: everything was     */
  uint64_t n_faults;  /* with --deep                                         */
};

/* One part of the file's space. */
struct share {
  const char *name;
  uint64_t len;
  struct text note;
};

enum { SHARE_LIVE, SHARE_DEAD, SHARE_INDEX, SHARE_OTHER, N_SHARES };

/* The four parts; released by survey_release_shares. */
void survey_shares(const struct survey *survey, struct share *shares);
void survey_release_shares(struct share *shares);

/* The file's length after a prune that gives the index so many buckets. */
uint64_t pruned_len(const blt_stats *stats, uint32_t n_buckets);

/* What prune would free, and the bytes of an index that fits; 0: not worth
 * saying. */
uint64_t survey_prune_gain(const struct survey *survey);
uint64_t survey_index_gain(const struct survey *survey);

double survey_mean_steps(const struct survey *survey);
const char *survey_state_name(const struct survey *survey);
const char *survey_kind_name(const struct survey *survey);
/* Chain lengths to show: 1 + the greatest one, at most BLT_CHAIN_BINS. */
size_t survey_n_bins(const struct survey *survey);

/* What the screen can show. */
struct screen {
  bool color, utf8;
  size_t width;
};

void survey_print(const struct survey *survey, struct out *out,
                  const struct screen *screen);
void survey_print_svg(const struct survey *survey, struct out *out);
json_t *survey_json(const struct survey *survey);

#endif
