/*
 * blt.h - a persistent dictionary in one plain file
 *
 * A .blt file is a hash-chained key-value store: a 200-byte header, an index
 * of buckets and blocks of data that are only ever appended. It is the file
 * of the Python package `booklet`, byte for byte, in both directions.
 * docs/format.md says what the bytes mean, docs/protocol.md how they change.
 *
 *     blt_db *db;
 *     blt_options options = BLT_OPTIONS_INIT;
 *     options.mode = BLT_CREATE;
 *     if (blt_open("rain.blt", &options, &db) < 0)
 *       fprintf(stderr, "%s\n", blt_last_error(NULL)->message);
 *     blt_put(db, "site-42", 7, "3.2", 3);
 *     blt_close(db);
 *
 * This file is longer than the others because it is the manual. What holds
 * for every function stands here once:
 *
 * STATUS      0 is done; a positive status is an answer without an item
 *             (BLT_NOT_FOUND, BLT_END); a negative one is a failure, and
 *             blt_last_error() has its sentence. Results are written only on
 *             success, unless a function says otherwise.
 * ARGUMENTS   are borrowed for the time of the call. A NULL pointer with a
 *             length of 0 is an empty key or value.
 * POINTERS    given out are borrowed from the database. Those into the file
 *             are good until blt_prune, blt_clear, blt_reopen or blt_close on
 *             the same handle, however much the file grows. A
 *             value that is not yet in the file (it was put since the last
 *             commit) is good until the next call that writes. Take a copy
 *             (blt_get_into) when another thread may write meanwhile.
 * THREADS     A read-only handle is shared by any number of threads without
 *             locks inside. A writing handle may be used by several threads:
 *             reads run in parallel, writes one at a time. An iterator
 *             belongs to one thread at a time. blt_close and blt_reopen must
 *             not run beside any other call on the same handle.
 * FORK        In a forked child a read-only handle goes on working; every call
 *             on a writing handle fails with BLT_E_FORKED. blt_close there
 *             frees the child's copy and leaves the file and the parent's
 *             lock alone. blt_close in the parent gives the lock up, child or
 *             not; a parent that is killed leaves it to its children until
 *             they end or call exec.
 * PROCESSES   A handle holds a lock on the whole file (flock, as booklet
 *             does) from open to close: shared for reading, exclusive for
 *             writing. Readers and writers wait for one another.
 * NETWORK     On NFS, SMB, 9p and their like, flock may hold off this machine
 *             only, so a file there is opened for reading, and for writing
 *             with options.network alone: say so when no other machine writes
 *             to it. Without it: BLT_E_NETWORK. There and on FUSE nothing is
 *             mapped (BLT_IO_AUTO). A reader there should not count on the
 *             lock either: copy the file when another machine writes to it.
 * FULL DISK   A commit or rewrite that finds no space is BLT_E_NO_SPACE. The
 *             store is as it was, and it can be tried again. The same for a
 *             quota and for the limit of the process on the length of files
 *             (RLIMIT_FSIZE): no call raises SIGXFSZ.
 * SAME FILE   One process may open a file several times for reading. Opening a
 *             file for writing that this process has open, or the other way
 *             round, fails with BLT_E_BUSY instead of waiting for itself.
 * DAMAGE      Nothing in a file is trusted. A damaged file gives
 *             BLT_E_CORRUPT with the offset, never a crash, a hang or a read
 *             outside the file. A file that some other program cuts while it
 *             is mapped gives BLT_E_TRUNCATED (see BLT_IO_AUTO).
 * RESERVED    Structures that the library fills for you end in room for what
 *             later versions will tell. It is 0, and 0 will go on to mean
 *             "not told": a program meets libraries older and newer than
 *             itself.
 * NUMBERS     Lengths are bytes, offsets are bytes from the start of the file,
 *             timestamps are microseconds since 1970-01-01 UTC.
 */
#ifndef BLT_H
#define BLT_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#if defined(__GNUC__)
#define BLT_API __attribute__((visibility("default")))
#else
#define BLT_API
#endif

/* The version of this header; blt_version() has that of the library. */
#define BLT_VERSION_MAJOR 0
#define BLT_VERSION_MINOR 1
#define BLT_VERSION_PATCH 0

/* A store that is open. Made by blt_open and its kin, freed by blt_close. */
typedef struct blt_db blt_db;

/* Bytes that somebody else owns. data may be NULL when len is 0. */
typedef struct blt_bytes {
  const void *data;
  size_t len;
} blt_bytes;

/* ------------------------------------------------------------- status */

