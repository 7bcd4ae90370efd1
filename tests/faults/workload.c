/* workload.c - what every run does, and to which kinds of store */
#include "faults/trial.h"

const struct step workload[] = {
    {STEP_PUT, 0, 5},           {STEP_PUT, 1, 0},
    {STEP_PUT, 2, 40},          {STEP_SYNC, 0, 0},
    {STEP_PUT, 1, 7},           {STEP_PUT, 3, 20},
    {STEP_DELETE, 2, 0},        {STEP_SYNC, 0, 0},
    {STEP_PUT, HIDDEN_KEY, 12}, {STEP_BEGIN, 0, 0},
    {STEP_PUT, 4, 3},           {STEP_PUT, 0, 9},
    {STEP_DELETE, 3, 0},        {STEP_PUT, 5, 600},
    {STEP_COMMIT, 0, 0},        {STEP_TIME, 0, 0},
    {STEP_ITERATE, 0, 0},       {STEP_PUT, 2, 5},
    {STEP_PUT, 6, 1},           {STEP_REINDEX, 0, 0},
    {STEP_PUT, 1, 30},          {STEP_BEGIN, 0, 0},
    {STEP_PUT, 6, 2},           {STEP_DELETE, 0, 0},
    {STEP_ABORT, 0, 0},         {STEP_DELETE, 4, 0},
    {STEP_PRUNE, 0, 0},         {STEP_FILE_TIME, 0, 0},
    {STEP_PUT, 4, 10},          {STEP_REOPEN, 0, 0},
    {STEP_PUT, 5, 700},         {STEP_PUT, HIDDEN_KEY, 3},
    {STEP_SYNC, 0, 0},          {STEP_TIME, 5, 0},
    {STEP_FILE_TIME, 0, 0},     {STEP_PUT, 7, 4000},
    {STEP_VERIFY, 0, 0},        {STEP_PRUNE_OLD, 0, 0},
    {STEP_PUT, 0, 6},           {STEP_DELETE, HIDDEN_KEY, 0},
    {STEP_PUT, 3, 8},           {STEP_CLEAR, 0, 0},
    {STEP_PUT, 5, 11},          {STEP_BEGIN, 0, 0},
    {STEP_PUT, 1, 12},          {STEP_PUT, 5, 13},
    {STEP_COMMIT, 0, 0},        {STEP_PUT, 8, 14},
};

const unsigned n_steps = sizeof workload / sizeof *workload;

const struct config configs[N_CONFIGS] = {
    {"variable batch", 0, 0, BLT_ON, 3, 5, BLT_OFF, BLT_SYNC_BATCH, 0,
     BLT_IO_AUTO},
    {"variable full tiny", 0, 0, BLT_ON, 3, 5, BLT_OFF, BLT_SYNC_FULL, 100,
     BLT_IO_AUTO},
    {"variable off tiny by read", 0, 0, BLT_ON, 1, 4, BLT_OFF, BLT_SYNC_OFF,
     100, BLT_IO_PREAD},
    {"no times full by read", 0, 0, BLT_OFF, 2, 9, BLT_OFF, BLT_SYNC_FULL, 0,
     BLT_IO_PREAD},
    {"no times batch growing", 0, 0, BLT_OFF, 3, 50, BLT_ON, BLT_SYNC_BATCH, 64,
     BLT_IO_AUTO},
    {"fixed full", 1, 9, BLT_OFF, 3, 5, BLT_OFF, BLT_SYNC_FULL, 0, BLT_IO_AUTO},
    {"fixed batch tiny guarded", 1, 0, BLT_OFF, 3, 12007, BLT_OFF,
     BLT_SYNC_BATCH, 60, BLT_IO_AUTO},
    {"fixed full in parts by read", 1, 20000, BLT_OFF, 3, 5, BLT_OFF,
     BLT_SYNC_FULL, 0, BLT_IO_PREAD},
};