/* Every status with its number and its sentence, written once. */
#define BLT_STATUS_MAP(X)                                                    \
  X(OK, 0, "done")                                                           \
  X(NOT_FOUND, 1, "no such key")                                             \
  X(END, 2, "no more items")                                                 \
  X(E_INVALID, -1, "an argument is not valid")                               \
  X(E_NO_MEMORY, -2, "out of memory")                                        \
  X(E_IO, -3, "the system reported an error")                                \
  X(E_NO_FILE, -4, "no such file")                                           \
  X(E_EXISTS, -5, "the file exists already")                                 \
  X(E_NOT_BOOKLET, -6, "not a booklet file")                                 \
  X(E_VERSION, -7, "a format version that this library does not know")       \
  X(E_CORRUPT, -8, "the file is damaged")                                    \
  X(E_TRUNCATED, -9, "the file was cut while it was open")                   \
  X(E_LOCKED, -10, "the file is locked by another process")                  \
  X(E_BUSY, -11, "this process or this handle is using it already")          \
  X(E_READ_ONLY, -12, "the handle is open for reading only")                 \
  X(E_NO_SPACE, -13, "no space left; nothing was changed")                   \
  X(E_TOO_BIG, -14, "a key, value or number is beyond what the format holds")\
  X(E_UNSUPPORTED, -15, "this kind of file does not have that")              \
  X(E_MUTATED, -16, "the store changed during iteration")                    \
  X(E_COMPACTED, -17, "the store was compacted during iteration")            \
  X(E_FORKED, -18, "a writing handle is of no use in a forked child")        \
  X(E_CANCELLED, -19, "cancelled by the progress callback")                  \
  X(E_POISONED, -20, "an earlier write failed; close the handle")            \
  X(E_COMMITTED, -21, "committed and safe, but work after it failed")        \
  X(E_UNKNOWN, -22, "whether the commit happened shows at the next open")    \
  X(E_PERMISSION, -23, "the system does not permit it")                      \
  X(E_NETWORK, -24, "not written to on a network file system")

typedef enum blt_status {
#define BLT_STATUS_ENUM(name, number, sentence) BLT_##name = number,
  BLT_STATUS_MAP(BLT_STATUS_ENUM)
#undef BLT_STATUS_ENUM
} blt_status;

/* Static text, never NULL, for any number. */
BLT_API const char *blt_status_name(blt_status status);    /* "BLT_E_IO" */
BLT_API const char *blt_status_message(blt_status status); /* one clause */

/* No offset is known. */
#define BLT_NO_OFFSET UINT64_MAX

/* A failure. See blt_last_error. */
typedef struct blt_error {
  blt_status status;     /* BLT_OK when nothing has failed yet              */
  int sys_errno;         /* errno of the system call, or 0                  */
  uint64_t offset;       /* where in the file, or BLT_NO_OFFSET             */
  int holder_pid;        /* BLT_E_LOCKED: who holds the lock, 0 if unknown  */
  const char *file;      /* path as given to blt_open, or options.name, or "" */
  const char *message;   /* "FILE: what happened; what to do"               */
} blt_error;

/*
 * What the last failed call on `db` had to say. With NULL: the last blt_open,
 * blt_open_fd or blt_open_memory of this thread that failed. The struct and
 * its strings are good until the next failure on the same handle (or thread).
 * Never NULL. A failure belongs to the thread that met it, and each thread
 * remembers its last one: ask before the next call.
 */
BLT_API const blt_error *blt_last_error(const blt_db *db);

/* "0.1.0", the version of the library that is running. */
BLT_API const char *blt_version(void);

/* ------------------------------------------------------------ options */

/* What to open for. In brackets: booklet's flag. */
typedef enum blt_mode {
  BLT_READ = 0, /* an existing file, for reading ('r')                      */
  BLT_WRITE,    /* an existing file, for reading and writing ('w')          */
  BLT_CREATE,   /* the same, and made when missing ('c')                    */
  BLT_NEW       /* always empty: made, or emptied when it exists ('n')      */
} blt_mode;

/* A yes or no of which each option says what the default is. */
typedef enum blt_choice { BLT_DEFAULT = 0, BLT_ON, BLT_OFF } blt_choice;

/* The two kinds of file. ANY takes an existing file as it is and creates
 * VARIABLE ones; the others refuse a file of the wrong kind. */
typedef enum blt_kind { BLT_ANY = 0, BLT_VARIABLE, BLT_FIXED } blt_kind;

/*
 * What survives what (docs/protocol.md has the long table):
 *
 *   level   syncs                       process killed    power lost
 *   BATCH   blt_sync, blt_close and     all that was      a whole prefix of
 *           every 64 MiB of log         committed         the commits
 *   FULL    one for each commit         all committed     all committed
 *   OFF     never                       all committed     rebuilt by a scan
 *
 * A commit is blt_batch_commit, blt_sync, blt_close or the write buffer
 * running full; puts outside a batch join an open one until then.
 *
 * booklet, when it is the first to open the file of a killed process: what was
 * committed up to the last blt_sync it reads like any other file. If there were
 * commits after that, it refuses the file ("not the correct file type") until
 * this library, or any command of blt, has opened it once. After a power cut it
 * refuses as well, or its get finds all that the last blt_sync acknowledged;
 * iterate and prune there only after one of ours has opened the file.
 */
typedef enum blt_sync_level {
  BLT_SYNC_BATCH = 0,
  BLT_SYNC_FULL,
  BLT_SYNC_OFF
} blt_sync_level;

/* How the lock on the file is taken. See PROCESSES. */
typedef enum blt_lock {
  BLT_LOCK_WAIT = 0, /* wait as long as it takes, as booklet does           */
  BLT_LOCK_TIMEOUT,  /* wait lock_timeout_ms, then BLT_E_LOCKED; 0: no wait */
  BLT_LOCK_NONE      /* take none: blt_open_fd's caller holds it, or the
                        caller knows that nobody writes                     */
} blt_lock;

/*
 * How file bytes are read. AUTO maps the file, and reads it with pread on
 * network and FUSE file systems. When a mapped file is cut by a program that
 * ignores the lock, the kernel sends SIGBUS. The library installs a handler
 * for it at the first mapping of the process: it puts zeros under the
 * faulting page, passes foreign faults on to the handler before it, and the
 * call (and each later one) returns BLT_E_TRUNCATED. Set sigbus to BLT_OFF
 * to install none. PREAD never maps: slower, and not in need of a handler.
 */
typedef enum blt_io { BLT_IO_AUTO = 0, BLT_IO_MMAP, BLT_IO_PREAD } blt_io;

/* madvise hints. AUTO: RANDOM for lookups, SEQUENTIAL while a scan runs,
 * NORMAL while an opening or a repair goes through the file. */
typedef enum blt_advice {
  BLT_ADVICE_AUTO = 0,
  BLT_ADVICE_NONE,       /* leave it to the kernel                          */
  BLT_ADVICE_DROP        /* AUTO, and DONTNEED after a scan or a prune, so
                            that one pass does not keep the file resident   */
} blt_advice;

/* Serializer codes of booklet's header. The library stores them and never
 * acts on them. */
enum {
  BLT_SERIALIZER_DEFAULT = 0,   /* new files get BLT_SERIALIZER_NONE        */
  BLT_SERIALIZER_NONE = 1,      /* raw bytes                                */
  BLT_SERIALIZER_STR = 2,
  BLT_SERIALIZER_JSON = 4,
  BLT_SERIALIZER_BYTES = 32,
  BLT_SERIALIZER_CUSTOM = 65536 /* stored as 0: a class of the user's       */
};

/* Memory. All three or none; each is called with ctx. Must be thread safe
 * if the handle is used by several threads. */
typedef struct blt_allocator {
  void *(*alloc)(void *ctx, size_t len);
  void *(*resize)(void *ctx, void *old, size_t old_len, size_t len);
  void (*release)(void *ctx, void *ptr, size_t len);
  void *ctx;
} blt_allocator;

/* Microseconds since 1970, UTC. */
typedef uint64_t (*blt_clock)(void *ctx);

/*
 * Called now and then by long work, with `done` of `total` bytes; `phase` is
 * static text:
 *
 *   "prune", "reindex", "clear", "repair"  bytes that the rewrite has to
 *                     write. total is 0 while they are counted; it is the
 *                     new store's, twice when that moves to the front.
 *   "repair search"   bytes of the file that were looked through. It comes
 *                     before "repair", which with an output has bytes of the
 *                     old file too.
 *   "verify blocks"   bytes of the file, in its order
 *   "verify chains"   bytes of the index. With n_threads both are the share
 *                     of the caller's thread.
 *
 * The last call of a phase that comes to its end has done == total. Returning
 * non-zero asks to stop: the call then returns BLT_E_CANCELLED and the store
 * is as it was, or goes on if it is past the point where that is possible. It
 * must not call into the same handle.
 */
typedef int (*blt_progress)(void *ctx, const char *phase, uint64_t done,
                            uint64_t total);

/* Lengths and limits of the format, and what the options are without you. */
#define BLT_HEADER_LEN 200
#define BLT_DEFAULT_BUCKETS 12007
#define BLT_DEFAULT_BUFFER_LEN ((size_t)512 << 10)
#define BLT_DEFAULT_SIDE_TABLE_MAX ((size_t)256 << 20)
#define BLT_MAX_KEY_LEN 65535
#define BLT_MAX_VALUE_LEN UINT32_MAX

/*
 * SIDE TABLE. Lookups go through the file's own index, for which a key has to
 * be hashed with BLAKE2s, or through a table in memory from a faster hash to
 * the key's place: two to four times as fast, most of all for keys that are
 * not there. It takes 13 bytes for each key (22 in a writer, which leaves room)
 * and one scan of the file (80 to 300 ns a key, as memory is, 400 where the
 * file is not in memory; the lookup that meets it takes that long). Where a
 * reader maps the file and there are keys of up to 15 bytes, the table holds
 * these as well, for 26 bytes more for each key of the store and if
 * side_table_max has room for that: blt_has does not look at their blocks then
 * (nor meets damage there), and takes about half as long.
 * By default it is built when there were lookups for an eighth of the keys, or
 * for twice the keys by blt_get_many and blt_has_many, which gain less by it;
 * after some thousand already where they have to wait for the disk, and a
 * value takes less than 32 KiB. Not where it would need more than
 * side_table_max or the file is not mapped.
 * Commits keep it current. It is given up when blocks move (prune, reindex,
 * clear) or it gets too full, and built again when it pays again. ON builds it
 * when the file is opened, OFF never. But for that, only speed depends on it.
 */

/* Start from BLT_OPTIONS_INIT and set what you need; all zero is default (a
 * size of 0 means this version's). What describes a new file is ignored when
 * the file exists. */
typedef struct blt_options {
  size_t size;                /* sizeof(blt_options), set by the macro      */
  blt_mode mode;
  blt_kind kind;
  uint32_t fixed_value_len;   /* new FIXED files: bytes of each value; of 0
                                 the file is a set of keys                  */
  uint32_t n_buckets;         /* new files; 0: BLT_DEFAULT_BUCKETS          */
  blt_choice timestamps;      /* new VARIABLE files; default on             */
  uint32_t key_serializer;    /* new files                                  */
  uint32_t value_serializer;  /* new VARIABLE files                         */
  const void *header;         /* new files: BLT_HEADER_LEN bytes of another
                                 file to start from (booklet's init_bytes):
                                 kind, uuid, file timestamp, serializers
                                 and buckets come from it                   */
  size_t buffer_len;          /* write buffer; 0: BLT_DEFAULT_BUFFER_LEN    */
  blt_sync_level sync;
  blt_lock lock;
  uint32_t lock_timeout_ms;
  blt_io io;
  blt_advice advice;
  blt_choice sigbus;          /* see BLT_IO_AUTO; default on                */
  blt_choice recover;         /* default on. OFF: a file that needs recovery
                                 or repair is refused (write) or read
                                 through a table in memory (read)           */
  blt_choice auto_reindex;    /* default on: more buckets at a commit that
                                 leaves more keys than buckets              */
  blt_choice exclusive;       /* BLT_CREATE: ON fails with BLT_E_EXISTS when
                                 there is such a file; default off          */
  blt_choice threads;         /* default on. OFF: the caller promises one
                                 thread at a time, and saves the lock; with
                                 glibc 2.32 or later it is saved anyway, until
                                 the process starts its first thread        */
  blt_choice close_fd;        /* blt_open_fd: blt_close closes fd; default
                                 off                                        */
  const blt_allocator *allocator; /* copied; NULL: malloc                   */
  blt_clock clock;            /* NULL: the system's                         */
  void *clock_ctx;
  blt_progress progress;      /* NULL: none                                 */
  void *progress_ctx;
  blt_choice side_table;      /* see SIDE TABLE; default: when it pays      */
  size_t side_table_max;      /* bytes; 0: BLT_DEFAULT_SIDE_TABLE_MAX       */
  blt_choice network;         /* default off. ON: write on a network file
                                 system too; see NETWORK                    */
  const char *name;           /* blt_open_fd, blt_open_memory: what messages
                                 call the file. Copied; NULL: "(memory)"    */
} blt_options;

#ifdef __cplusplus
#define BLT_INIT_(type) type()
#else
#define BLT_INIT_(type) {.size = sizeof(type)}
#endif
/* All defaults. */
#define BLT_OPTIONS_INIT BLT_INIT_(blt_options)

/* ----------------------------------------------------- open and close */

/*
 * Open the file at `path`. `options` NULL means BLT_READ with defaults. A
 * store that a killed writer or a power cut left behind is recovered first;
 * blt_open_report() tells. A reader recovers through a second descriptor
 * where the system permits, else through a table in memory.
 *
 * BLT_E_NO_FILE, BLT_E_PERMISSION, BLT_E_IO, BLT_E_NO_SPACE, BLT_E_NETWORK;
 * BLT_E_NOT_BOOKLET, _VERSION, _CORRUPT; BLT_E_LOCKED, _BUSY; BLT_E_NO_MEMORY;
 * BLT_E_INVALID for options; BLT_E_POISONED, _UNKNOWN or _COMMITTED when a
 * recovery or repair could not be finished (open again). *out is NULL after a
 * failure; ask blt_last_error(NULL).
 */
BLT_API blt_status blt_open(const char *path, const blt_options *options,
                            blt_db **out);

/*
 * The same on a descriptor of the caller's (open for reading and writing
 * unless mode is BLT_READ). Its file offset is never used or moved. With
 * BLT_LOCK_NONE the caller holds the flock. CREATE and NEW make a store in
 * an empty file; NEW empties a store, and takes what a killed creation left.
 */
BLT_API blt_status blt_open_fd(int fd, const blt_options *options,
                               blt_db **out);

/*
 * A store in memory. `image` (copied; may be NULL with 0) is the content of a
 * .blt file; BLT_CREATE and BLT_NEW start from nothing. No locks, no syncs.
 */
BLT_API blt_status blt_open_memory(const void *image, size_t image_len,
                                   const blt_options *options, blt_db **out);

/* The bytes of a store in memory, as a file would hold them if it were closed
 * now: what was put is committed first, but for an open batch of the user's.
 * Good until the next call that writes. BLT_E_UNSUPPORTED on a file. */
BLT_API blt_status blt_memory_image(blt_db *db, blt_bytes *out);

/*
 * Commit what is open, make it durable (unless BLT_SYNC_OFF), mark the file
 * clean, unlock, free. An open batch of the user's is aborted. The handle is
 * gone whatever the status; blt_last_error(NULL) has the reason of a failure.
 * NULL is fine.
 */
BLT_API blt_status blt_close(blt_db *db);

/* Close and open again in another mode (BLT_READ or BLT_WRITE) under the
 * same handle, giving the lock up in between. After a failure the handle is
 * only good for blt_last_error and blt_close. BLT_E_UNSUPPORTED after
 * blt_open_fd. */
BLT_API blt_status blt_reopen(blt_db *db, blt_mode mode);

/* What blt_open found and did. */
typedef enum blt_opened {
  BLT_OPENED_CLEAN = 0,  /* closed well by us, or never touched by us       */
  BLT_OPENED_CREATED,
  BLT_OPENED_FOREIGN,    /* booklet wrote to it since; checked and accepted */
  BLT_OPENED_RECOVERED,  /* a killed writer's commits were completed        */
  BLT_OPENED_OVERLAID,   /* the same, in memory only (read-only medium)     */
  BLT_OPENED_REPAIRED    /* rebuilt by a scan of the blocks                 */
} blt_opened;

/* See blt_open_report. */
typedef struct blt_open_info {
  blt_opened what;
  uint64_t n_records;    /* RECOVERED, OVERLAID: commit records replayed    */
  uint64_t n_kept;       /* REPAIRED: keys kept                             */
  uint64_t n_dropped;    /* REPAIRED: blocks that are lost or superseded    */
  uint64_t cut_len;      /* bytes of an unfinished commit that were removed,
                            not counting the zeros behind it               */
  uint64_t reserved[4];  /* see RESERVED                                    */
} blt_open_info;

/* How the store was found when it was opened, and what was done to it. */
BLT_API blt_status blt_open_report(blt_db *db, blt_open_info *out);

/* ------------------------------------------------------- keys, values */

/*
 * Keys are 0 to 65,535 bytes; values 0 to 2^32 - 1, in a FIXED file exactly
 * its value length. booklet's own hidden keys (metadata, slots) are not found
 * by these functions and not accepted (BLT_E_INVALID) in VARIABLE files.
 */

/* The value of `key`, borrowed (see POINTERS). BLT_NOT_FOUND; BLT_E_CORRUPT,
 * _TRUNCATED, _IO. */
BLT_API blt_status blt_get(blt_db *db, const void *key, size_t key_len,
                           blt_bytes *out_value);

/* The same as a copy into buf[0..capacity). *out_len is the value's length
 * even when BLT_E_TOO_BIG says that it does not fit (nothing is copied). */
BLT_API blt_status blt_get_into(blt_db *db, const void *key, size_t key_len,
                                void *buf, size_t capacity, size_t *out_len);

/* BLT_OK or BLT_NOT_FOUND. */
BLT_API blt_status blt_has(blt_db *db, const void *key, size_t key_len);

/* Take the time from the clock. */
#define BLT_NOW UINT64_MAX

/*
 * Store a value, replacing an older one. The bytes are copied; the put joins
 * the open batch and is seen by every read of this handle at once. The
 * timestamp is the clock's. BLT_E_READ_ONLY, _TOO_BIG, _INVALID (fixed
 * length), _NO_SPACE (nothing of the batch is in the file), _POISONED.
 */
BLT_API blt_status blt_put(blt_db *db, const void *key, size_t key_len,
                           const void *value, size_t value_len);

/* The same with a timestamp, below 2^56 (BLT_E_TOO_BIG), or BLT_NOW. Files
 * without timestamps ignore it. */
BLT_API blt_status blt_put_at(blt_db *db, const void *key, size_t key_len,
                              const void *value, size_t value_len,
                              uint64_t timestamp);

/* BLT_OK, or BLT_NOT_FOUND when there was no such key. */
BLT_API blt_status blt_delete(blt_db *db, const void *key, size_t key_len);

/* One entry of blt_put_many, and what an iterator gives. */
typedef struct blt_item {
  blt_bytes key;
  blt_bytes value;     /* iterators: data is NULL unless BLT_ITER_VALUES;
                          len is always the value's length                  */
  uint64_t timestamp;  /* 0 in files without timestamps                     */
  uint64_t value_off;  /* iterators: offset of the value in the file; with
                          an open batch BLT_NO_OFFSET for what is in it     */
} blt_item;

/*
 * Many at once, faster than one by one. get: out_values[i] is as from
 * blt_get, with data NULL for a missing key (an empty value has data that is
 * not NULL). has: out_found[i] is 1 or 0. put: items are applied in order,
 * the last of equal keys wins; all of them or, after a failure, those that
 * came before the failing one in the open batch. delete: missing keys are
 * passed over. out_count (may be NULL) is how many keys were found.
 */
BLT_API blt_status blt_get_many(blt_db *db, const blt_bytes *keys,
                                size_t n_keys, blt_bytes *out_values,
                                size_t *out_count);
BLT_API blt_status blt_has_many(blt_db *db, const blt_bytes *keys,
                                size_t n_keys, unsigned char *out_found,
                                size_t *out_count);
BLT_API blt_status blt_put_many(blt_db *db, const blt_item *items,
                                size_t n_items);
BLT_API blt_status blt_delete_many(blt_db *db, const blt_bytes *keys,
                                   size_t n_keys, size_t *out_count);

/* The number of keys, hidden ones not counted, what is put but not yet
 * committed included. */
BLT_API blt_status blt_count(blt_db *db, uint64_t *out_count);

/* ---------------------------------------------------------- iteration */

/* A walk. Made by blt_iter_open, freed by blt_iter_close. */
typedef struct blt_iter blt_iter;

/* What an iterator gives, added up. Other flags are BLT_E_INVALID. */
enum {
  BLT_ITER_KEYS = 0,            /* key and lengths, always given            */
  BLT_ITER_VALUES = 1 << 0,     /* item.value.data                          */
  BLT_ITER_TIMESTAMPS = 1 << 1, /* item.timestamp                           */
  BLT_ITER_OFFSETS = 1 << 2,    /* item.value_off                           */
  BLT_ITER_HIDDEN = 1 << 3,     /* metadata and slots too                   */
  BLT_ITER_TOLERANT = 1 << 4    /* go on after puts and deletes: a key that
                                   is changed meanwhile may be given in
                                   either version or not at all             */
};

/*
 * Walk all keys in the order of the file. On a writing handle the open
 * implicit batch is committed first; inside blt_batch_begin the batch's
 * own puts come last. After a put, delete, clear, prune or reindex on the same
 * handle, or the end of such a batch, blt_iter_next fails with BLT_E_MUTATED
 * (with TOLERANT only after a rewrite, with BLT_E_COMPACTED; the batch's own
 * puts are not given then);
 * blt_timestamp_set is allowed. Close iterators before the database.
 */
BLT_API blt_status blt_iter_open(blt_db *db, unsigned flags, blt_iter **out);
/* BLT_OK and an item, or BLT_END. What the item points to: see POINTERS. */
BLT_API blt_status blt_iter_next(blt_iter *iter, blt_item *out_item);
/* The same for up to n_items at once, which is faster: BLT_OK and *out_count
 * items, at least one (n_items must not be 0), or BLT_END. Items in front of
 * what fails are given first. 8 to 32 at once are best: the next ones come
 * from memory while the caller works on these. */
BLT_API blt_status blt_iter_next_many(blt_iter *iter, blt_item *out_items,
                                      size_t n_items, size_t *out_count);
BLT_API void blt_iter_close(blt_iter *iter);

/* ------------------------------------------------- commits and batches */

/*
 * Commit the open batch, make all commits durable, and bring the file into a
 * state that booklet could read after a kill. Nothing to do is BLT_OK, but a
 * handle for reading has BLT_E_READ_ONLY. With BLT_SYNC_OFF it commits and does
 * not sync. BLT_E_COMMITTED: safe, but the handle is of no more use;
 * BLT_E_UNKNOWN: see its sentence.
 */
BLT_API blt_status blt_sync(blt_db *db);

/*
 * Do to the file what blt_close does, and stay open: commit, make durable,
 * write every link back, mark the file clean with its real count. Until the
 * next put its bytes are a whole store for who reads them without our help: a
 * backup, an upload, booklet. Dearer than blt_sync. Statuses as blt_sync.
 */
BLT_API blt_status blt_checkpoint(blt_db *db);

/*
 * An atomic group: all that is put and deleted between begin and commit is
 * in the store after a crash, or none of it. begin commits what was put
 * before. The group is held in memory. Batches do not nest (BLT_E_BUSY);
 * prune, reindex, clear, blt_sync, blt_checkpoint and blt_reopen inside one
 * are BLT_E_BUSY.
 */
BLT_API blt_status blt_batch_begin(blt_db *db);
/* BLT_E_NO_SPACE: nothing happened and the batch is still open. */
BLT_API blt_status blt_batch_commit(blt_db *db);
BLT_API blt_status blt_batch_abort(blt_db *db);

/* -------------------------------------------------------- maintenance */

/* Start from BLT_PRUNE_OPTIONS_INIT. */
typedef struct blt_prune_options {
  size_t size;                /* sizeof(blt_prune_options)                  */
  uint64_t older_than;        /* also drop live keys with a timestamp below
                                 this; 0: none. Hidden keys stay. Without
                                 timestamps in the file BLT_E_UNSUPPORTED   */
  const blt_bytes *keep_keys; /* exempt from older_than                     */
  size_t n_keep_keys;
  uint32_t n_buckets;         /* of the new index; 0: as it is              */
  blt_choice fit_buckets;     /* ON: choose the bucket count for the keys   */
} blt_prune_options;

/* All defaults. */
#define BLT_PRUNE_OPTIONS_INIT BLT_INIT_(blt_prune_options)

/*
 * Rewrite the file without its dead blocks. Safe against a crash at every
 * point; needs free space for a copy of the live data. out_dropped (may be
 * NULL) is booklet's count: dead blocks of users, values that were replaced
 * or deleted in the write buffer since the open or the last prune, and live
 * ones that were too old. The library's own commit records are dropped and
 * not counted.
 */
BLT_API blt_status blt_prune(blt_db *db, const blt_prune_options *options,
                             uint64_t *out_dropped);

/* Give the index another number of buckets; 0: the next of the growth chain
 * that is not below the number of keys. Returns BLT_OK without work when it
 * has that many already. */
BLT_API blt_status blt_reindex(blt_db *db, uint32_t n_buckets);

/* Switch the option auto_reindex on or off (an iterator with TOLERANT does
 * not outlive a reindex). Switched on, the next commit sees to the index. */
BLT_API blt_status blt_auto_reindex(blt_db *db, blt_choice choice);

/* The chain: 12007, 144013, 1728017, 20736017, then primes about twelve
 * times apart up to 2^32 - 5. The smallest that is >= n_keys. */
BLT_API uint32_t blt_buckets_for(uint64_t n_keys);

/* Remove everything, hidden keys included. */
BLT_API blt_status blt_clear(blt_db *db);

/* ------------------------------------------------------------- repair */

/* Start from BLT_REPAIR_OPTIONS_INIT. lock is as in blt_options. */
typedef struct blt_repair_options {
  size_t size;
  const char *output;    /* NULL: in place. Else a new file is made there, and
                            the damaged one is only read                    */
  int dry_run;           /* report what would be kept, and write nothing    */
  blt_lock lock;
  uint32_t lock_timeout_ms;
  const blt_allocator *allocator;
  blt_progress progress;
  void *progress_ctx;
  blt_choice network;    /* ON: write on a network file system too          */
} blt_repair_options;

/* All defaults. */
#define BLT_REPAIR_OPTIONS_INIT BLT_INIT_(blt_repair_options)

/* What blt_repair did, or with dry_run would do. */
typedef struct blt_repair_report {
  uint64_t n_kept;        /* blocks, hidden keys among them                 */
  uint64_t n_superseded;  /* older blocks of keys that were kept            */
  uint64_t n_deleted;     /* blocks that a commit had deleted or replaced   */
  uint64_t n_uncommitted; /* blocks of a commit that was not finished       */
  uint64_t n_lost;        /* places where the blocks could not be followed  */
  uint64_t lost_len;      /* bytes passed over in search of the next block  */
  uint64_t first_lost;    /* offset of the first such place, BLT_NO_OFFSET  */
  int header_guessed;     /* the header was of no use: kind and framing were
                             found by trying; or its flag of timestamps or
                             its layout was shown to be wrong               */
  uint64_t reserved[4];   /* see RESERVED                                    */
} blt_repair_report;

/*
 * Rebuild a damaged store from its blocks. A block proves itself by the hash
 * of its key; of several blocks of one key the last in the file is kept. In
 * place it is done by an ordinary rewrite: a crash leaves the old file or the
 * new one, and the damaged bytes are gone after it. A sound store comes out
 * with the same content. `report` may be NULL; it is written also when there
 * is nothing left to keep (BLT_E_CORRUPT, and nothing is changed).
 */
BLT_API blt_status blt_repair(const char *path,
                              const blt_repair_options *options,
                              blt_repair_report *report);

/* ------------------------------------------------- verify, stat, header */

/* One thing that is wrong with a file. */
typedef struct blt_fault {
  const char *kind;     /* "wild-pointer", "cycle" …: see docs/format.md    */
  uint64_t offset;      /* where it is, or BLT_NO_OFFSET                    */
  const char *message;  /* one sentence, good during the callback           */
} blt_fault;

/* Start from BLT_VERIFY_OPTIONS_INIT. */
typedef struct blt_verify_options {
  size_t size;
  void (*on_fault)(void *ctx, const blt_fault *fault); /* may be NULL       */
  void *on_fault_ctx;
  uint64_t max_faults;  /* stop after so many; 0: no limit                  */
  unsigned n_threads;   /* how many share the work, at most 64; 0: one.
                           on_fault is called by any of them, one at a time
                           and in any order; progress by the caller's.
                           Neither must call into the same handle           */
} blt_verify_options;

/* All defaults. */
#define BLT_VERIFY_OPTIONS_INIT BLT_INIT_(blt_verify_options)

/* What blt_verify counted; n_records as in blt_stats. */
typedef struct blt_verify_report {
  uint64_t n_faults, n_live, n_dead, n_hidden, n_records;
  uint64_t reserved[4]; /* see RESERVED                                     */
} blt_verify_report;

/*
 * Read everything and judge it: header, each chain, each block, the key's
 * hash, the order of regions, the count. BLT_OK when sound, BLT_E_CORRUPT
 * when there are faults (each told to on_fault); `options` and `out` may be
 * NULL. Looks at what is in the file: the open batch is committed first.
 */
BLT_API blt_status blt_verify(blt_db *db, const blt_verify_options *options,
                              blt_verify_report *out);

/* See chain_bins. */
#define BLT_CHAIN_BINS 16

/* How a file is filled; see blt_stat. */
typedef struct blt_stats {
  uint64_t file_len;
  uint64_t n_keys, n_hidden;   /* n_live is their sum                       */
  uint64_t n_live, n_dead;     /* blocks                                    */
  uint64_t n_records;          /* of n_dead: the library's own              */
  uint64_t live_len, dead_len, index_len, other_len;    /* sum: file_len    */
  uint64_t record_len;         /* of dead_len: our commit records           */
  uint64_t chain_bins[BLT_CHAIN_BINS]; /* buckets by chain length, the last
                                          bin holds all longer ones         */
  uint64_t chain_max;
  uint64_t chain_steps;        /* sum over keys of blocks read to find it   */
  uint64_t key_len_min, key_len_max, key_len_sum;
  uint64_t value_len_min, value_len_max, value_len_sum;
  uint64_t value_len_p50, value_len_p99;  /* upper bound of the bin of a
                                             16-per-octave histogram        */
  uint64_t reserved[8];        /* see RESERVED                              */
} blt_stats;

/* One pass over the index and the heads of all blocks. */
BLT_API blt_status blt_stat(blt_db *db, blt_stats *out);

/* What blt_stat tells, guessed from the chains of n_buckets buckets that are
 * spread over the index, for files that are too long to be read. Lengths of
 * parts and n_keys are right; live_len, sums, bins and steps are scaled;
 * minima, maxima and quantiles are those of the sample; dead blocks are not
 * seen (n_dead, n_records, n_hidden and record_len are 0), and dead_len is
 * what is left. */
BLT_API blt_status blt_stat_sample(blt_db *db, uint32_t n_buckets,
                                   blt_stats *out);

/* The header, decoded; see blt_header_info. */
typedef struct blt_header {
  blt_kind kind;
  unsigned version;
  uint32_t n_buckets;
  uint32_t value_len;           /* FIXED files                              */
  int has_timestamps;
  unsigned key_serializer, value_serializer;  /* codes as stored            */
  uint64_t n_keys;              /* as stored; 4294967295: not closed well   */
  uint64_t file_timestamp;
  unsigned char uuid[16];
  uint64_t index_off;           /* what is meant, never 0                   */
  uint64_t first_block_off;
  uint64_t stored_index_off;    /* what is stored                           */
  uint64_t stored_first_block_off;
  uint64_t file_len;            /* as committed                             */
  int has_checkpoint;           /* this library has written to it           */
  unsigned char bytes[BLT_HEADER_LEN];
  uint64_t reserved[4];         /* see RESERVED                             */
} blt_header;

/* What the header says, and what is meant by it. */
BLT_API blt_status blt_header_info(blt_db *db, blt_header *out);

/* Name of a serializer code, "custom" for 0, NULL when unknown; and the code
 * of a name, -1 when unknown. */
BLT_API const char *blt_serializer_name(unsigned code);
BLT_API int blt_serializer_code(const char *name);

/* The hash of a key: what finds its bucket in a file (docs/format.md §5), and
 * what parts a set of files by key. */
#define BLT_HASH_LEN 13
BLT_API void blt_key_hash(const void *key, size_t key_len,
                          unsigned char out[BLT_HASH_LEN]);

/* Counts prunes, clears and reindexes of this handle. */
BLT_API uint64_t blt_compaction_count(const blt_db *db);

/* --------------------------------------- timestamps, metadata, slots */

/* BLT_E_UNSUPPORTED in files without timestamps. set takes BLT_NOW; it
 * changes seven bytes in place and disturbs no iterator. */
BLT_API blt_status blt_timestamp_get(blt_db *db, const void *key,
                                     size_t key_len, uint64_t *out);
BLT_API blt_status blt_timestamp_set(blt_db *db, const void *key,
                                     size_t key_len, uint64_t timestamp);

/* The header's own timestamp. set takes BLT_NOW. */
BLT_API blt_status blt_file_timestamp_get(blt_db *db, uint64_t *out);
BLT_API blt_status blt_file_timestamp_set(blt_db *db, uint64_t timestamp);

/* booklet's metadata (JSON by convention, not looked at here) and two slots
 * for applications, 1 and 2. VARIABLE files only (BLT_E_UNSUPPORTED). Values
 * are borrowed as from blt_get; out_timestamp may be NULL. */
BLT_API blt_status blt_metadata_get(blt_db *db, blt_bytes *out,
                                    uint64_t *out_timestamp);
BLT_API blt_status blt_metadata_set(blt_db *db, const void *data, size_t len,
                                    uint64_t timestamp);
BLT_API blt_status blt_metadata_delete(blt_db *db);
BLT_API blt_status blt_slot_get(blt_db *db, int slot, blt_bytes *out,
                                uint64_t *out_timestamp);
BLT_API blt_status blt_slot_set(blt_db *db, int slot, const void *data,
                                size_t len, uint64_t timestamp);
BLT_API blt_status blt_slot_delete(blt_db *db, int slot);

#ifdef __cplusplus
}
#endif
#endif
